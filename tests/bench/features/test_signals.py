"""Celery's signals, in their order and with what they carry."""

# ruff: noqa: TID251 - tasks on an open bench sleep in virtual time
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery, signals
from celery.exceptions import Ignore, Reject

from coldframe import Bench

OF_TASKS = [
    "before_task_publish",
    "after_task_publish",
    "task_received",
    "task_prerun",
    "task_postrun",
    "task_success",
    "task_failure",
    "task_retry",
    "task_revoked",
    "task_rejected",
    "task_unknown",
    "task_internal_error",
]
OF_WORKERS = [
    "celeryd_init",
    "celeryd_after_setup",
    "worker_init",
    "worker_ready",
    "worker_before_create_process",
    "worker_process_init",
    "worker_process_shutdown",
    "worker_shutting_down",
    "worker_shutdown",
    "heartbeat_sent",
    "beat_init",
    "beat_embedded_init",
    "setup_logging",
    "after_setup_logger",
    "after_setup_task_logger",
]


class Heard(list[str]):
    """The names of the signals in the order in which they came, and what the last of each carried."""

    def __init__(self) -> None:
        self.last: dict[str, dict[str, Any]] = {}
        self._receivers: list[tuple[Any, Any]] = []

    def listen(self, names: list[str]) -> None:
        for name in names:
            signal = getattr(signals, name)

            note = self._note(name)
            signal.connect(note, weak=False)
            self._receivers.append((signal, note))

    def _note(self, heard: str) -> Callable[..., None]:
        def note(**carried: Any) -> None:
            self.append(heard)
            self.last[heard] = carried

        return note

    def stop(self) -> None:
        for signal, note in self._receivers:
            signal.disconnect(note)


@pytest.fixture
def heard() -> Iterator[Heard]:
    heard = Heard()
    heard.listen(OF_TASKS)
    yield heard
    heard.stop()


def test_the_signals_of_a_run(app: Celery, heard: Heard) -> None:
    @app.task(name="shop.add")
    def add(x: int, y: int) -> int:
        return x + y

    with Bench(app):
        result = add.apply_async((1,), {"y": 2})
        assert result.get() == 3
    assert heard == [
        "before_task_publish",
        "after_task_publish",
        "task_received",
        "task_prerun",
        "task_success",
        "task_postrun",
    ]
    assert heard.last["before_task_publish"]["sender"] == "shop.add"
    assert heard.last["before_task_publish"]["body"][:2] == ((1,), {"y": 2})
    assert heard.last["after_task_publish"]["headers"]["id"] == result.id
    assert heard.last["task_received"]["request"].hostname == "celery@coldframe"
    assert heard.last["task_prerun"]["args"] == [1]
    assert heard.last["task_success"]["result"] == 3
    assert (heard.last["task_postrun"]["state"], heard.last["task_postrun"]["retval"]) == ("SUCCESS", 3)


def test_the_signals_of_a_failure(app: Celery, heard: Heard) -> None:
    @app.task(name="shop.fail")
    def fail() -> None:
        raise ValueError("no")

    with Bench(app, failures="collect") as bench:
        fail.delay()
        bench.drain()
    assert heard[2:] == ["task_received", "task_prerun", "task_failure", "task_postrun"]
    assert repr(heard.last["task_failure"]["exception"]) == "ValueError('no')"
    assert heard.last["task_postrun"]["state"] == "FAILURE"


def test_the_signals_of_a_retry(app: Celery, heard: Heard) -> None:
    @app.task(name="shop.again", bind=True)
    def again(self: Any) -> None:
        if not self.request.retries:
            raise self.retry(countdown=5)

    with Bench(app):
        again.delay().get()
    publish = ["before_task_publish", "after_task_publish"]
    assert heard == [
        *publish,
        *("task_received", "task_prerun"),
        *publish,
        *("task_retry", "task_postrun"),
        *("task_received", "task_prerun", "task_success", "task_postrun"),
    ]
    assert str(heard.last["task_retry"]["reason"]) == "Retry in 5s"


def test_the_signals_of_a_revoke(app: Celery, heard: Heard) -> None:
    @app.task(name="shop.nap")
    def nap() -> None:
        time.sleep(10)

    with Bench(app) as bench:
        result = nap.delay()
        bench.advance(seconds=1)
        result.revoke(terminate=True, signal="SIGKILL")
        bench.drain()
        assert heard[2:] == ["task_received", "task_prerun", "task_revoked"]
        carried = heard.last["task_revoked"]
        assert (carried["terminated"], carried["signum"], carried["expired"]) == (True, 9, False)
        heard.clear()
        app.control.revoke("early")
        bench.settle()
        nap.apply_async(task_id="early")
        bench.drain()
        assert heard[2:] == ["task_revoked"]
        assert heard.last["task_revoked"]["terminated"] is False


@pytest.mark.parametrize(("error", "last"), [(Ignore(), "IGNORED"), (Reject("no", requeue=False), "REJECTED")])
def test_the_signals_of_what_is_neither(app: Celery, heard: Heard, error: Exception, last: str) -> None:
    @app.task(name="shop.neither", acks_late=True)
    def neither() -> None:
        raise error

    with Bench(app) as bench:
        neither.delay()
        bench.drain()
    assert heard[2:5] == ["task_received", "task_prerun", "task_postrun"]
    assert heard.last["task_postrun"]["state"] == last


def test_the_signals_of_messages_that_are_no_tasks(app: Celery, heard: Heard) -> None:
    with Bench(app, failures="collect") as bench:
        app.send_task("shop.gone")
        bench.drain()
        assert heard[2:] == ["task_unknown"]
        assert heard.last["task_unknown"]["name"] == "shop.gone"
        heard.clear()
        with app.amqp.producer_pool.acquire() as producer:
            producer.publish({"no": "task"}, routing_key="celery", exchange="")
        bench.drain()
        assert heard == ["task_rejected"]
        assert [run.state for run in bench.runs()] == ["UNKNOWN", "INVALID"]


def test_the_signal_of_an_error_in_celery_itself(app: Celery, heard: Heard) -> None:
    @app.task(name="shop.pay")
    def pay() -> None: ...

    def broken(task_id: str, task: Any) -> None:
        raise RuntimeError("the loader is broken")

    with Bench(app, failures="collect") as bench, pytest.MonkeyPatch.context() as patch:
        patch.setattr(app.loader, "on_task_init", broken)
        bench.node()
        result = pay.delay()
        bench.drain()
        assert heard[2:6] == ["task_received", "task_prerun", "task_postrun", "task_internal_error"]
        assert result.state == "FAILURE"


def test_the_life_of_a_node(app: Celery) -> None:
    heard = Heard()
    heard.listen(OF_WORKERS)
    with Bench(app) as bench:
        bench.node(concurrency=2)
        bench.settle()
        assert heard == [
            *("celeryd_init", "worker_init", "celeryd_after_setup"),
            *("worker_before_create_process", "worker_before_create_process"),
            "worker_ready",
            *("worker_process_init", "worker_process_init"),
        ]
        assert heard.last["celeryd_init"]["sender"] == "celery@coldframe"
        heard.clear()
        bench.stop("celery")
        bench.advance(seconds=1)
        assert heard == [
            "worker_shutting_down",
            "worker_process_shutdown",
            "worker_process_shutdown",
            "worker_shutdown",
        ]
        assert heard.last["worker_shutting_down"]["how"] == "Warm"
        bench.beat()
        bench.settle()
        assert heard[-1] == "beat_init"
    heard.stop()
    assert "setup_logging" not in heard


def test_receivers_that_tasks_connect_are_gone_afterwards(app: Celery) -> None:
    before = len(signals.task_prerun.receivers)

    @app.task(name="shop.connect")
    def connect() -> None:
        signals.task_prerun.connect(lambda **carried: None, weak=False)

    with Bench(app):
        connect.delay().get()
    assert len(signals.task_prerun.receivers) == before


def test_a_publish_signal_may_change_the_headers(app: Celery) -> None:
    def add_header(headers: dict[str, Any], **carried: Any) -> None:
        headers["tenant"] = "acme"

    signals.before_task_publish.connect(add_header, weak=False)
    try:

        @app.task(name="shop.tenant", bind=True)
        def tenant(self: Any) -> Any:
            return self.request.get("tenant")

        with Bench(app):
            assert tenant.delay().get() == "acme"
    finally:
        signals.before_task_publish.disconnect(add_header)
