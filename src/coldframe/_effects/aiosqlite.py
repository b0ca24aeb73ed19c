"""aiosqlite on a bench: what it would do in threads of its own is done at once, in the thread of the bench.

In life each connection has a thread, which answers the event loop whenever it is done: how much virtual time had passed
by then would be chance. A connection that was made before the bench was opened keeps its thread, and is waited for.
"""

from __future__ import annotations

import asyncio
import threading
from asyncio.events import _get_running_loop
from collections.abc import Callable
from contextlib import ExitStack
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from coldframe._effects.families import put
from coldframe._effects.imports import when_imported

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench

Call = Callable[[], Any]


class Inline:
    """The queue of a connection without a thread: what is put into it is done at once."""

    def put_nowait(self, item: tuple[asyncio.Future[Any] | None, Call]) -> None:
        """Do a call, and give what comes of it to its future."""
        future, call = item
        try:
            result = self.do(call)
        except BaseException as error:
            if future is None:
                raise
            future.get_loop().call_soon(_settle, future, None, error)
        else:
            if future is not None:
                future.get_loop().call_soon(_settle, future, result, None)

    def do(self, call: Call) -> Any:
        """Do a call that nobody awaits."""
        return call()


class HandingOver(Inline):
    """The queue of a connection that has a thread: it is waited for.

    Args:
        queue: Where the thread finds its work.
    """

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    def do(self, call: Call) -> Any:
        """Have the thread do a call, and wait for that."""
        result: list[Any] = []
        errors: list[BaseException] = []
        done = threading.Event()

        def run() -> Any:
            try:
                result.append(call())
            except BaseException as error:
                errors.append(error)
            done.set()
            return result[0] if result else None

        self._queue.put_nowait((None, run))
        done.wait()
        if errors:
            raise errors[0]
        return result[0]


def join_in(stack: ExitStack, opened: OpenBench) -> None:
    """Let connections made on the bench do without threads until the stack closes."""

    def on_bench() -> bool:
        return opened.scheduler.is_own_thread() and _get_running_loop() is not None

    def patch(module: ModuleType) -> None:
        if _is_known(module.Connection):  # 0.22 or newer; older ones keep their threads
            _watch(stack, module.Connection, on_bench)

    when_imported(stack, "aiosqlite.core", patch)


def _is_known(connection: type) -> bool:
    return {"_connect", "_execute", "stop"} <= vars(connection).keys()


def _watch(stack: ExitStack, connection: Any, on_bench: Callable[[], bool]) -> None:
    make, execute = connection.__init__, connection._execute  # noqa: SLF001 - all work of a connection passes there

    def made(self: Any, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        if on_bench():
            self._tx = Inline()
            self._thread = SimpleNamespace(start=_do_nothing, daemon=True)

    async def executed(self: Any, *args: Any, **kwargs: Any) -> Any:
        if on_bench() and not isinstance(self._tx, Inline):
            queue, self._tx = self._tx, HandingOver(self._tx)
            stack.callback(setattr, self, "_tx", queue)
        return await execute(self, *args, **kwargs)

    put(stack, connection, "__init__", made)
    put(stack, connection, "_execute", executed)


def in_its_thread(connection: Any) -> Callable[[Call], Any]:
    """A function that does a call where the connection may be used, and waits for it."""
    if not _is_known(type(connection)):
        return lambda call: call()
    queue = connection._tx  # noqa: SLF001
    return queue.do if isinstance(queue, Inline) else HandingOver(queue).do


def abandon(connection: Any) -> None:
    """Its process is dead: close it, and let nobody complain that it was not."""
    raw, do = connection._connection, in_its_thread(connection)  # noqa: SLF001
    if raw is None:
        return
    do(raw.rollback)  # a statement that is still open would keep its lock beyond the end of the connection
    do(raw.close)
    connection._connection = None  # noqa: SLF001
    connection._running = False  # noqa: SLF001
    if _is_known(type(connection)):
        from aiosqlite import core

        do(lambda: core._STOP_RUNNING_SENTINEL)  # noqa: SLF001 - what ends the thread, if there is one


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


def _do_nothing() -> None:
    """What starting a thread comes to that is not needed."""
