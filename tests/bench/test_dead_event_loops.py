"""A process that dies inside a coroutine leaves no open files, as the system closes those of a real one."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from coldframe import Bench

FILES = Path("/proc/self/fd")

needs_proc = pytest.mark.skipif(not FILES.is_dir(), reason="open files are counted in /proc")


def open_files() -> int:
    return len(os.listdir(FILES))


def waiting(app: Celery) -> Any:
    """A task that waits for a word from a server that never speaks."""

    @app.task(name="shop.wait", shared=False)
    def wait() -> None:
        async def main() -> None:
            server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
            reader, _writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await reader.read()

        asyncio.run(main())

    return wait


@needs_proc
def test_the_files_of_a_killed_process_are_closed(app: Celery) -> None:
    task = waiting(app)
    before = open_files()
    with Bench(app, failures="collect") as bench:
        for _ in range(3):
            task.delay()
            bench.settle()
            assert open_files() > before
            bench.kill_process("celery")
    assert open_files() == before


@needs_proc
def test_the_files_of_a_process_that_the_bench_ends_are_closed(app: Celery) -> None:
    task = waiting(app)
    before = open_files()
    with Bench(app, failures="collect") as bench:
        task.delay()
        bench.settle()
        assert open_files() > before
    assert open_files() == before


@needs_proc
def test_a_process_that_kills_itself_closes_its_files(app: Celery) -> None:
    @app.task(name="shop.die", shared=False)
    def die() -> None:
        async def main() -> None:
            await asyncio.sleep(1)
            os._exit(1)

        asyncio.run(main())

    before = open_files()
    with Bench(app, failures="collect") as bench:
        for _ in range(3):
            die.delay()
        bench.drain()
        assert [run.state for run in bench.runs()] == ["LOST"] * 3
    assert open_files() == before
