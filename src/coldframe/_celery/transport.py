"""The kombu transport of the simulated broker: real messages over simulated connections."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from kombu.message import Message as KombuMessage
from kombu.transport import TRANSPORT_ALIASES, _transport_cache, base
from kombu.transport.base import to_rabbitmq_queue_arguments
from kombu.transport.virtual.base import queue_declare_ok_t

from coldframe._broker import broker as simulated
from coldframe._broker.errors import ChannelClosed, ConnectionGone
from coldframe._broker.message import Delivery, Message
from coldframe._broker.profiles import Redis
from coldframe._celery import world as worlds
from coldframe._core.moments import seconds_to_micros

SCHEME = "coldframe"

#: The properties that travel with an AMQP message; kombu passes others, which the wire drops.
PROPERTIES = frozenset(
    {
        "app_id",
        "cluster_id",
        "correlation_id",
        "delivery_mode",
        "expiration",
        "message_id",
        "priority",
        "reply_to",
        "timestamp",
        "type",
        "user_id",
    }
)


def register() -> None:
    """Let kombu find the transport by the scheme `coldframe://`."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"


def unregister() -> None:
    """Leave kombu as it was."""
    TRANSPORT_ALIASES.pop(SCHEME, None)
    _transport_cache.pop(SCHEME, None)


class VirtualSocket:
    """What a node's hub polls instead of a file descriptor: readable while there is something to take."""

    def __init__(self, number: int, readable: Callable[[], bool]) -> None:
        self._number = number
        self.readable = readable
        self.on_readable: Callable[[], None] | None = None
        #: True while a running hub polls it, so that nobody else needs to wait for it.
        self.is_polled = False

    def fileno(self) -> int:
        return self._number

    def notify(self) -> None:
        if self.on_readable is not None:
            self.on_readable()


class Channel(base.StdChannel):
    """A channel to the simulated broker, with the interface of an AMQP channel."""

    def __init__(self, connection: Connection) -> None:
        self.connection: Connection | None = connection
        self._channel = connection.link.channel()
        self.channel_id = self._channel.number
        self.callbacks: dict[str, Callable[[KombuMessage], Any]] = {}
        self._is_redis = isinstance(connection.world.broker.profile, Redis)

    @property
    def closed(self) -> bool:
        return self._channel.closed

    @property
    def is_open(self) -> bool:
        return not self._channel.closed

    # --- messages ---------------------------------------------------------------------------------------

    def prepare_message(
        self,
        body: str | bytes,
        priority: int | None = None,
        content_type: str | None = None,
        content_encoding: str | None = None,
        headers: dict[str, Any] | None = None,
        properties: dict[str, Any] | None = None,
    ) -> Message:
        headers = headers or {}
        wire = {key: value for key, value in (properties or {}).items() if key in PROPERTIES and value is not None}
        if priority is not None or self._is_redis:
            wire["priority"] = priority or wire.get("priority", 0)
        wire["content_type"] = content_type
        wire["content_encoding"] = content_encoding
        message = Message(
            body=body.encode("utf-8") if isinstance(body, str) else body, headers=headers, properties=wire
        )
        if "task" in headers:
            message.task = headers["task"]
            message.task_id = headers.get("id")
            message.eta = headers.get("eta")
            message.expires = headers.get("expires")
            message.retries = headers.get("retries") or 0
            message.parent_id = headers.get("parent_id")
            message.root_id = headers.get("root_id")
            message.group_id = headers.get("group")
        return message

    def message_to_python(self, delivery: Delivery) -> KombuMessage:
        properties = delivery.message.properties
        delivery_info: dict[str, Any] = {"exchange": delivery.exchange, "routing_key": delivery.routing_key}
        if not self._is_redis:
            delivery_info.update(
                consumer_tag=delivery.consumer_tag, delivery_tag=delivery.tag, redelivered=delivery.redelivered
            )
        elif delivery.redelivered:
            delivery_info["redelivered"] = True
        return KombuMessage(
            body=delivery.message.body,
            channel=self,
            delivery_tag=delivery.tag,
            content_type=properties.get("content_type"),
            content_encoding=properties.get("content_encoding"),
            delivery_info=delivery_info,
            properties=properties,
            headers=delivery.message.headers,
        )

    def basic_publish(self, message: Message, exchange: str = "", routing_key: str = "", **options: Any) -> None:
        self._channel.publish(message, exchange or "", routing_key or "")

    def basic_consume(
        self,
        queue: str,
        no_ack: bool = False,
        callback: Callable[[KombuMessage], Any] | None = None,
        consumer_tag: str = "",
        exclusive: bool = False,
        arguments: dict[str, Any] | None = None,
        **options: Any,
    ) -> str:
        if callback is not None:
            self.callbacks[consumer_tag] = callback
        priority = (arguments or {}).get("x-priority", 0)
        self._channel.consume(queue, consumer_tag, no_ack=bool(no_ack), exclusive=exclusive, priority=priority)
        return consumer_tag

    def basic_cancel(self, consumer_tag: str, **options: Any) -> None:
        if not self._channel.closed:
            self._channel.cancel(consumer_tag)
        self.callbacks.pop(consumer_tag, None)

    def basic_get(self, queue: str, no_ack: bool = False, **options: Any) -> KombuMessage | None:
        delivery = self._channel.get(queue, no_ack=bool(no_ack))
        return None if delivery is None else self.message_to_python(delivery)

    def basic_ack(self, delivery_tag: int, multiple: bool = False) -> None:
        self._channel.ack(delivery_tag, multiple=multiple)

    def basic_reject(self, delivery_tag: int, requeue: bool = False) -> None:
        self._channel.reject(delivery_tag, requeue=requeue)

    def basic_recover(self, requeue: bool = False) -> None:
        self._channel.recover(requeue=requeue)

    def basic_qos(self, prefetch_size: int = 0, prefetch_count: int = 0, apply_global: bool = False) -> None:
        self._channel.qos(prefetch_count, is_global=bool(apply_global))

    def flow(self, active: bool = True) -> None:
        """RabbitMQ answers flow without stopping anything; so does the bench."""

    def deliver(self, delivery: Delivery) -> None:
        callback = self.callbacks.get(delivery.consumer_tag or "")
        if callback is not None:
            callback(self.message_to_python(delivery))

    # --- declarations -----------------------------------------------------------------------------------

    def prepare_queue_arguments(self, arguments: dict[str, Any] | None, **options: Any) -> dict[str, Any]:
        prepared: dict[str, Any] = to_rabbitmq_queue_arguments(arguments or {}, **options)
        return prepared

    def exchange_declare(
        self,
        exchange: str,
        type: str = "direct",
        passive: bool = False,
        durable: bool = False,
        auto_delete: bool = False,
        arguments: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self._channel.exchange_declare(
            exchange, type or "direct", passive=passive, durable=durable, auto_delete=auto_delete, arguments=arguments
        )

    def exchange_delete(self, exchange: str, if_unused: bool = False, **options: Any) -> None:
        self._channel.exchange_delete(exchange, if_unused=if_unused)

    def exchange_bind(
        self,
        destination: str,
        source: str = "",
        routing_key: str = "",
        arguments: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self._channel.exchange_bind(destination, source, routing_key, arguments)

    def exchange_unbind(
        self,
        destination: str,
        source: str = "",
        routing_key: str = "",
        arguments: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self._channel.exchange_unbind(destination, source, routing_key, arguments)

    def queue_declare(
        self,
        queue: str = "",
        passive: bool = False,
        durable: bool = False,
        exclusive: bool = False,
        auto_delete: bool = False,
        arguments: dict[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        declared = self._channel.queue_declare(
            queue, passive=passive, durable=durable, exclusive=exclusive, auto_delete=auto_delete, arguments=arguments
        )
        return queue_declare_ok_t(*declared)

    def queue_bind(
        self,
        queue: str,
        exchange: str = "",
        routing_key: str = "",
        arguments: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self._channel.queue_bind(queue, exchange, routing_key, arguments)

    def queue_unbind(
        self,
        queue: str,
        exchange: str = "",
        routing_key: str = "",
        arguments: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self._channel.queue_unbind(queue, exchange, routing_key, arguments)

    def queue_purge(self, queue: str, **options: Any) -> int:
        return self._channel.queue_purge(queue)

    def queue_delete(self, queue: str, if_unused: bool = False, if_empty: bool = False, **options: Any) -> int:
        return self._channel.queue_delete(queue, if_unused=if_unused, if_empty=if_empty)

    def close(self) -> None:
        if self.connection is not None:
            self.connection.forget(self)
            self.connection = None
        if not self._channel.closed:
            self._channel.close()


class Connection:
    """One connection of a simulated process to the simulated broker."""

    def __init__(self, world: worlds.World, client: Any) -> None:
        self.world = world
        self.client = client
        self.link: simulated.Connection = world.broker.connect(world.process.name)
        self.socket = VirtualSocket(world.next_socket(), self._readable)
        self.link.on_ready = self.socket.notify
        self._channels: dict[int, Channel] = {}

    @property
    def channels(self) -> list[Channel]:
        return list(self._channels.values())

    @property
    def connected(self) -> bool:
        return self.link.alive

    def _readable(self) -> bool:
        return not self.link.alive or self.link.ready()

    def channel(self) -> Channel:
        channel = Channel(self)
        self._channels[channel.channel_id] = channel
        return channel

    def forget(self, channel: Channel) -> None:
        self._channels.pop(channel.channel_id, None)

    def deliver_one(self) -> bool:
        """Hand one delivery to its consumer; False if there is none."""
        if not self.link.alive:
            raise ConnectionGone("the connection to the broker was lost")
        taken = self.link.take()
        if taken is None:
            return False
        channel, delivery = taken
        self._channels[channel.number].deliver(delivery)
        return True

    def drain_events(self, timeout: float | None = None) -> None:
        """Deliver one message, waiting for it in virtual time.

        Raises:
            TimeoutError: When none came in time, as a socket would.
        """
        if self.deliver_one():
            return
        # A connection that a running hub polls has nothing: the hub does the waiting.
        if timeout == 0 or self.socket.is_polled:
            raise socket.timeout("timed out")
        scheduler = self.world.scheduler
        fiber = scheduler.current
        before, self.socket.on_readable = self.socket.on_readable, lambda: scheduler.wake(fiber)
        try:
            deadline = None if timeout is None else scheduler.now + seconds_to_micros(timeout)
            while not self.deliver_one():
                left = None if deadline is None else deadline - scheduler.now
                if left is not None and left <= 0:
                    raise socket.timeout("timed out")
                scheduler.park(left)
        finally:
            self.socket.on_readable = before

    def collect(self) -> None:
        self.link.drop()
        self._channels.clear()

    def close(self) -> None:
        for channel in self.channels:
            channel.connection = None
        self._channels.clear()
        if self.link.alive:
            self.link.close()


class Transport(base.Transport):
    """Connects kombu to the broker of the open bench."""

    connection_errors = (ConnectionGone, OSError)
    channel_errors = (ChannelClosed,)
    recoverable_connection_errors = connection_errors
    recoverable_channel_errors = channel_errors
    implements = base.Transport.implements.extend(
        asynchronous=True, exchange_type=frozenset(["direct", "topic", "fanout", "headers"]), heartbeats=False
    )

    def __init__(self, client: Any, **options: Any) -> None:
        super().__init__(client, **options)
        world = worlds.current()
        if world is None:
            raise ConnectionGone("this connection belongs to a bench that is closed")
        self.world = world
        is_redis = isinstance(world.broker.profile, Redis)
        self.driver_type = "redis" if is_redis else "amqp"
        self.driver_name = "redis" if is_redis else "py-amqp"

    def driver_version(self) -> str:
        return "coldframe"

    def establish_connection(self) -> Connection:
        if worlds.current() is not self.world:
            raise ConnectionGone("this connection belongs to a bench that is closed")
        return Connection(self.world, self.client)

    def close_connection(self, connection: Connection) -> None:
        connection.client = None
        connection.close()

    def create_channel(self, connection: Connection) -> Channel:
        return connection.channel()

    def close_channel(self, channel: Channel) -> None:
        channel.close()

    def drain_events(self, connection: Connection, timeout: float | None = None, **options: Any) -> None:
        connection.drain_events(timeout=timeout)

    def verify_connection(self, connection: Connection) -> bool:
        return connection.connected

    def _collect(self, connection: Connection | None) -> None:
        if connection is not None:
            connection.collect()

    def register_with_event_loop(self, connection: Connection, loop: Any) -> None:
        loop.add_reader(connection.socket, self.on_readable, connection, loop)

    def on_readable(self, connection: Connection, loop: Any) -> None:
        connection.deliver_one()

    def qos_semantics_matches_spec(self, connection: Connection) -> bool:
        """RabbitMQ 3.3 to 3.x counts a prefetch set without the global flag per consumer."""
        profile = self.world.broker.profile
        return isinstance(profile, Redis) or profile.version >= (4, 0)

    def as_uri(self, uri: str, include_password: bool = False, mask: str = "**") -> str:
        return f"{SCHEME}://{self.world.broker.profile.name}"
