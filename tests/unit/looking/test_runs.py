"""Attempts: which delivery, publish, end and log lines belong to each."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from coldframe._core.events import Discarded, Started
from coldframe._looking.runs import Run, runs

if TYPE_CHECKING:
    from conftest import Story


def test_a_run_tells_all_that_is_known(story: Story) -> None:
    start = story.now
    number = story.send(7, kwargs={"dry_run": True})
    story.wait(1)
    story.deliver(number)
    story.wait(1)
    story.start(number)
    story.log(number, "charging")
    story.wait(1)
    story.finish(number, result=42)

    assert runs(story.events) == [
        Run(
            task="billing.tasks.charge",
            task_id="id-1",
            attempt=1,
            state="SUCCESS",
            node="mail",
            process="mail/1",
            queue="mail",
            args=(7,),
            kwargs={"dry_run": True},
            retries=0,
            redelivered=False,
            published_at=start,
            received_at=start + timedelta(seconds=1),
            started_at=start + timedelta(seconds=2),
            finished_at=start + timedelta(seconds=3),
            runtime=timedelta(seconds=1),
            result=42,
            exception=None,
            traceback=None,
            log=("INFO billing: charging",),
        )
    ]


def test_each_retry_is_a_run_of_its_own_with_its_own_publish(story: Story) -> None:
    first = story.send(7)
    story.run(first, state="RETRY", exception=ValueError("no answer"))
    story.wait(30)
    second = story.send(7, task_id="id-1", retries=1)
    story.run(second, result=42)

    found = runs(story.events, "charge")
    assert [(run.attempt, run.retries, run.state) for run in found] == [(1, 0, "RETRY"), (2, 1, "SUCCESS")]
    assert [run.published_at for run in found] == [story.published(first).when, story.published(second).when]
    assert [repr(run) for run in found] == [
        "<Run billing.tasks.charge(7) RETRY on 'mail', took 500 ms: ValueError('no answer')>",
        "<Run billing.tasks.charge(7) SUCCESS on 'mail', attempt 2, took 500 ms → 42>",
    ]


def test_the_queue_is_the_one_it_was_delivered_from(story: Story) -> None:
    number = story.send()
    story.deliver(number)
    story.tell(Started, "id-1", "billing.tasks.charge", "mail", "mail/1", 1, (), {}, 0, False, "a.routing.key")

    assert [run.queue for run in runs(story.events)] == ["mail"]


def test_what_has_not_finished_is_running(story: Story) -> None:
    number = story.send()
    story.deliver(number)
    story.start(number)

    (run,) = runs(story.events)
    assert (run.state, run.finished_at, run.runtime) == ("RUNNING", None, None)
    assert repr(run) == "<Run billing.tasks.charge() RUNNING on 'mail'>"


def test_the_first_end_of_an_attempt_counts(story: Story) -> None:
    number = story.send()
    story.run(number, state="LOST")
    story.finish(number, "SUCCESS")

    assert [run.state for run in runs(story.events)] == ["LOST"]


def test_a_double_run_knows_which_delivery_was_whose(story: Story) -> None:
    number = story.send()
    story.deliver(number)
    first_delivered = story.now
    story.wait(3600)
    story.requeue(number, "visibility timeout")
    story.deliver(number, redelivered=True)
    story.start(number, redelivered=True)
    story.start(number)

    assert [(run.redelivered, run.received_at) for run in runs(story.events)] == [
        (True, story.now),
        (False, first_delivered),
    ]


@pytest.mark.parametrize(
    ("reason", "state"),
    [("revoked", "REVOKED"), ("expired", "EXPIRED"), ("unknown task", "UNKNOWN"), ("invalid", "INVALID")],
)
def test_a_message_given_up_is_a_run_that_never_started(story: Story, reason: str, state: str) -> None:
    number = story.send(7)
    story.deliver(number)
    story.ack(number)
    story.discard(number, reason)

    (run,) = runs(story.events, "charge")
    assert (run.state, run.attempt, run.started_at, run.process, run.args) == (state, 0, None, None, (7,))
    assert (run.finished_at, run.received_at) == (story.now, story.now)
    assert repr(run) == f"<Run billing.tasks.charge(7) {state} on 'mail'>"


def test_a_message_that_names_no_task_is_shown_among_all(story: Story) -> None:
    story.tell(Discarded, None, None, "mail", "invalid")

    assert [repr(run) for run in runs(story.events)] == ["<Run ?() INVALID on 'mail'>"]
    assert runs(story.events, "charge") == []


def test_runs_are_in_order_of_start_and_of_the_task_asked_for(story: Story) -> None:
    numbers = [story.send(value) for value in (1, 2)]
    other = story.send(task="billing.refund")
    for number in (*numbers, other):
        story.deliver(number)
    for number in (numbers[1], other, numbers[0]):
        story.start(number)

    assert [run.args for run in runs(story.events, "charge")] == [(2,), (1,)]
    assert len(runs(story.events)) == 3
