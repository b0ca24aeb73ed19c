"""Revoking: before a task runs, while it runs, with which signal, and by its stamps."""

# ruff: noqa: TID251 - tasks on an open bench sleep in virtual time
from __future__ import annotations

import contextlib
import os
import signal
import time

import pytest
from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded, TaskRevokedError, WorkerLostError

from coldframe import Bench

PROFILES = ["rabbitmq", "redis"]


class Naps:
    """A task that sleeps, and what happened in it."""

    def __init__(self, app: Celery) -> None:
        self.notes: list[str] = []

        @app.task(name="shop.nap")
        def nap(seconds: float = 10) -> str:
            try:
                time.sleep(seconds)
            except BaseException as error:
                self.notes.append(type(error).__name__)
                raise
            finally:
                self.notes.append("finally")
            return "slept"

        self.nap = nap


@pytest.fixture
def naps(app: Celery) -> Naps:
    return Naps(app)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_task_that_waits_behind_another_is_dropped(app: Celery, naps: Naps, profile: str) -> None:
    with Bench(app, profile=profile) as bench:
        bench.node(concurrency=1)
        naps.nap.delay()
        second = naps.nap.delay()
        bench.settle()
        second.revoke()
        bench.drain()
        with pytest.raises(TaskRevokedError, match="revoked"):
            second.get()
        assert [(run.state, run.attempt) for run in bench.runs()] == [("SUCCESS", 1), ("REVOKED", 0)]


def test_a_task_with_an_eta_is_dropped_when_it_is_due(app: Celery, naps: Naps) -> None:
    with Bench(app) as bench:
        result = naps.nap.apply_async(countdown=600)
        bench.settle()
        result.revoke()
        begun = bench.now
        bench.drain()
        assert (bench.now - begun).total_seconds() == 600
        assert [run.state for run in bench.runs()] == ["REVOKED"]
        assert result.state == "REVOKED"


def test_a_running_task_is_left_alone_without_terminate(app: Celery, naps: Naps) -> None:
    with Bench(app) as bench:
        result = naps.nap.delay()
        bench.advance(seconds=5)
        result.revoke()
        assert result.get() == "slept"


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGQUIT"])
def test_a_terminating_signal_lets_the_task_clean_up(app: Celery, naps: Naps, name: str, profile: str) -> None:
    with Bench(app, profile=profile) as bench:
        begun = bench.now
        result = naps.nap.delay()
        bench.advance(seconds=4)
        result.revoke(terminate=True, signal=name)
        bench.drain()
        assert naps.notes == ["SystemExit", "finally"]
        (run,) = bench.runs()
        assert (run.state, run.finished_at and (run.finished_at - begun).total_seconds()) == ("REVOKED", 4)
        with pytest.raises(TaskRevokedError, match="terminated"):
            result.get()


@pytest.mark.parametrize("name", ["SIGKILL", "SIGUSR2", "SIGABRT"])
def test_a_killing_signal_leaves_no_time_to_clean_up(app: Celery, naps: Naps, name: str) -> None:
    with Bench(app) as bench:
        result = naps.nap.delay()
        bench.advance(seconds=4)
        result.revoke(terminate=True, signal=name)
        bench.drain()
        assert naps.notes == []
        assert result.state == "REVOKED"
        assert naps.nap.delay(1).get() == "slept"
        assert [run.process for run in bench.runs()] == ["celery/1", "celery/2"]


def test_sigint_does_not_stop_a_task(app: Celery, naps: Naps) -> None:
    with Bench(app) as bench:
        result = naps.nap.delay()
        bench.advance(seconds=4)
        result.revoke(terminate=True, signal="SIGINT")
        bench.settle()
        assert app.AsyncResult(result.id).state == "REVOKED"  # Celery says so at once
        bench.drain()
        assert [run.state for run in bench.runs()] == ["SUCCESS"]
        assert app.AsyncResult(result.id).state == "SUCCESS"


def test_sigusr1_is_a_soft_time_limit(app: Celery, naps: Naps) -> None:
    with Bench(app) as bench:
        result = naps.nap.delay()
        bench.advance(seconds=4)
        result.revoke(terminate=True, signal="SIGUSR1")
        bench.expect_failure(SoftTimeLimitExceeded)
        bench.drain()
        assert naps.notes == ["SoftTimeLimitExceeded", "finally"]
        assert app.AsyncResult(result.id).state == "FAILURE"


def test_a_task_that_swallows_sigterm_goes_on_to_its_end(app: Celery) -> None:
    @app.task(name="shop.stubborn")
    def stubborn() -> str:
        for _ in range(3):
            with contextlib.suppress(BaseException):
                time.sleep(10)
        return "stubborn"

    with Bench(app) as bench:
        bench.node(concurrency=1)
        first, second = stubborn.delay(), stubborn.delay()
        bench.advance(seconds=4)
        first.revoke(terminate=True)
        bench.advance(seconds=21)
        assert app.AsyncResult(first.id).get() == "stubborn"
        second.revoke(terminate=True)  # the process has had its warning: the next signal is its end
        bench.drain()
        assert [run.state for run in bench.runs()] == ["SUCCESS", "REVOKED"]
        assert [run.process for run in bench.runs()] == ["celery/1", "celery/1"]


def test_a_terminated_late_task_is_acknowledged(app: Celery, naps: Naps) -> None:
    naps.nap.acks_late = True
    with Bench(app) as bench:
        result = naps.nap.delay()
        bench.advance(seconds=1)
        result.revoke(terminate=True, signal="SIGKILL")
        bench.drain()
        bench.advance(hours=1)
        assert [run.state for run in bench.runs()] == ["REVOKED"]


def test_a_group_is_revoked_as_one(app: Celery, naps: Naps) -> None:
    from celery import group

    with Bench(app) as bench:
        bench.node(concurrency=1)
        result = group(naps.nap.s() for _ in range(3)).delay()
        bench.settle()
        result.revoke()
        bench.drain()
        assert [run.state for run in bench.runs()] == ["SUCCESS", "REVOKED", "REVOKED"]


def test_tasks_are_revoked_by_their_stamps(app: Celery, naps: Naps) -> None:
    with Bench(app) as bench:
        bench.node(concurrency=1)
        sent = [naps.nap.s().stamp(tenant=name).apply_async() for name in ("acme", "acme", "other")]
        bench.settle()
        app.control.revoke_by_stamped_headers({"tenant": ["acme"]})
        bench.drain()
        assert [run.state for run in bench.runs()] == ["SUCCESS", "REVOKED", "SUCCESS"]
        assert sent[1].state == "REVOKED"


def test_every_node_remembers_a_revoke(app: Celery, naps: Naps) -> None:
    with Bench(app) as bench:
        for name in ("a", "b"):
            bench.node(name)
        bench.settle()
        app.control.revoke("the-id")
        bench.settle()
        assert app.control.inspect().revoked() == {"a@coldframe": ["the-id"], "b@coldframe": ["the-id"]}
        naps.nap.apply_async(task_id="the-id")
        bench.drain()
        assert [run.state for run in bench.runs()] == ["REVOKED"]


@pytest.mark.parametrize(
    ("name", "error", "words", "notes"),
    [
        ("SIGTERM", WorkerLostError, r"signal 15 \(SIGTERM\) Job: 0", ["finally"]),
        ("SIGHUP", WorkerLostError, "exitcode 70 Job: 0", ["finally"]),
        ("SIGKILL", WorkerLostError, r"signal 9 \(SIGKILL\) Job: 0", []),
        ("SIGUSR2", WorkerLostError, r"signal 12 \(SIGUSR2\) Job: 0", []),
        ("SIGUSR1", SoftTimeLimitExceeded, r"SoftTimeLimitExceeded\(\)", ["finally"]),
    ],
)
def test_a_task_that_signals_its_own_process(
    app: Celery, name: str, error: type[BaseException], words: str, notes: list[str]
) -> None:
    seen: list[str] = []

    @app.task(name="shop.harm")
    def harm(signal_name: str) -> None:
        try:
            os.kill(os.getpid(), getattr(signal, signal_name))
        finally:
            seen.append("finally")

    with Bench(app), pytest.raises(error, match=words):
        harm.delay(name).get()
    assert seen == notes


def test_a_task_survives_sigint(app: Celery) -> None:
    @app.task(name="shop.harm")
    def harm() -> str:
        os.kill(os.getpid(), signal.SIGINT)
        return "survived"

    with Bench(app):
        assert harm.delay().get() == "survived"
