"""Which result store an app gets on a bench: its own class wherever possible, never its own server."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from celery.backends.base import DisabledBackend, KeyValueStoreBackend

from coldframe._celery.patches import replace
from coldframe._celery.redis_client import RedisServer
from coldframe._core.moments import seconds_to_micros

if TYPE_CHECKING:
    from celery import Celery

    from coldframe._celery.world import World

#: Result stores that live on a server and that the bench keeps in memory instead.
SERVER_BACKENDS = frozenset(
    f"celery.backends.{name}"
    for name in (
        "arangodb",
        "azureblockblob",
        "cassandra",
        "consul",
        "cosmosdbsql",
        "couchbase",
        "couchdb",
        "dynamodb",
        "elasticsearch",
        "gcs",
        "mongodb",
        "s3",
    )
)


class MemoryBackend(KeyValueStoreBackend):
    """Keeps results in memory, for result stores whose servers a bench does not simulate."""

    implements_incr = True
    persistent = True

    def __init__(self, app: Celery, server: RedisServer, **options: Any) -> None:
        super().__init__(app=app, **options)
        self._client = server.client()

    def get(self, key: str) -> Any:
        return self._client.get(key)

    def mget(self, keys: Any) -> Any:
        return self._client.mget(keys)

    def set(self, key: str, value: Any) -> Any:
        return self._client.set(key, value, ex=int(self.expires) if self.expires else None)

    def delete(self, key: str) -> Any:
        return self._client.delete(key)

    def incr(self, key: str) -> Any:
        return self._client.incr(key)

    def expire(self, key: str, value: Any) -> Any:
        return self._client.expire(key, int(value))


def install(stack: ExitStack, world: World, app: Celery) -> None:
    """Have the app make its result store anew for the time of the bench, when it is first asked for."""
    make_backend = app._get_backend
    replace(stack, app, "_backend_cache", None)
    _empty_memory_cache(stack)
    own = vars(app._local).pop("backend", None)
    if own is not None:
        stack.callback(setattr, app._local, "backend", own)
    stack.callback(vars(app._local).pop, "backend", None)
    replace(stack, app, "_get_backend", lambda: _watched(stack, world, _simulated(stack, world, app, make_backend)))


def _watched(stack: ExitStack, world: World, backend: Any) -> Any:
    """Let the results that tasks write pass the gate."""
    if isinstance(backend, DisabledBackend):
        return backend
    store_result = backend.store_result
    failures = {"connection lost": lambda: _connection_error(backend)}

    def watched(task_id: str, result: Any, state: str, *args: Any, **kwargs: Any) -> Any:
        gate = world.gate
        if gate is None or not gate.watches():
            return store_result(task_id, result, state, *args, **kwargs)
        with gate.passing("result.write", state, details={"task_id": task_id, "state": state}, failures=failures):
            return store_result(task_id, result, state, *args, **kwargs)

    vars(backend)["store_result"] = watched
    stack.callback(vars(backend).pop, "store_result", None)
    return backend


def _connection_error(backend: Any) -> BaseException:
    """What a client of this kind of store raises when its server is gone."""
    errors = [error for error in getattr(backend, "connection_errors", ()) if issubclass(error, Exception)]
    kind = next((error for error in errors if "Connection" in error.__name__), ConnectionError)
    return kind("the result store does not answer")


def _simulated(stack: ExitStack, world: World, app: Celery, make_backend: Callable[[], Any]) -> Any:
    backend_class, url = _configured(app)
    module = backend_class.__module__
    names = {parent.__module__ for parent in backend_class.__mro__}
    if "celery.backends.redis" in names:
        _look_up_versions_once()
        return _on_simulated_redis(stack, world, make_backend())
    if issubclass(backend_class, DisabledBackend) or module == "celery.backends.rpc":
        return make_backend()
    if module in SERVER_BACKENDS or not _is_local(module, url or "", app):
        return MemoryBackend(app, _redis_server(world, ("memory", id(app))))
    return make_backend()


def _look_up_versions_once() -> None:
    """redis-py reads its own version from the disk for each client."""
    driver_info: Any = sys.modules.get("redis.driver_info")
    look_up = getattr(driver_info, "get_lib_version", None)
    if look_up is not None and not hasattr(look_up, "cache_info"):
        driver_info.get_lib_version = functools.cache(look_up)


def _configured(app: Celery) -> tuple[type, str | None]:
    from celery.app import backends

    backend_class, url = backends.by_url(app.backend_cls or app.conf.result_backend, app.loader)
    return backend_class, url


def _is_local(module: str, url: str, app: Celery) -> bool:
    """Whether a store lives in this process, in a file, or in the project's own database."""
    if module == "celery.backends.cache":
        return "memory" in (url or str(app.conf.result_backend))
    if module.startswith("celery.backends.database"):
        dsn = app.conf.database_url or url
        return urlsplit(str(dsn).removeprefix("db+")).scheme.startswith("sqlite")
    return True


def _empty_memory_cache(stack: ExitStack) -> None:
    """`cache+memory://` keeps its results in a global of its module; what stood there comes back."""
    from celery.backends import cache

    held = dict(cache._DUMMY_CLIENT_CACHE)
    cache._DUMMY_CLIENT_CACHE.clear()
    stack.callback(cache._DUMMY_CLIENT_CACHE.update, held)
    stack.callback(cache._DUMMY_CLIENT_CACHE.clear)


def _redis_server(world: World, address: tuple[Any, ...]) -> RedisServer:
    scheduler = world.scheduler
    return world.redis_servers.setdefault(address, RedisServer(lambda: scheduler.now))


def _on_simulated_redis(stack: ExitStack, world: World, backend: Any) -> Any:
    from coldframe._celery.result_store import simulate_redis

    scheduler = world.scheduler
    address = tuple(backend.connparams.get(part) for part in ("host", "port", "path", "db"))
    server = _redis_server(world, address)
    waiting = world.redis_waits

    def park(pubsub: object, timeout: float | None) -> bool:
        wait = (pubsub, scheduler.current)
        waiting.append(wait)
        try:
            return scheduler.park(None if timeout is None else seconds_to_micros(timeout))
        finally:
            waiting.remove(wait)

    def on_message(pubsub: object) -> None:
        for waited_for, fiber in waiting:
            if waited_for is pubsub:
                scheduler.wake(fiber)

    server.on_message = on_message
    stack.callback(simulate_redis(backend, server, park))
    return backend
