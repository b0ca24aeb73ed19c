"""What tasks tell Redis: each command that writes is an effect, and so is each pipeline with one that does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import TYPE_CHECKING, Any

from coldframe._effects.gate import Failures, Gate

if TYPE_CHECKING:
    from coldframe._effects.gate import Touch

#: What real servers know and the one on the bench does not, and only reads.
MORE_READS = frozenset(
    {"BITPOS", "GEODIST", "GEOHASH", "GEOPOS", "GEOSEARCH", "HRANDFIELD", "HTTL", "PFCOUNT", "ZDIFF", "ZINTER"}
    | {"ZINTERCARD", "ZRANDMEMBER", "ZUNION", "XINFO", "XLEN", "XPENDING", "XRANGE", "XREAD", "XREVRANGE"}
    | {"DUMP", "EVAL_RO", "EVALSHA_RO", "FCALL_RO", "LCS", "SORT_RO", "TTL", "OBJECT", "MEMORY"}
)
#: What touches no data.
NO_DATA = frozenset(
    {"ACL", "BGSAVE", "CLUSTER", "COMMAND", "CONFIG", "LATENCY", "MODULE", "SENTINEL", "SLOWLOG", "WAIT"}
)

MOST_TOLD = 5

Words = Sequence[Any]


class RedisWatch:
    """Lets the commands of clients pass the gate.

    Args:
        gate: The bench's.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def command(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Sends one command."""

        @wraps(original)
        def execute(client: Any, *words: Any, **options: Any) -> Any:
            with self._passing([words]) as touch:
                if touch is not None and touch.answer is not None:
                    return touch.answer
                return original(client, *words, **options)

        return execute

    def async_command(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Sends one command, and awaits its reply."""

        @wraps(original)
        async def execute(client: Any, *words: Any, **options: Any) -> Any:
            with self._passing([words]) as touch:
                if touch is not None and touch.answer is not None:
                    return touch.answer
                return await original(client, *words, **options)

        return execute

    def pipeline(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Sends all commands of a pipeline."""

        @wraps(original)
        def execute(pipeline: Any, *args: Any, **kwargs: Any) -> Any:
            with self._passing(_queued(pipeline)) as touch:
                if touch is not None and touch.answer is not None:
                    return touch.answer
                return original(pipeline, *args, **kwargs)

        return execute

    def async_pipeline(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Sends all commands of a pipeline, and awaits their replies."""

        @wraps(original)
        async def execute(pipeline: Any, *args: Any, **kwargs: Any) -> Any:
            with self._passing(_queued(pipeline)) as touch:
                if touch is not None and touch.answer is not None:
                    return touch.answer
                return await original(pipeline, *args, **kwargs)

        return execute

    def _passing(self, commands: list[Words]) -> AbstractContextManager[Touch | None]:
        if not commands or not self._gate.watches():
            return nullcontext()
        told = [Told(words) for words in commands]
        if not any(one.writes for one in told):
            for one in told:
                for key in one.keys if one.writes is False else ():
                    self._gate.reading(f"redis {key}")
            return nullcontext()
        keys = list(dict.fromkeys(key for one in told for key in one.keys))
        return self._gate.passing(
            "redis.write",
            _in_a_line([one.what for one in told]),
            details={"commands": [one.words for one in told]},
            failures=FAILURES,
            resource=f"redis {' '.join(keys) or '*'}",
        )


class Told:
    """One command in words.

    Attributes:
        words: All of it, as text.
        writes: Whether it writes; None for what touches no data.
        keys: The keys that it touches.
        what: The command and its keys.
    """

    def __init__(self, words: Words) -> None:
        from coldframe._effects.redis_server.server import COMMANDS

        name, *inner = str(words[0]).upper().split()
        rest = [*(part.encode() for part in inner), *map(_as_bytes, words[1:])]
        known = COMMANDS.get(name)
        self.words = [name, *map(_as_text, rest)]
        self.writes: bool | None
        if known is not None:
            self.writes = known.writes
            self.keys = [_as_text(key) for key in known.keys(rest)]
        else:
            self.writes = None if name in NO_DATA else name not in MORE_READS
            self.keys = [_as_text(word) for word in rest[:1]]
        self.what = " ".join([name, *self.keys])


def _as_bytes(value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    return str(value).encode()


def _as_text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _queued(pipeline: Any) -> list[Words]:
    return [getattr(queued, "args", None) or queued[0] for queued in pipeline.command_stack]


def _in_a_line(whats: list[str]) -> str:
    told, more = whats[:MOST_TOLD], len(whats) - MOST_TOLD
    return ", ".join([*told, *([f"and {more} more"] if more > 0 else [])])


def _failure(name: str, text: str) -> Callable[[], BaseException]:
    def make() -> BaseException:
        from redis import exceptions

        error: BaseException = getattr(exceptions, name)(text)
        return error

    return make


FAILURES: Failures = {
    "connection lost": _failure("ConnectionError", "Connection closed by server."),
    "timeout": _failure("TimeoutError", "Timeout reading from socket"),
    "read only": _failure("ReadOnlyError", "You can't write against a read only replica."),
}
