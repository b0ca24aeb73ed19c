"""A channel to the simulated broker, with the interface that kombu expects of an AMQP channel."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from amqp.protocol import queue_declare_ok_t
from kombu.message import Message as KombuMessage
from kombu.transport import base
from kombu.transport.base import to_rabbitmq_queue_arguments

from coldframe._broker.errors import ConnectionGone
from coldframe._broker.message import Delivery, Message
from coldframe._broker.profiles import Redis

if TYPE_CHECKING:
    from coldframe._celery.transport import Connection

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


#: What may become of a message on its way to the broker, beside arriving.
LOSE, DUPLICATE = "lose", "duplicate"
PUBLISH_FAILURES: dict[str, Callable[[], Any]] = {
    "connection lost": lambda: ConnectionGone("the connection to the broker was lost"),
    LOSE: lambda: LOSE,
    DUPLICATE: lambda: DUPLICATE,
}

NOTHING = nullcontext()


class ChannelQoS:
    """Decides whether a channel of the Redis transport may ask for another message."""

    def can_consume(self) -> bool:
        return True


class Channel(base.StdChannel):
    """A channel to the simulated broker, with the interface of an AMQP channel."""

    def __init__(self, connection: Connection) -> None:
        self.connection: Connection | None = connection
        self._world = connection.world
        self._channel = connection.link.channel()
        self.channel_id = self._channel.number
        self.callbacks: dict[str, Callable[[Delivery], Any]] = {}
        self._qos: ChannelQoS | None = None
        self._is_redis = isinstance(connection.world.broker.profile, Redis)

    @property
    def qos(self) -> ChannelQoS:
        """Where a worker with `worker_disable_prefetch` puts its own answer."""
        if self._qos is None:
            self._qos = qos = ChannelQoS()
            self._channel.may_pull = lambda: qos.can_consume()
        return self._qos

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
        gate = self._world.gate
        if gate is None or message.task_id is None or not gate.watches():
            self._channel.publish(message, exchange or "", routing_key or "")
            return
        details = {"task": message.task, "routing_key": routing_key, "body": message.body.decode("utf-8", "replace")}
        with gate.passing("publish", str(message.task), details=details, failures=PUBLISH_FAILURES) as touch:
            if touch.answer != LOSE:
                self._channel.publish(message, exchange or "", routing_key or "")
            if touch.answer == DUPLICATE:
                self._channel.publish(message.copy(), exchange or "", routing_key or "")

    def basic_consume(
        self,
        queue: str,
        no_ack: bool = False,
        callback: Callable[[Delivery], Any] | None = None,
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

    def basic_get(self, queue: str, no_ack: bool = False, **options: Any) -> Delivery | None:
        return self._channel.get(queue, no_ack=bool(no_ack))

    def basic_ack(self, delivery_tag: int, multiple: bool = False) -> None:
        with self._step("ack", self._held(delivery_tag)):
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
            with self._step("delivery", delivery.message):
                callback(delivery)

    def _held(self, tag: int) -> Message | None:
        held = self._channel.unacked.get(tag)
        return None if held is None else held.entry.message

    def _step(self, name: str, message: Message | None) -> AbstractContextManager[object]:
        """What a node does with a task's message can be broken, if somebody watches."""
        gate, process = self._world.gate, self._world.process
        node = self._world.nodes.get(process.name) if gate is not None else None
        if gate is None or node is None or message is None or message.task_id is None:
            return NOTHING
        return gate.step(name, message, node)

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
