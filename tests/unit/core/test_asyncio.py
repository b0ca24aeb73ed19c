"""Event loops in the thread of the bench wait in virtual time, and still hear real sockets and threads."""

from __future__ import annotations

import asyncio
import selectors
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from coldframe._core.captured import Captured
from coldframe._core.clock import VirtualTime, keeps_real_time, real_monotonic, real_sleep
from coldframe._core.fibers import Process
from coldframe._core.moments import SECOND
from coldframe._core.scheduler import Scheduler
from coldframe._core.selector import AsyncioWaits
from coldframe.errors import NeverReady

START = 1_767_225_600_000_000
snooze = time.sleep  # noqa: TID251


@contextmanager
def virtual() -> Iterator[Scheduler]:
    scheduler = Scheduler(START)
    clock, waits = VirtualTime(scheduler), AsyncioWaits(scheduler)
    captured = Captured(clock.replacements(), keeps_real_time)
    try:
        clock.install()
        waits.install()
        captured.install()
        yield scheduler
    finally:
        captured.restore()
        waits.restore()
        clock.restore()
        scheduler.close([])


def run_side_by_side(scheduler: Scheduler, *bodies: Callable[[], object]) -> None:
    process = Process("node")
    for body in bodies:
        scheduler.spawn(process, body)
    scheduler.drive(lambda upcoming: upcoming is not None)


async def sleep_all(*spans: float) -> list[float]:
    async def one(span: float) -> float:
        await asyncio.sleep(span)
        return span

    return list(await asyncio.gather(*map(one, spans)))


@contextmanager
def echo_server(delay_s: float = 0) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                while line := connection.recv(100):
                    real_sleep(delay_s)
                    connection.sendall(line.upper())

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


async def talk(port: int, *lines: bytes, pause: float = 0) -> list[bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = []
    for line in lines:
        writer.write(line + b"\n")
        answers.append((await asyncio.wait_for(reader.readline(), timeout=30)).strip())
        await asyncio.sleep(pause)
    writer.close()
    await writer.wait_closed()
    return answers


def test_sleeps_of_an_hour_side_by_side_take_no_real_time() -> None:
    began = real_monotonic()
    with virtual() as scheduler:
        assert asyncio.run(sleep_all(*[3600] * 100)) == [3600] * 100
        assert scheduler.now == START + 3600 * SECOND
        assert asyncio.run(sleep_all(0.1, 0.2, 0.3)) == [0.1, 0.2, 0.3]
        assert scheduler.now == START + 3600 * SECOND + 300_000
    assert real_monotonic() - began < 5


def test_a_wait_longer_than_the_longest_select_is_exact() -> None:
    with virtual() as scheduler:
        asyncio.run(asyncio.sleep(90 * 86400))
        assert scheduler.now == START + 90 * 86400 * SECOND


@pytest.mark.parametrize("micros", [1, 2, 100_000, 123_457, 3600 * SECOND + 1])
def test_a_wait_of_whole_microseconds_is_exact(micros: int) -> None:
    async def main() -> None:
        for count in range(1, 200):
            await asyncio.sleep(micros / SECOND)
            assert scheduler.now == START + count * micros

    with virtual() as scheduler:
        asyncio.run(main())


def test_a_timeout_expires_at_its_virtual_moment() -> None:
    async def main() -> None:
        async with asyncio.timeout(30):
            await asyncio.Event().wait()

    with virtual() as scheduler:
        with pytest.raises(TimeoutError, match=r"^$"):
            asyncio.run(main())
        assert scheduler.now == START + 30 * SECOND


def test_two_fibers_run_a_loop_each_at_the_same_time() -> None:
    seen: list[tuple[str, int, bool]] = []

    def loop(name: str, span: float, count: int) -> Callable[[], None]:
        async def numbers() -> AsyncIterator[int]:
            for number in range(count):
                await asyncio.sleep(span)
                yield number

        async def main() -> None:
            mine = asyncio.get_running_loop()
            me = asyncio.current_task()
            async for _ in numbers():
                right = asyncio.get_running_loop() is mine and asyncio.current_task() is me
                seen.append((name, (scheduler.now - START) // SECOND, right))

        return lambda: asyncio.run(main())

    hooks = sys.get_asyncgen_hooks()
    with virtual() as scheduler:
        run_side_by_side(scheduler, loop("a", 2, 2), loop("b", 3, 3))
        assert sys.get_asyncgen_hooks() == hooks
    assert seen == [("a", 2, True), ("b", 3, True), ("a", 4, True), ("b", 6, True), ("b", 9, True)]


def test_a_blocking_sleep_in_a_coroutine_blocks_its_own_loop_only() -> None:
    seen: list[tuple[str, int]] = []

    async def blocks() -> None:
        other = asyncio.create_task(ticks("same loop", 1, 1))
        await asyncio.sleep(0)
        snooze(10)
        seen.append(("blocked", (scheduler.now - START) // SECOND))
        assert asyncio.current_task() is not None
        await other

    async def ticks(name: str, span: float, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(span)
            seen.append((name, (scheduler.now - START) // SECOND))

    with virtual() as scheduler:
        run_side_by_side(
            scheduler,
            lambda: asyncio.run(blocks(), debug=False),
            lambda: asyncio.run(ticks("other loop", 4, 3), debug=True),
        )
    assert seen == [("other loop", 4), ("other loop", 8), ("blocked", 10), ("same loop", 10), ("other loop", 12)]


def test_a_loop_that_waits_is_woken_from_another_fiber() -> None:
    seen: list[int] = []
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def waits() -> None:
        event = asyncio.Event()
        loops.append((asyncio.get_running_loop(), event))
        await event.wait()
        seen.append(scheduler.now - START)

    def wakes() -> None:
        snooze(5)
        loop, event = loops[0]
        loop.call_soon_threadsafe(event.set)

    with virtual() as scheduler:
        run_side_by_side(scheduler, lambda: asyncio.run(waits()), wakes)
    assert seen == [5 * SECOND]


def test_a_loop_that_waits_is_woken_from_a_thread() -> None:
    async def main() -> None:
        event = asyncio.Event()
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=lambda: (real_sleep(0.02), loop.call_soon_threadsafe(event.set)))
        thread.start()
        await event.wait()
        thread.join()

    with virtual() as scheduler:
        asyncio.run(main())
        assert scheduler.now == START


def test_work_in_a_thread_takes_real_time_and_no_virtual_time() -> None:
    async def main() -> int:
        async with asyncio.timeout(0.001):
            return await asyncio.to_thread(lambda: real_sleep(0.05) or 7)

    with virtual() as scheduler:
        assert asyncio.run(main()) == 7
        assert scheduler.now == START


def test_a_loop_whose_threads_are_idle_waits_for_none_of_them() -> None:
    async def main() -> None:
        await asyncio.to_thread(int)
        for _ in range(1000):
            await asyncio.sleep(60)

    began = real_monotonic()
    with virtual() as scheduler:
        asyncio.run(main())
        assert scheduler.now == START + 60_000 * SECOND
    assert real_monotonic() - began < 10


def test_a_server_on_loopback_answers_in_no_virtual_time() -> None:
    with echo_server(delay_s=0.02) as port, virtual() as scheduler:
        assert asyncio.run(talk(port, b"one", b"two")) == [b"ONE", b"TWO"]
        assert scheduler.now == START


def test_a_silent_connection_holds_the_clock_up_for_a_moment_only() -> None:
    began = real_monotonic()
    with echo_server() as port, virtual() as scheduler:
        assert asyncio.run(talk(port, b"one", b"two", pause=3600)) == [b"ONE", b"TWO"]
        assert scheduler.now == START + 7200 * SECOND
    assert real_monotonic() - began < 5


def test_two_fibers_talk_to_two_servers_at_once() -> None:
    answers: list[list[bytes]] = []
    with echo_server(delay_s=0.01) as one, echo_server(delay_s=0.02) as other, virtual() as scheduler:
        run_side_by_side(
            scheduler,
            lambda: answers.append(asyncio.run(talk(one, b"a", b"b", b"c"))),
            lambda: answers.append(asyncio.run(talk(other, b"x", b"y", b"z"))),
        )
        assert scheduler.now == START
    assert sorted(answers) == [[b"A", b"B", b"C"], [b"X", b"Y", b"Z"]]


def test_a_loop_that_was_made_before_the_bench_waits_in_virtual_time_too() -> None:
    async def main() -> list[float]:
        loop: Any = asyncio.get_running_loop()
        resolution = loop._clock_resolution
        with virtual() as scheduler:
            found = await sleep_all(3600, 60)
            assert scheduler.now == START + 3600 * SECOND
        assert loop._clock_resolution == resolution
        return found

    assert asyncio.run(main()) == [3600, 60]


def test_an_async_test_lets_the_others_run_while_it_waits() -> None:
    seen: list[int] = []

    async def main() -> None:
        with virtual() as scheduler:
            scheduler.spawn(Process("node"), lambda: (snooze(5), seen.append(scheduler.now)))
            await asyncio.sleep(4)
            assert seen == []
            await asyncio.sleep(4)
            assert seen == [START + 5 * SECOND]
        asyncio.get_running_loop()

    asyncio.run(main())


def test_loops_of_other_threads_wait_really() -> None:
    spans: list[float] = []

    def in_thread() -> None:
        began = real_monotonic()
        asyncio.run(asyncio.sleep(0.02))
        spans.append(real_monotonic() - began)

    with virtual() as scheduler:
        thread = threading.Thread(target=in_thread)
        thread.start()
        thread.join()
        assert scheduler.now == START
    assert spans[0] >= 0.019


def test_waiting_for_what_nobody_can_bring_is_an_error() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with (
        virtual(),
        pytest.raises(NeverReady, match=r"(?s)an asyncio event loop waits, and nothing .* can wake it.*hint: "),
    ):
        asyncio.run(main())


def test_an_error_that_is_thrown_into_a_waiting_loop_ends_it() -> None:
    seen: list[str] = []

    async def main() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            seen.append("cleaned up")

    def body() -> None:
        try:
            asyncio.run(main())
        except InterruptedError as error:
            seen.append(str(error))

    with virtual() as scheduler:
        fiber = scheduler.spawn(Process("node"), body)
        scheduler.call_at(START + SECOND, lambda: scheduler.throw(fiber, InterruptedError("limit")))
        scheduler.drive(lambda upcoming: upcoming is not None)
    assert seen == ["cleaned up", "limit"]


def test_a_killed_process_with_a_waiting_loop_is_forgotten() -> None:
    seen: list[str] = []

    async def main() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("ran")

    with virtual() as scheduler:
        node = Process("node")
        scheduler.spawn(node, lambda: asyncio.run(main()))
        snooze(1)
        scheduler.kill(node)
        snooze(10)
        assert (seen, scheduler.now) == ([], START + 11 * SECOND)


def test_a_loop_that_spins_makes_time_pass() -> None:
    done: list[bool] = []

    async def spins() -> None:
        while not done:
            await asyncio.sleep(0)

    with virtual() as scheduler:
        run_side_by_side(scheduler, lambda: asyncio.run(spins()), lambda: (snooze(0.002), done.append(True)))
        assert scheduler.now == START + 2000


def test_the_real_waits_are_back_afterwards() -> None:
    def waits() -> list[Any]:
        classes = [value for value in vars(selectors).values() if isinstance(value, type)]
        return [vars(value).get("select") for value in classes] + [asyncio.BaseEventLoop.run_in_executor]

    before = waits()
    with virtual():
        assert waits() != before
    assert waits() == before
    began = real_monotonic()
    asyncio.run(asyncio.sleep(0.02))
    assert real_monotonic() - began >= 0.019
