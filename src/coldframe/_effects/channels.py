"""Django Channels: what a task sends to a channel or a group is an effect, whichever layer carries it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import wraps
from types import ModuleType
from typing import TYPE_CHECKING, Any

from coldframe._effects.families import watch_family
from coldframe._effects.gate import Failures, Gate
from coldframe._effects.imports import when_imported

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench

METHODS = {"send": "channel", "group_send": "group"}


def join_in(stack: ExitStack, opened: OpenBench) -> None:
    """Watch all channel layers until the stack closes."""
    gate = opened.gate

    def patch(module: ModuleType) -> None:
        watch(module.BaseChannelLayer)

    def patch_pubsub(module: ModuleType) -> None:
        watch(module.RedisPubSubLoopLayer)  # the only layer that is none by its base classes

    def watch(base: type) -> None:
        watch_family(stack, base, METHODS, lambda name, original: _watched(gate, METHODS[name], original))

    when_imported(stack, "channels.layers", patch)
    when_imported(stack, "channels_redis.pubsub", patch_pubsub)


def _watched(gate: Gate, kind: str, original: Callable[..., Awaitable[Any]]) -> Any:
    failures: Failures = {"connection lost": _connection_lost}
    if kind == "channel":  # a group's sender is not told of the members that are full
        failures = {**failures, "full": _channel_full}

    @wraps(original)
    async def send(layer: Any, to: str, message: dict[str, Any]) -> Any:
        if not gate.watches():
            return await original(layer, to, message)
        with gate.passing(
            "channels.send",
            f"{message.get('type', 'a message')} to {kind} {to}" if isinstance(message, dict) else f"to {kind} {to}",
            details={kind: to, "message": message},
            failures=failures,
            resource=f"{kind} {to}",
        ) as touch:
            return await original(layer, to, message) if touch.answer is None else touch.answer

    return send


def _connection_lost() -> BaseException:
    """What the layer on Redis raises; without redis-py, what a layer of one's own may raise."""
    try:
        from redis.exceptions import ConnectionError as RedisConnectionError
    except ImportError:
        return ConnectionError("the connection to the channel layer was lost")
    error: BaseException = RedisConnectionError("the connection to the channel layer was lost")
    return error


def _channel_full() -> BaseException:
    from channels.exceptions import ChannelFull

    error: BaseException = ChannelFull()
    return error
