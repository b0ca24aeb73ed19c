"""What redis-py's connections hold instead of a socket, or instead of asyncio's streams."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from coldframe._core.moments import seconds_to_micros

if TYPE_CHECKING:
    from coldframe._core.fibers import Fiber
    from coldframe._effects.redis_server.server import Server


class MemorySocket:
    """A socket whose other end is a server in memory; who reads from it waits in virtual time.

    Args:
        server: The server.
        timeout: How many seconds reading waits.
    """

    def __init__(self, server: Server, timeout: float | None) -> None:
        self._scheduler = server.scheduler
        self._timeout = timeout
        self._held = bytearray()
        self._reader: Fiber | None = None
        self._is_open = True
        self._session = server.connect(self._arrived)

    def _arrived(self, data: bytes) -> None:
        self._held += data
        if self._reader is not None:
            self._scheduler.wake(self._reader)

    def sendall(self, data: Any) -> None:
        """Send a request; it has been answered when this returns, unless it waits for something."""
        if not self._is_open:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        self._session.feed(bytes(data), self._scheduler.current.process)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Read what came in, or wait for it."""
        self._wait()
        data = bytes(self._held[:size])
        del self._held[:size]
        return data

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        """Read into a buffer."""
        data = self.recv(size or len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _wait(self) -> None:
        if self._held or not self._is_open:
            return
        if self._timeout == 0:
            raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK))
        if not self._scheduler.is_own_thread() or not self._scheduler.can_park:
            raise TimeoutError("timed out")
        self._reader = self._scheduler.current
        try:
            self._scheduler.park(None if self._timeout is None else seconds_to_micros(self._timeout))
        finally:
            self._reader = None
        if not self._held and self._is_open:
            raise TimeoutError("timed out")

    def settimeout(self, timeout: float | None) -> None:
        """Wait so many seconds from now on."""
        self._timeout = timeout

    def getpeername(self) -> tuple[str, int]:
        """An address, as sockets have one."""
        return "127.0.0.1", 0

    def shutdown(self, how: int) -> None:
        """End both directions."""
        self.close()

    def close(self) -> None:
        """Leave the server."""
        if self._is_open:
            self._is_open = False
            self._session.close()
            if self._reader is not None:
                self._scheduler.wake(self._reader)


class MemoryWriter:
    """The writing half of asyncio's streams; what comes back goes into the reading half.

    Args:
        server: The server.
        reader: Takes the replies.
    """

    def __init__(self, server: Server, reader: asyncio.StreamReader) -> None:
        self._loop = asyncio.get_running_loop()
        self._scheduler = server.scheduler
        self._reader = reader
        self._is_open = True
        self._session = server.connect(self._arrived)
        self.transport = self

    def _arrived(self, data: bytes) -> None:
        self._in_loop(lambda: self._reader.feed_data(data))

    def _in_loop(self, do: Callable[[], None]) -> None:
        if asyncio._get_running_loop() is self._loop:  # noqa: SLF001 - public ones raise outside of any
            do()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(do)  # from another process of the bench

    def write(self, data: Any) -> None:
        """Send a request."""
        if self._loop.is_closed():
            raise RuntimeError("Event loop is closed")
        if not self._is_open:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        self._session.feed(bytes(data), self._scheduler.current.process)

    def writelines(self, parts: Iterable[Any]) -> None:
        """Send a request that comes in parts."""
        for part in parts:
            self.write(part)

    async def drain(self) -> None:
        """Nothing: all was taken."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Nothing is known of what lies below."""
        return default

    def is_closing(self) -> bool:
        """Whether it is closed."""
        return not self._is_open

    def abort(self) -> None:
        """Leave the server at once."""
        self.close()

    def close(self) -> None:
        """Leave the server."""
        if self._is_open:
            self._is_open = False
            self._session.close()
            self._in_loop(self._reader.feed_eof)

    async def wait_closed(self) -> None:
        """Nothing: it is closed at once."""
