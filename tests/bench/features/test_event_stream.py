"""Events as Flower and other monitors read them."""

# ruff: noqa: TID251 - tasks on an open bench sleep in virtual time
from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from celery import Celery
from celery.events.state import State

from coldframe import Bench

PROFILES = ["rabbitmq", "redis"]


class Monitor:
    """Reads the event stream of an app."""

    def __init__(self, app: Celery) -> None:
        self.state = State()
        self.seen: list[dict[str, Any]] = []
        self._connection = app.connection_for_read()
        self._receiver = app.events.Receiver(self._connection, handlers={"*": self._note})
        self._consumer = self._receiver.get_consumers(
            lambda queues, callbacks, **options: self._consuming(queues, callbacks, options), self._connection
        )
        self._consumer[0].consume()

    def _consuming(self, queues: Any, callbacks: Any, options: Any) -> Any:
        return self._connection.Consumer(queues, callbacks=callbacks, **options)

    def _note(self, event: dict[str, Any]) -> None:
        self.state.event(event)
        self.seen.append(event)

    def events(self) -> list[dict[str, Any]]:
        """What came in since the last time."""
        with contextlib.suppress(TimeoutError):
            while True:
                self._connection.drain_events(timeout=0.001)
        seen, self.seen = self.seen, []
        return seen

    def read(self) -> list[str]:
        """The types of what came in since the last time."""
        return [event["type"] for event in self.events()]

    def close(self) -> None:
        self._connection.close()


@pytest.mark.parametrize("profile", PROFILES)
def test_a_monitor_sees_a_run(app: Celery, profile: str) -> None:
    app.conf.task_send_sent_event = True

    @app.task(name="shop.nap")
    def nap(seconds: float) -> str:
        time.sleep(seconds)
        return "slept"

    with Bench(app, profile=profile) as bench:
        monitor = Monitor(app)
        bench.node("web", task_events=True, without_heartbeat=False)
        bench.settle()
        assert monitor.read() == ["worker-online"]
        result = nap.delay(7)
        bench.drain()
        read = monitor.read()
        assert [kind for kind in read if kind.startswith("task")] == [
            *("task-sent", "task-received", "task-started", "task-succeeded")
        ]
        assert set(read) - {"worker-heartbeat"} == {"task-sent", "task-received", "task-started", "task-succeeded"}
        task = monitor.state.tasks[result.id]
        assert (task.name, task.state, task.result, task.args) == ("shop.nap", "SUCCESS", "'slept'", "(7,)")
        assert (task.runtime, task.worker.hostname) == (7.0, "web@coldframe")
        assert task.succeeded - task.started == 7.0
        monitor.close()


def test_a_monitor_sees_retries_failures_and_revokes(app: Celery) -> None:
    @app.task(name="shop.charge", bind=True)
    def charge(self: Any, ends: str) -> None:
        if ends == "fails":
            raise ValueError("no")
        if not self.request.retries:
            raise self.retry(countdown=2)
        time.sleep(10)

    with Bench(app, failures="collect") as bench:
        monitor = Monitor(app)
        bench.node("web", task_events=True)
        charge.delay("fails")
        bench.drain()
        assert monitor.read() == ["task-received", "task-started", "task-failed"]
        result = charge.delay("retries")
        bench.advance(seconds=5)
        result.revoke(terminate=True, signal="SIGKILL")
        bench.drain()
        assert monitor.read() == [
            *("task-received", "task-started", "task-retried"),
            *("task-received", "task-started", "task-revoked"),
        ]
        assert monitor.state.tasks[result.id].state == "REVOKED"
        monitor.close()


def test_events_are_off_until_remote_control_switches_them_on(app: Celery) -> None:
    @app.task(name="shop.ping")
    def ping() -> None: ...

    with Bench(app) as bench:
        monitor = Monitor(app)
        bench.node(without_heartbeat=False)  # without heartbeats and gossip a worker has no dispatcher to switch on
        bench.settle()
        ping.delay()
        bench.drain()
        assert [kind for kind in monitor.read() if kind.startswith("task")] == []
        app.control.enable_events()
        bench.settle()
        ping.delay()
        bench.drain()
        assert [kind for kind in monitor.read() if kind.startswith("task")] == [
            "task-received",
            "task-started",
            "task-succeeded",
        ]
        monitor.close()


def test_heartbeats_tell_how_busy_a_node_is(app: Celery) -> None:
    @app.task(name="shop.nap")
    def nap() -> None:
        time.sleep(7)

    with Bench(app) as bench:
        monitor = Monitor(app)
        bench.node("web", task_events=True, without_heartbeat=False)
        bench.settle()
        nap.delay()
        bench.advance(seconds=5)
        beats = [event for event in monitor.events() if event["type"] == "worker-heartbeat"]
        assert [(beat["active"], beat["processed"]) for beat in beats[-1:]] == [(1, 1)]
        assert beats[-1]["freq"] == 2.0
        monitor.close()


def test_a_task_may_send_events_of_its_own(app: Celery) -> None:
    @app.task(name="shop.bake", bind=True)
    def bake(self: Any) -> None:
        self.send_event("task-baking", done=3)

    with Bench(app) as bench:
        monitor = Monitor(app)
        bench.node("web", task_events=True)
        bench.settle()
        bake.delay()
        bench.drain()
        events = monitor.events()
        assert [event["done"] for event in events if event["type"] == "task-baking"] == [3]
        monitor.close()
