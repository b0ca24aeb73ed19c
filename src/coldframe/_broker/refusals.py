"""When RabbitMQ refuses an operation, and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coldframe._broker.errors import ChannelClosed

if TYPE_CHECKING:
    from coldframe._broker.channel import Channel
    from coldframe._broker.exchanges import Exchange
    from coldframe._broker.queues import Queue

#: Arguments in which a second declaration of a queue must agree; others are ignored, as RabbitMQ does.
COMPARED_ARGUMENTS = (
    "x-expires",
    "x-message-ttl",
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-max-length",
    "x-max-priority",
    "x-overflow",
    "x-queue-type",
    "x-single-active-consumer",
    "x-delivery-limit",
)

WIRE_TYPES = {bool: "bool", int: "signedint", str: "longstr"}


def no_exchange(name: str) -> ChannelClosed:
    """The answer to an operation on an exchange that does not exist."""
    return ChannelClosed(404, f"NOT_FOUND - no exchange '{name}' in vhost '/'")


def no_queue(name: str) -> ChannelClosed:
    """The answer to an operation on a queue that does not exist."""
    return ChannelClosed(404, f"NOT_FOUND - no queue '{name}' in vhost '/'")


def check_exchange_name(name: str) -> None:
    """The default exchange and the names of the server's own exchanges are not for clients to declare."""
    if name == "":
        raise ChannelClosed(403, "ACCESS_REFUSED - operation not permitted on the default exchange")
    if name.startswith("amq."):
        raise ChannelClosed(403, f"ACCESS_REFUSED - exchange name '{name}' contains reserved prefix 'amq.*'")


def check_same_exchange(
    exchange: Exchange, kind: str, *, durable: bool, auto_delete: bool, arguments: dict[str, Any]
) -> None:
    """An exchange can only be declared again as it is."""
    where = f"for exchange '{exchange.name}' in vhost '/'"
    pairs = (
        ("type", kind, exchange.type),
        ("durable", _word(durable), _word(exchange.durable)),
        ("auto_delete", _word(auto_delete), _word(exchange.auto_delete)),
    )
    for name, received, current in pairs:
        if received != current:
            raise _inequivalent(name, where, f"'{received}'", f"'{current}'")
    name = "alternate-exchange"
    if arguments.get(name) != exchange.arguments.get(name):
        raise _inequivalent(name, where, _typed(arguments.get(name)), _typed(exchange.arguments.get(name)))


def check_access(channel: Channel, queue: Queue, *, exclusive: bool | None = None) -> None:
    """An exclusive queue is for the connection that declared it."""
    is_foreign = queue.owner is not None and queue.owner is not channel.connection
    if is_foreign or (exclusive is not None and exclusive is not queue.exclusive):
        raise ChannelClosed(
            405,
            f"RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{queue.name}' in vhost '/'. It could "
            "be originally declared on another connection or the exclusive property value does not match that of the "
            "original declaration.",
        )


def check_new_queue(name: str, *, durable: bool, exclusive: bool, auto_delete: bool, arguments: dict[str, Any]) -> None:
    """Names with the server's prefix are reserved, and a quorum queue is durable and shared."""
    if name.startswith("amq."):
        raise ChannelClosed(403, f"ACCESS_REFUSED - queue name '{name}' contains reserved prefix 'amq.*'")
    if arguments.get("x-queue-type") == "quorum":
        wrong = {"non-durable": not durable, "auto-delete": auto_delete, "exclusive-owner": exclusive}
        for word, is_wrong in wrong.items():
            if is_wrong:
                raise ChannelClosed(
                    406, f"PRECONDITION_FAILED - invalid property '{word}' for queue '{name}' in vhost '/'"
                )


def check_same_queue(queue: Queue, *, durable: bool, auto_delete: bool, arguments: dict[str, Any]) -> None:
    """A queue can only be declared again as it is."""
    where = f"for queue '{queue.name}' in vhost '/'"
    pairs = (("durable", durable, queue.durable), ("auto_delete", auto_delete, queue.auto_delete))
    for name, received, current in pairs:
        if received is not current:
            raise _inequivalent(name, where, f"'{_word(received)}'", f"'{_word(current)}'")
    for name in COMPARED_ARGUMENTS:
        default = "classic" if name == "x-queue-type" else None
        wanted, present = arguments.get(name, default), queue.arguments.get(name, default)
        if wanted != present:
            raise _inequivalent(name, where, _typed(wanted), _typed(present))


def check_consume(channel: Channel, queue: Queue, tag: str, *, exclusive: bool) -> None:
    """A tag is used once per channel, an exclusive consumer is alone, a quorum queue knows no prefetch per channel."""
    if tag in channel.consumers:
        raise ChannelClosed(530, f"NOT_ALLOWED - attempt to reuse consumer tag '{tag}'")
    if queue.consumers and (exclusive or queue.consumers[0].exclusive):
        raise ChannelClosed(403, f"ACCESS_REFUSED - queue '{queue.name}' in vhost '/' in exclusive use")
    if queue.is_quorum and channel.limit:
        raise ChannelClosed(540, f"NOT_IMPLEMENTED - queue '{queue.name}' in vhost '/' does not support global qos")


def check_queue_delete(queue: Queue, *, if_unused: bool, if_empty: bool) -> None:
    """A client can ask that a queue is only deleted when nobody would miss it."""
    if if_unused and queue.consumers:
        raise ChannelClosed(406, f"PRECONDITION_FAILED - queue '{queue.name}' in vhost '/' in use")
    if if_empty and queue.size:
        raise ChannelClosed(406, f"PRECONDITION_FAILED - queue '{queue.name}' in vhost '/' not empty")


def _inequivalent(name: str, where: str, received: str, current: str) -> ChannelClosed:
    text = f"PRECONDITION_FAILED - inequivalent arg '{name}' {where}: received {received} but current is {current}"
    return ChannelClosed(406, text)


def _word(flag: bool) -> str:  # noqa: FBT001 -- it formats the flag
    return "true" if flag else "false"


def _typed(value: Any) -> str:
    if value is None:
        return "none"
    return f"the value '{value}' of type '{WIRE_TYPES.get(type(value), 'longstr')}'"
