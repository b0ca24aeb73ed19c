"""asyncpg: its answers come through the event loop, which waits for them as long as no lock of others is in the way."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Hashable
from contextlib import ExitStack, suppress
from functools import wraps
from importlib import import_module
from typing import Any

from coldframe._core.clock import real_monotonic
from coldframe._core.fibers import Process
from coldframe._core.selector import expecting, for_a_while
from coldframe._effects.families import put
from coldframe._effects.postgresql import CONNECTS_WITHIN_S, FIRST_LOOK, HURRY, LAST_LOOK, Ask, LockWaits, Parked

#: What its protocol asks the server, in coroutines.
ASKS = frozenset(
    {
        *("prepare", "bind_execute", "bind_execute_many", "bind", "execute", "query"),
        *("close_statement", "close_portal", "close"),
    }
)


class AsyncpgBackend:
    """A connection of asyncpg.

    Args:
        connection: It.
        process: Who uses it.
    """

    def __init__(self, connection: Any, process: Process) -> None:
        self.connection = connection
        self.pid: int = connection.get_server_pid()
        self.process = process
        self._socket: Any = connection._transport.get_extra_info("socket")  # noqa: SLF001
        self._options = _options_of(connection)
        self._is_shut = False

    @property
    def socket(self) -> int:
        """The number of its socket."""
        number: int = self._socket.fileno()
        return number

    def is_there(self) -> bool:
        """Whether it is still connected."""
        return not self._is_shut and not self.connection.is_closed()

    def is_busy(self) -> bool:
        """Whether it is inside a transaction."""
        return bool(self.connection.is_in_transaction())

    def dies_with_process(self) -> bool:
        """Whether nobody else can use it: its event loop never runs again."""
        return self.is_busy()

    def address(self) -> Hashable:
        """The server, and the database there."""
        return str(self._options)

    def ask_beside(self) -> Ask:
        """A way to ask over a connection of our own to the same place."""
        return Beside(self._options).ask

    def shut(self) -> None:
        """Its process is dead: the server sees the connection go."""
        self._is_shut = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


class Beside:
    """A connection beside those of the project, in a thread with an event loop of its own.

    Args:
        options: Where it leads.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="coldframe-postgresql", daemon=True)
        self._thread.start()
        self._connection: Any = self._do(self._connect(options))

    def ask(self, question: str | None) -> list[tuple[str, ...]]:
        """The rows of the answer as text; None closes the connection."""
        if question is not None:
            rows: Any = self._do(self._connection.fetch(question))
            return [tuple(str(value) for value in row) for row in rows]
        self._do(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        return []

    def _do(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _connect(self, options: dict[str, Any]) -> Any:
        return await import_module("asyncpg").connect(**options)


class Asking:
    """Stands before the protocol of a connection, and has its loop wait for each answer.

    Args:
        waits: Who waits for whose locks.
        connection: The connection.
        protocol: What speaks with the server.
    """

    def __init__(self, waits: LockWaits, connection: Any, protocol: Any) -> None:
        self._waits = waits
        self._connection = connection
        self._protocol = protocol
        self._backend: AsyncpgBackend | None = None

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._protocol, name)
        return self._asking(found) if name in ASKS and self._waits.is_on_bench() else found

    def _asking(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        async def asking(*args: Any, **options: Any) -> Any:
            backend = self._use()
            answer = Answer(self._waits, backend)
            try:
                with expecting(asyncio.get_running_loop(), answer.is_coming):
                    if backend.is_busy() and self._waits.must_hurry(backend) and self._is_superuser():
                        await self._protocol.query(HURRY, CONNECTS_WITHIN_S)
                    return await ask(*args, **options)
            except (asyncio.CancelledError, TimeoutError):
                await self._hear_of_cancellation()
                raise
            finally:
                answer.came()

        return asking

    async def _hear_of_cancellation(self) -> None:
        """A statement was given up: the server is told so, over another connection, and says that it heard."""
        if self._protocol._is_cancelling():  # noqa: SLF001 - as asyncpg's own pool asks
            with expecting(asyncio.get_running_loop(), for_a_while(CONNECTS_WITHIN_S)):
                await asyncio.shield(self._protocol._wait_for_cancellation())  # noqa: SLF001

    def _use(self) -> AsyncpgBackend:
        if self._backend is None:
            self._backend = AsyncpgBackend(self._connection, self._waits.process)
        self._waits.use(self._backend)
        return self._backend

    def _is_superuser(self) -> bool:
        return getattr(self._protocol.get_settings(), "is_superuser", "") == "on"


class Answer:
    """What the server has been asked, and does not answer as long as others hold a lock.

    Args:
        waits: Who waits for whose locks.
        backend: Who was asked.
    """

    def __init__(self, waits: LockWaits, backend: AsyncpgBackend) -> None:
        self._waits = waits
        self._backend = backend
        self._loop = asyncio.get_running_loop()
        self._patience = FIRST_LOOK / 1000
        self._look_at = real_monotonic() + self._patience
        self._parked: Parked | None = None

    def is_coming(self) -> bool:
        """Whether nothing is in its way; the server is asked from time to time."""
        if self._parked is None and real_monotonic() >= self._look_at:
            self._parked = self._waits.waits_for_others(self._backend)
            if self._parked is not None:
                self._waits.add(self._parked, self._look_again)
            self._patience = min(self._patience * 2, LAST_LOOK / 1000)
            self._look_at = real_monotonic() + self._patience
        return self._parked is None

    def came(self) -> None:
        """The answer is there, or nobody waits for it any more."""
        self._give_up_waiting()
        self._waits.answered()

    def _look_again(self) -> None:
        self._give_up_waiting()
        self._look_at = real_monotonic()
        self._loop.call_soon_threadsafe(_do_nothing)

    def _give_up_waiting(self) -> None:
        if self._parked is not None:
            self._waits.remove(self._parked)
            self._parked = None


def watch_asyncpg(stack: ExitStack, waits: LockWaits, module: Any) -> None:
    """Have the loops of the bench wait for what asyncpg asks until the stack closes."""
    kind: Any = module.connection.Connection
    make, connect = kind.__init__, module.connect_utils._connect  # noqa: SLF001 - all its ways to connect meet there

    @wraps(make)
    def made(self: Any, protocol: Any, *args: Any, **options: Any) -> None:
        make(self, protocol, *args, **options)
        if waits.is_on_bench():
            self._protocol = Asking(waits, self, protocol)

    @wraps(connect)
    async def connecting(*args: Any, **options: Any) -> Any:
        if not waits.is_on_bench():
            return await connect(*args, **options)
        with expecting(asyncio.get_running_loop(), for_a_while(CONNECTS_WITHIN_S)):
            return await connect(*args, **options)

    put(stack, kind, "__init__", made)
    put(stack, module.connect_utils, "_connect", connecting)


def _options_of(connection: Any) -> dict[str, Any]:
    """What leads a second connection to the same place."""
    params, address = connection._params, connection._addr  # noqa: SLF001 - nothing public tells
    host, port = address if isinstance(address, tuple) else (address, None)
    options = {"host": host, "port": port, "user": params.user, "database": params.database}
    is_secret = connection._transport.get_extra_info("ssl_object") is not None  # noqa: SLF001
    return {**options, "password": params.password, "ssl": params.ssl if is_secret else False}


def _do_nothing() -> None:
    """What a loop is woken with."""
