"""redis-py in tasks: a server in memory in place of real ones, and effects for what is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from types import ModuleType
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from coldframe._effects.families import put
from coldframe._effects.imports import when_imported
from coldframe._effects.redis_commands import RedisWatch

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench
    from coldframe._effects.redis_server.server import Server


def join_in(stack: ExitStack, opened: OpenBench) -> None:
    """Give clients a server until the stack closes."""
    servers = Servers(opened)
    watch = RedisWatch(opened.gate)
    opened.scheduler.before_kill.append(servers.lose_those_of)
    stack.callback(servers.close)

    def patch_connections(module: ModuleType) -> None:
        for kind in (module.Connection, module.SSLConnection, module.UnixDomainSocketConnection):
            put(stack, kind, "_connect", servers.connecting(getattr(kind, "_connect")))  # noqa: B009 - redis-py's own
        put(stack, module.AbstractConnection, "connect", servers.reconnecting(module.AbstractConnection.connect))

    def patch_async_connections(module: ModuleType) -> None:
        for kind in (module.Connection, module.UnixDomainSocketConnection):
            put(stack, kind, "_connect", servers.connecting_async(getattr(kind, "_connect")))  # noqa: B009

    def patch_client(module: ModuleType) -> None:
        put(stack, module.Redis, "execute_command", watch.command(module.Redis.execute_command))
        pipeline = module.Pipeline
        put(stack, pipeline, "immediate_execute_command", watch.command(pipeline.immediate_execute_command))
        put(stack, pipeline, "execute", watch.pipeline(pipeline.execute))

    def patch_async_client(module: ModuleType) -> None:
        put(stack, module.Redis, "execute_command", watch.async_command(module.Redis.execute_command))
        pipeline = module.Pipeline
        put(stack, pipeline, "immediate_execute_command", watch.async_command(pipeline.immediate_execute_command))
        put(stack, pipeline, "execute", watch.async_pipeline(pipeline.execute))

    when_imported(stack, "redis.connection", patch_connections)
    when_imported(stack, "redis.asyncio.connection", patch_async_connections)
    when_imported(stack, "redis.client", patch_client)
    when_imported(stack, "redis.asyncio.client", patch_async_client)


class Servers:
    """The servers of a bench, by address, and the connections to them.

    Args:
        opened: The bench.
    """

    def __init__(self, opened: OpenBench) -> None:
        self._opened = opened
        self._servers: dict[tuple[Any, ...], Server] = {}
        self._connections: WeakSet[Any] = WeakSet()

    def _server_for(self, connection: Any) -> Server | None:
        """The server that stands for the one at a connection's address; None if the real one may be reached."""
        if not self._opened.scheduler.is_own_thread():
            return None
        path = getattr(connection, "path", None)
        host, port = (None, None) if path else (str(connection.host), int(connection.port))
        if host is not None and self._opened.guard.lets_through(host, port):
            return None
        from coldframe._effects.redis_server.server import Server

        place = (host, port, path)
        if place not in self._servers:
            self._servers[place] = Server(self._opened.world, host, port, path)
        return self._servers[place]

    def connecting(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Gives a connection its socket."""

        @wraps(original)
        def _connect(connection: Any) -> Any:
            server = self._server_for(connection)
            if server is None:
                return original(connection)
            from coldframe._effects.redis_server.sockets import MemorySocket

            self._connections.add(connection)
            return MemorySocket(server, connection.socket_timeout)

        return _connect

    def reconnecting(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Lets go of a real socket that is older than the bench."""

        @wraps(original)
        def connect(connection: Any) -> Any:
            is_foreign = connection._sock is not None and connection not in self._connections  # noqa: SLF001
            if is_foreign and self._server_for(connection) is not None:
                connection.disconnect()
            return original(connection)

        return connect

    def connecting_async(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Gives a connection of asyncio its streams."""

        @wraps(original)
        async def _connect(connection: Any) -> None:
            server = self._server_for(connection)
            if server is None:
                await original(connection)
                return
            from coldframe._effects.redis_server.sockets import MemoryWriter

            self._connections.add(connection)
            connection._reader = asyncio.StreamReader(limit=2**30)  # noqa: SLF001 - where redis-py keeps them
            connection._writer = MemoryWriter(server, connection._reader)  # noqa: SLF001

        return _connect

    def lose_those_of(self, process: Any) -> None:
        """A process died: its connections are gone."""
        for server in self._servers.values():
            server.lose_those_of(process)

    def close(self) -> None:
        """The bench closes: connections that outlive it connect anew, to whatever is there."""
        for connection in list(self._connections):
            for name in ("_sock", "_reader", "_writer"):
                if hasattr(connection, name):
                    setattr(connection, name, None)
            connection._parser.on_disconnect()  # noqa: SLF001
        self._connections.clear()
        self._servers.clear()
