"""Django's cache: what a task writes to it is an effect, whichever backend keeps it."""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from types import ModuleType
from typing import TYPE_CHECKING, Any

from coldframe._effects.families import watch_family
from coldframe._effects.gate import Failures, Gate
from coldframe._effects.imports import when_imported

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench

#: The methods that write, with the names of their arguments.
WRITES: dict[str, tuple[str, ...]] = {
    "set": ("key", "value", "timeout", "version"),
    "add": ("key", "value", "timeout", "version"),
    "touch": ("key", "timeout", "version"),
    "delete": ("key", "version"),
    "incr": ("key", "delta", "version"),
    "decr": ("key", "delta", "version"),
    "incr_version": ("key", "delta", "version"),
    "decr_version": ("key", "delta", "version"),
    "set_many": ("data", "timeout", "version"),
    "delete_many": ("keys", "version"),
    "clear": (),
}
#: `get_or_set` is left out: it calls the others, and the project's own code for the value.
READS: dict[str, tuple[str, ...]] = {
    "get": ("key", "default", "version"),
    "has_key": ("key", "version"),
    "get_many": ("keys", "version"),
}
METHODS = {name: arguments for known in (WRITES, READS) for name, arguments in known.items()}
METHODS |= {f"a{name}": arguments for name, arguments in METHODS.items()}


def join_in(stack: ExitStack, opened: OpenBench) -> None:
    """Watch all caches until the stack closes."""
    watch = CacheWatch(opened.gate)

    def patch(module: ModuleType) -> None:
        watch_family(stack, module.BaseCache, METHODS, watch.wrap)

    when_imported(stack, "django.core.cache.backends.base", patch)


class CacheWatch:
    """Lets the calls of caches pass the gate; what a call does to other caches, or to itself, is part of it.

    Args:
        gate: The bench's.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        #: Attempts that are inside a call that only reads.
        self._reading: set[Any] = set()

    def wrap(self, name: str, original: Any) -> Any:
        """What takes the place of a method."""
        operation = name if name in WRITES or name in READS else name[1:]
        names = METHODS[name]
        is_read = operation in READS
        if name != operation:
            return self._asynchronous(operation, names, original, is_read=is_read)

        @wraps(original)
        def method(cache: Any, *args: Any, **kwargs: Any) -> Any:
            if not self._watches():
                return original(cache, *args, **kwargs)
            with self._passing(cache, operation, _named(names, args, kwargs), is_read=is_read) as answer:
                return original(cache, *args, **kwargs) if answer is None else answer

        return method

    def _asynchronous(
        self, operation: str, names: tuple[str, ...], original: Callable[..., Awaitable[Any]], *, is_read: bool
    ) -> Any:
        @wraps(original)
        async def method(cache: Any, *args: Any, **kwargs: Any) -> Any:
            if not self._watches():
                return await original(cache, *args, **kwargs)
            with self._passing(cache, operation, _named(names, args, kwargs), is_read=is_read) as answer:
                return await original(cache, *args, **kwargs) if answer is None else answer

        return method

    def _watches(self) -> bool:
        return self._gate.watches() and self._gate.world.attempt() not in self._reading

    @contextmanager
    def _passing(self, cache: Any, operation: str, given: dict[str, Any], *, is_read: bool) -> Iterator[Any]:
        keys = _keys(given)
        resource = _resource(cache, keys, given)
        if is_read:
            self._gate.reading(resource)
            attempt = self._gate.world.attempt()
            self._reading.add(attempt)
            try:
                yield None
            finally:
                self._reading.discard(attempt)
            return
        what = " ".join([operation, *map(str, keys)])
        details = {"operation": operation, "backend": type(cache).__name__, **given}
        with self._gate.passing(
            "cache.write", what, details=details, failures=failures_of(cache), resource=resource
        ) as touch:
            yield touch.answer


def _named(names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call by name; a timeout that was left out is Django's marker for that, an `object()`."""
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    if "keys" in given:
        given["keys"] = list(given["keys"])
    return {name: value for name, value in given.items() if type(value) is not object and value is not None}


def _keys(given: dict[str, Any]) -> list[Any]:
    if "key" in given:
        return [given["key"]]
    return list(given.get("keys") or given.get("data") or ())


def _resource(cache: Any, keys: list[Any], given: dict[str, Any]) -> str:
    made = (str(cache.make_key(key, given.get("version"))) for key in keys)
    return f"cache {' '.join(made) or '*'}"


def failures_of(cache: Any) -> Failures:
    """How a backend fails: with the exceptions of its own client."""
    modules = " ".join(kind.__module__ for kind in type(cache).__mro__)
    if "redis" in modules:
        return {"connection lost": _redis_error("ConnectionError"), "timeout": _redis_error("TimeoutError")}
    if modules.startswith("django.core.cache.backends.filebased"):
        return {"disk full": lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))}
    if modules.startswith("django.core.cache.backends.db"):
        return {"connection lost": _database_error}
    return {"connection lost": lambda: ConnectionError("the connection to the cache was lost")}


def _redis_error(name: str) -> Callable[[], BaseException]:
    def make() -> BaseException:
        from redis import exceptions

        error: BaseException = getattr(exceptions, name)("the connection to the cache was lost")
        return error

    return make


def _database_error() -> BaseException:
    from django.db import OperationalError

    error: BaseException = OperationalError("server closed the connection unexpectedly")
    return error
