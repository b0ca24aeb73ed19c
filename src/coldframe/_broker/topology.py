"""Declaring, binding and deleting exchanges and queues.

RabbitMQ is strict: it refuses what does not fit (see refusals.py). kombu on Redis is lenient: a queue is a
list that exists while something is in it, so any name will do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from coldframe._broker import refusals
from coldframe._broker.errors import ChannelClosed
from coldframe._broker.exchanges import EXCHANGE_TYPES, Binding, Exchange
from coldframe._broker.queues import Queue

if TYPE_CHECKING:
    from coldframe._broker.broker import Broker
    from coldframe._broker.channel import Channel
    from coldframe._broker.connection import Connection


class Topology:
    """The exchanges and queues of a broker, as its clients shape them."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self._generated = 0

    # --- exchanges --------------------------------------------------------------------------------------

    def declare_exchange(
        self, name: str, kind: str, *, passive: bool, durable: bool, auto_delete: bool, arguments: dict[str, Any]
    ) -> None:
        exchanges = self.broker.exchanges
        if not name and not self.broker.is_strict:
            name = f"amq.{kind}"
        found = exchanges.get(name)
        if found is None and passive:
            raise refusals.no_exchange(name)
        if passive:
            return
        if self.broker.is_strict and (found is None or not name):
            refusals.check_exchange_name(name)
        if kind not in EXCHANGE_TYPES or (kind == "headers" and not self.broker.is_strict):
            raise ChannelClosed(503, f"COMMAND_INVALID - invalid exchange type '{kind}'")
        if found is None:
            exchanges[name] = Exchange(name, kind, durable, auto_delete, arguments)
            self.broker.routing.forget_routes()
        elif not name.startswith("amq."):
            refusals.check_same_exchange(found, kind, durable=durable, auto_delete=auto_delete, arguments=arguments)

    def delete_exchange(self, name: str, *, if_unused: bool) -> None:
        exchange = self.broker.exchanges.get(name)
        if exchange is None:
            return
        if self.broker.is_strict:
            refusals.check_exchange_name(name)
            if if_unused and exchange.bindings:
                raise ChannelClosed(406, f"PRECONDITION_FAILED - exchange '{name}' in vhost '/' in use")
        self.broker.routing.delete(name)

    def bind_exchange(self, destination: str, source: str, routing_key: str, arguments: dict[str, Any]) -> None:
        self._only_strict("exchange_bind")
        self._exchange(destination)
        self.broker.routing.bind(self._exchange(source), Binding(destination, routing_key, arguments, is_exchange=True))

    def unbind_exchange(self, destination: str, source: str, routing_key: str, arguments: dict[str, Any]) -> None:
        self._only_strict("exchange_unbind")
        binding = Binding(destination, routing_key, arguments, is_exchange=True)
        self.broker.routing.unbind(self._exchange(source), binding)

    # --- queues -----------------------------------------------------------------------------------------

    def declare_queue(
        self,
        channel: Channel,
        name: str,
        *,
        passive: bool,
        durable: bool,
        exclusive: bool,
        auto_delete: bool,
        arguments: dict[str, Any],
    ) -> tuple[str, int, int]:
        generated = not name
        if generated:
            self._generated += 1
            name = f"amq.gen-{self._generated}"
        flags: dict[str, Any] = {"durable": durable, "auto_delete": auto_delete, "arguments": arguments}
        if not self.broker.is_strict:
            return self._declare_list(channel, name, flags, passive=passive, exclusive=exclusive)
        queue = self.broker.queues.get(name)
        if queue is None:
            if passive:
                raise refusals.no_queue(name)
            refusals.check_new_queue("" if generated else name, exclusive=exclusive, **flags)
            queue = self.broker.add_queue(name, exclusive=exclusive, **flags)
            queue.owner = channel.connection if exclusive else None
        elif passive:
            refusals.check_access(channel, queue)
        else:
            refusals.check_access(channel, queue, exclusive=exclusive)
            refusals.check_same_queue(queue, **flags)
        self.broker.expiry.used(queue)
        return name, queue.size, len(queue.consumers)

    def bind_queue(
        self, channel: Channel, name: str, exchange: str, routing_key: str, arguments: dict[str, Any]
    ) -> None:
        queue = self.queue(channel, name)
        source = self._exchange(exchange or ("" if self.broker.is_strict else "amq.direct"))
        self.broker.routing.bind(source, Binding(queue.name, routing_key, arguments))
        if source.type == "fanout":
            queue.subscribed = not self.broker.is_strict

    def unbind_queue(
        self, channel: Channel, name: str, exchange: str, routing_key: str, arguments: dict[str, Any]
    ) -> None:
        source = self.broker.exchanges.get(exchange)
        if self.broker.is_strict:
            self.queue(channel, name)
            source = self._exchange(exchange)
        if source is not None:
            self.broker.routing.unbind(source, Binding(name, routing_key, arguments))

    def purge_queue(self, channel: Channel, name: str) -> int:
        queue = self.queue(channel, name)
        return self.broker.drop_all(queue, "purged")

    def delete_queue(self, channel: Channel, name: str, *, if_unused: bool, if_empty: bool) -> int:
        queue = self.broker.queues.get(name)
        if queue is None or (if_empty and queue.size and not self.broker.is_strict):
            return 0
        if self.broker.is_strict:
            refusals.check_access(channel, queue)
            refusals.check_queue_delete(queue, if_unused=if_unused, if_empty=if_empty)
        return self.broker.remove_queue(queue)

    def queue(self, channel: Channel, name: str) -> Queue:
        """The queue of that name; Redis makes one of any name."""
        queue = self.broker.queues.get(name)
        if queue is None:
            if self.broker.is_strict:
                raise refusals.no_queue(name)
            return self.broker.add_queue(name)
        if self.broker.is_strict:
            refusals.check_access(channel, queue)
        return queue

    def queue_to_consume(self, channel: Channel, name: str, tag: str, *, exclusive: bool) -> Queue:
        """The queue, if a consumer may be started on it."""
        queue = self.queue(channel, name)
        if self.broker.is_strict:
            refusals.check_consume(channel, queue, tag, exclusive=exclusive)
        return queue

    def queue_to_get(self, channel: Channel, name: str) -> Queue | None:
        """The queue, if messages can be got from it."""
        if not self.broker.is_strict:
            return self.broker.queues.get(name)
        queue = self.queue(channel, name)
        self.broker.expiry.used(queue)
        return queue

    # --- ends -------------------------------------------------------------------------------------------

    def consumers_left(self, queues: Iterable[Queue]) -> None:
        """Delete the auto-delete queues among those that have just lost consumers."""
        if not self.broker.is_strict:
            return
        for queue in queues:
            if not queue.consumers and not queue.deleted:
                if queue.auto_delete:
                    self.broker.remove_queue(queue)
                else:
                    self.broker.expiry.used(queue)

    def connection_ended(self, connection: Connection) -> None:
        """Delete the exclusive queues of a connection."""
        for queue in list(self.broker.queues.values()):
            if queue.owner is connection:
                self.broker.remove_queue(queue)

    def _declare_list(
        self, channel: Channel, name: str, flags: dict[str, Any], *, passive: bool, exclusive: bool
    ) -> tuple[str, int, int]:
        queue = self.broker.queues.get(name)
        if passive:
            if queue is None or not queue.size:
                raise refusals.no_queue(name)
            return name, queue.size, 0
        if queue is None:
            queue = self.broker.add_queue(name)
        queue.configure(exclusive=exclusive, **flags)
        if flags["auto_delete"] and name not in channel.auto_delete_queues:
            channel.auto_delete_queues.append(name)
        return name, queue.size, 0

    def _exchange(self, name: str) -> Exchange:
        exchange = self.broker.exchanges.get(name)
        if exchange is None:
            raise refusals.no_exchange(name)
        if name == "":
            raise ChannelClosed(403, "ACCESS_REFUSED - operation not permitted on the default exchange")
        return exchange

    def _only_strict(self, operation: str) -> None:
        if not self.broker.is_strict:
            raise ChannelClosed(540, f"NOT_IMPLEMENTED - transport does not support {operation}")
