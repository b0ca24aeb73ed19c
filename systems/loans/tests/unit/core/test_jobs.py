"""What a job tries again, when, how often, and what it never does when it is called as a function."""

from __future__ import annotations

import smtplib
import socket
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from celery import Celery
from coldframe import Bench
from django.db import OperationalError

from core.jobs import Job
from core.sweeps import MailServerDown, Outcome, TimeUp

pytestmark = pytest.mark.task

app = Celery("jobs", broker="amqp://broker.example", backend="redis://results.example", set_as_current=False)
app.conf.task_soft_time_limit = 600

#: What the next runs come to: an error to raise, or an outcome to return.
plans: list[Exception | Outcome] = []


@app.task(bind=True, base=Job, name="jobs.work")
def work(self: Job) -> dict[str, int]:
    plan = plans.pop(0)
    if isinstance(plan, Exception):
        raise plan
    return self.result_of(plan)


@app.task(bind=True, base=Job, name="jobs.exact", retry_jitter=False)
def exact(self: Job) -> None:
    raise smtplib.SMTPServerDisconnected("went away")


@app.task(bind=True, base=Job, name="jobs.talk")
def talk(self: Job, seconds: float) -> float | None:
    self.tell(25, "a quarter", rows=7)
    time.sleep(seconds)
    return self.until and self.until - time.monotonic()


@app.task(bind=True, base=Job, name="jobs.patient", soft_time_limit=100)
def patient(self: Job) -> float | None:
    return self.until and self.until - time.monotonic()


@pytest.fixture
def bench() -> Iterator[Bench]:
    plans.clear()
    with Bench(app, failures="collect", start="2026-03-16T07:00+11:00") as opened:
        yield opened


def states(bench: Bench, task: Any) -> list[str]:
    return [run.state for run in bench.runs(task)]


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPException("any"),
        smtplib.SMTPRecipientsRefused({}),
        MailServerDown("down"),
        TimeUp("over"),
        ConnectionRefusedError("nobody"),
        TimeoutError("slow"),
        socket.gaierror(-2, "unknown name"),
        OperationalError("database is locked"),
    ],
)
def test_trouble_that_passes_is_tried_again(bench: Bench, error: Exception) -> None:
    plans[:] = [error, error, Outcome(checked=1, sent=1)]
    work.delay()
    bench.drain()
    assert states(bench, work) == ["RETRY", "RETRY", "SUCCESS"]
    assert bench.runs(work)[-1].result == {"checked": 1, "sent": 1, "skipped": 0, "failed": 0}


def test_after_three_more_tries_it_has_failed(bench: Bench) -> None:
    plans[:] = [MailServerDown("down")] * 9
    work.delay()
    bench.drain()
    assert states(bench, work) == ["RETRY", "RETRY", "RETRY", "FAILURE"]
    assert isinstance(bench.runs(work)[-1].exception, MailServerDown)


@pytest.mark.parametrize("error", [ValueError("a mistake"), KeyError("no such thing")])
def test_a_mistake_is_not_tried_again(bench: Bench, error: Exception) -> None:
    plans[:] = [error] * 9
    work.delay()
    bench.drain()
    assert states(bench, work) == ["FAILURE"]


def test_the_waits_double_and_are_spread(bench: Bench) -> None:
    plans[:] = [TimeoutError("slow")] * 9
    work.delay()
    exact.delay()
    bench.drain()
    waits = {}
    for task in (work, exact):
        runs = bench.runs(task)
        waits[task.name] = [(after.started_at - before.finished_at).total_seconds() for before, after in pairwise(runs)]
    assert waits["jobs.exact"] == [60, 120, 240]
    for seconds, most in zip(waits["jobs.work"], (60, 120, 240), strict=True):
        assert 0 <= seconds <= most
    assert waits["jobs.work"] != waits["jobs.exact"]


def test_rows_that_failed_for_the_moment_are_tried_again_and_the_last_word_counts(bench: Bench) -> None:
    again = Outcome(checked=3, sent=2, failed=1, try_again=True)
    plans[:] = [again, Outcome(checked=1, sent=1)]
    work.delay()
    bench.drain()
    assert states(bench, work) == ["RETRY", "SUCCESS"]
    plans[:] = [again] * 9
    last = work.delay()
    bench.drain()
    assert states(bench, work)[2:] == ["RETRY", "RETRY", "RETRY", "SUCCESS"]
    assert last.get() == {"checked": 3, "sent": 2, "skipped": 0, "failed": 1}


def test_rows_that_failed_for_good_are_left_to_the_next_run(bench: Bench) -> None:
    plans[:] = [Outcome(checked=3, sent=2, failed=1)]
    assert work.delay().get() == {"checked": 3, "sent": 2, "skipped": 0, "failed": 1}
    assert states(bench, work) == ["SUCCESS"]


def test_a_direct_call_is_a_function_call() -> None:
    plans[:] = [Outcome(checked=1, failed=1, try_again=True), MailServerDown("down")]
    assert work()["failed"] == 1
    with pytest.raises(MailServerDown, match="down"):
        work()
    assert talk(0) is None


def test_in_eager_mode_there_is_no_later() -> None:
    plans[:] = [Outcome(checked=1, failed=1, try_again=True)]
    assert work.apply().get()["failed"] == 1


def test_progress_is_shown_while_it_works(bench: Bench) -> None:
    result = talk.delay(30)
    bench.advance(seconds=5)
    assert (result.state, result.info) == ("PROGRESS", {"progress": 25, "message": "a quarter", "rows": 7})
    bench.drain()
    assert result.state == "SUCCESS"


def test_a_sweep_stops_before_its_time_limit_stops_it(bench: Bench) -> None:
    assert talk.delay(0).get() == pytest.approx(480)
    assert patient.delay().get() == pytest.approx(80)


def test_a_job_survives_its_worker(bench: Bench) -> None:
    bench.node("first", queues=["celery"])
    result = talk.delay(30)
    bench.advance(seconds=5)
    bench.kill("first")
    bench.node("second", queues=["celery"])
    bench.drain()
    assert result.state == "SUCCESS"
    assert [(run.state, run.node) for run in bench.runs(talk)] == [("LOST", "first"), ("SUCCESS", "second")]


def test_a_job_survives_its_process(bench: Bench) -> None:
    node = bench.node("first", queues=["celery"])
    talk.delay(30)
    bench.advance(seconds=5)
    bench.kill_process(node)
    bench.drain()
    assert states(bench, talk) == ["LOST", "SUCCESS"]
