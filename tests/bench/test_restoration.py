"""When a bench closes, the process and the app are exactly what they were, however it ended."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, chord, signals
from kombu import Queue

from coldframe import Bench
from coldframe.errors import SetupError, TaskFailed

sys.path.insert(0, str(Path(__file__).parent))

from process_state import differences, of_app, of_process

Use = Callable[[Celery, Bench], Any]


def make_app(
    broker: str = "amqp://shop@broker.internal//", backend: str = "redis://results.internal/3", **conf: Any
) -> Celery:
    app = Celery("shop", broker=broker, backend=backend, set_as_current=False)
    app.conf.update(**conf)

    @app.task(name="shop.add", shared=False, rate_limit="7/m")
    def add(x: int, y: int) -> int:
        return x + y

    @app.task(name="shop.total", shared=False)
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    @app.task(name="shop.flaky", shared=False, bind=True, max_retries=1)
    def flaky(self: Any) -> None:
        raise self.retry(countdown=3, exc=ValueError("still down"))

    @app.task(name="shop.nap", shared=False)
    def nap() -> None:
        time.sleep(50)  # noqa: TID251

    return app


@pytest.fixture(autouse=True)
def warm() -> None:
    """What is imported and looked up for the first time on a bench stays: that has happened before."""
    uuid.getnode()
    app = make_app()
    with Bench(app) as bench:
        use_it_all(app, bench)


def use_it_all(app: Celery, bench: Bench) -> None:
    add = app.tasks["shop.add"]
    assert chord([add.s(1, 2), add.s(3, 4)])(app.tasks["shop.total"].s()).get() == 10
    with pytest.raises(ValueError, match=r"^still down$"):
        app.tasks["shop.flaky"].delay().get()
    app.control.rate_limit("shop.add", "100/s")
    app.control.time_limit("shop.add", soft=3, hard=5)
    bench.settle()
    revoked = add.apply_async((1, 2), countdown=100)
    bench.settle()
    revoked.revoke()
    assert len(app.control.inspect().active()) == 1
    app.conf.task_default_priority = 3
    app.conf.timezone = "Asia/Tokyo"
    app.amqp.queues.add(Queue("made on the bench"))
    signals.task_success.connect(lambda **rest: None, weak=False)
    add.rate_limit = "1/h"
    app.tasks["shop.nap"].delay()
    add.apply_async((1, 2), countdown=1000)
    bench.settle()


def interrupt(app: Celery, bench: Bench) -> None:
    use_it_all(app, bench)
    raise KeyboardInterrupt


def fail(app: Celery, bench: Bench) -> None:
    use_it_all(app, bench)
    raise LookupError("the test's own")


def leave_an_unexpected_failure(app: Celery, bench: Bench) -> None:
    app.tasks["shop.flaky"].delay()
    bench.drain()


def state_of(*apps: Celery) -> dict[str, Any]:
    found = {f"app {number}": of_app(app) for number, app in enumerate(apps)}
    return {**found, "process": of_process()}


#: What an app makes of itself when it is first asked, with a bench as without.
MADE_LAZILY = ("/attributes/_after_fork_registered",)


def check(use: Use, *apps: Celery, ends_with: type[BaseException] | None = None) -> None:
    before = state_of(*apps)
    kind: type[BaseException] | None = None
    try:
        with Bench(*apps) as bench:
            use(apps[0], bench)
    except BaseException as error:
        kind = type(error)
    assert kind is ends_with
    lines = differences(before, state_of(*apps))
    assert [line for line in lines if not any(name + ": came" in line for name in MADE_LAZILY)] == []


def test_an_app_that_was_never_used_is_put_back() -> None:
    check(use_it_all, make_app())


def test_an_app_is_put_back_each_time() -> None:
    app = make_app()
    for _ in range(3):
        check(use_it_all, app)


@pytest.mark.parametrize(
    ("use", "error"), [(interrupt, KeyboardInterrupt), (fail, LookupError)], ids=["interrupt", "error"]
)
def test_it_is_put_back_after_the_body_raised(use: Use, error: type[BaseException]) -> None:
    check(use, make_app(), ends_with=error)


def test_it_is_put_back_after_the_bench_complained() -> None:
    check(leave_an_unexpected_failure, make_app(), ends_with=TaskFailed)


def test_two_apps_on_one_bench_are_put_back() -> None:
    check(use_it_all, make_app(), make_app())


@pytest.fixture
def used_app() -> Iterator[Celery]:
    """An app whose pools, queues and result store have been in use."""
    app = make_app("memory://localhost", "cache+memory://")
    app.amqp.queues.add(Queue("added by hand", routing_key="by hand"))
    app.amqp.queues.select("celery")
    app.control.purge()  # the in-memory broker is the process's own, and other tests have used it
    app.tasks["shop.add"].delay(1, 2)
    app.backend.store_result("an id", 5, "SUCCESS")
    app.control.broadcast("ping")
    app.pool.acquire().release()
    yield app
    app.control.purge()
    app.close()


def test_an_app_that_was_in_use_gets_the_very_same_pools_queues_and_result_store_back(used_app: Celery) -> None:
    def same() -> list[int]:
        app = used_app
        return [id(item) for item in (app.pool, app.producer_pool, app.amqp.queues, app.backend, app.amqp.router)]

    before, queues = same(), list(used_app.amqp.queues)
    check(use_it_all, used_app)
    assert same() == before
    assert list(used_app.amqp.queues) == queues
    assert list(used_app.amqp.queues.consume_from) == ["celery"]
    assert used_app.AsyncResult("an id").get() == 5
    with used_app.connection_for_read() as connection, connection.channel() as channel:
        assert channel.basic_get("celery", no_ack=True).headers["task"] == "shop.add"
        assert channel.basic_get("celery", no_ack=True) is None


def test_a_queue_that_was_added_by_hand_is_there_on_the_bench(used_app: Celery) -> None:
    with Bench(used_app) as bench:
        result = used_app.tasks["shop.add"].apply_async((1, 2), queue="added by hand")
        bench.node(queues=["added by hand"])
        assert result.get() == 3


def test_eager_mode_is_off_on_the_bench_and_on_again_after_it() -> None:
    options = dict.fromkeys(("task_always_eager", "task_eager_propagates", "task_store_eager_result"), True)
    app = make_app(backend="cache+memory://", **options)
    add = app.tasks["shop.add"]

    def waits(app: Celery, bench: Bench) -> None:
        result = add.delay(1, 2)
        assert result.state == "PENDING"
        assert result.get() == 3

    check(waits, app)
    assert type(add.delay(1, 2)).__name__ == "EagerResult"


def test_an_error_halfway_through_opening_undoes_everything() -> None:
    check(use_it_all, make_app(accept_content=["jsn"]), ends_with=SetupError)


def test_an_error_in_the_second_app_undoes_the_first() -> None:
    check(use_it_all, make_app(), make_app(accept_content=["jsn"]), ends_with=SetupError)


def test_an_unknown_result_store_undoes_everything() -> None:
    check(use_it_all, make_app(backend="nosuch://"), ends_with=ModuleNotFoundError)


def test_a_trace_file_that_cannot_be_written_undoes_everything(tmp_path: Path) -> None:
    app = make_app()
    before = state_of(app)
    with (
        pytest.raises(SetupError, match="the trace cannot be written to"),
        Bench(app, trace_file=tmp_path / "no" / "t"),
    ):
        pytest.fail("the bench opened")
    assert differences(before, state_of(app)) == []


def test_the_files_of_a_bench_that_did_not_open_are_closed(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    bench = Bench(make_app(accept_content=["jsn"]), trace_file=tmp_path / "trace")
    with pytest.raises(SetupError, match="cannot be put on a bench"), bench:
        pytest.fail("the bench opened")
    assert os.listdir("/proc/self/fd") == before


def test_time_and_randomness_go_on_where_they_were() -> None:
    app = make_app()
    began = time.time(), time.monotonic()
    with Bench(app, start="2001-01-01T00:00Z") as bench:
        bench.advance(days=3)
        assert datetime.now(UTC).year == 2001
    assert 0 <= time.time() - began[0] < 60
    assert 0 <= time.monotonic() - began[1] < 60
    assert len({str(uuid.uuid4()) for _ in range(3)}) == 3


def test_workers_may_run_in_this_process_before_and_after() -> None:
    from celery.app import trace

    app = make_app()
    trace.setup_worker_optimizations(app, "own@host")
    try:
        check(use_it_all, app)
        assert trace._localized[2] == "own@host"
        assert app.use_fast_trace_task is True
    finally:
        trace.reset_worker_optimizations(app)
