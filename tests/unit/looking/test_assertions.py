"""Assertions: what they give, and the exact text of each failure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from coldframe._looking.assertions import assert_not_queued, assert_queued, assert_ran
from coldframe.errors import Mismatch, SetupError

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Story

QUEUED_HINT = "  hint: bench.queued() lists every message that waits"
RUNS_HINT = "  hint: bench.runs() lists every attempt"


def failure(assertion: Callable[..., object], *args: Any, **criteria: Any) -> list[str]:
    with pytest.raises(Mismatch, match=r"hint: ") as caught:
        assertion(*args, **criteria)
    return str(caught.value).splitlines()


def test_the_messages_that_match_are_given(story: Story) -> None:
    story.send(7)
    story.send(8)

    assert [message.args for message in assert_queued(story.events, story.now, "charge")] == [(7,), (8,)]
    assert [message.args for message in assert_queued(story.events, story.now, args=(8,), count=1)] == [(8,)]
    assert assert_queued(story.events, story.now, "refund", count=0) == []


def test_a_wrong_queue_that_no_node_reads_is_named(story: Story) -> None:
    story.send(7, queue="reports")

    assert failure(assert_queued, story.events, story.now, "charge", queue="mail", unread=frozenset({"reports"})) == [
        "there is no queued message of 'billing.tasks.charge' with queue='mail':",
        "  right task, wrong queue: it is in 'reports', which no node reads",
        "      <Message billing.tasks.charge(7) in 'reports'>",
        "  hint: start a node that reads it: bench.node(queues=['reports'])",
    ]


def test_the_nearest_miss_comes_first(story: Story) -> None:
    story.send(8, queue="reports", kwargs={"dry_run": True})
    story.send(8, kwargs={"dry_run": True, "note": "n"}, eta=timedelta(hours=3))
    story.send(7, kwargs={"dry_run": False, "note": "n"}, eta=timedelta(hours=4))

    criteria = {"args": (8,), "kwargs": {"dry_run": False, "note": "n"}, "queue": "mail", "eta": timedelta(hours=2)}
    call = "billing.tasks.charge"
    assert failure(assert_queued, story.events, story.now, "charge", **criteria) == [
        (
            "there is no queued message of 'billing.tasks.charge' with args=(8,), "
            "kwargs={'dry_run': False, 'note': 'n'}, queue='mail', eta=2026-03-29 02:00:00+00:00 within 1 s:"
        ),
        "  right task, eta 1 h later: 2026-03-29 03:00:00+00:00; other arguments: kwargs['dry_run'] is True, not False",
        f"      <Message {call}(8, dry_run=True, note='n') in 'mail', due 2026-03-29 03:00:00+00:00>",
        "  right task, eta 2 h later: 2026-03-29 04:00:00+00:00; other arguments: args is (7,), not (8,)",
        f"      <Message {call}(7, dry_run=False, note='n') in 'mail', due 2026-03-29 04:00:00+00:00>",
        (
            "  right task, wrong queue: it is in 'reports'; it has no eta; "
            "other arguments: kwargs['dry_run'] is True, not False, there is no kwargs['note']"
        ),
        f"      <Message {call}(8, dry_run=True) in 'reports'>",
        QUEUED_HINT,
    ]


def test_an_eta_that_should_not_be_there_is_told(story: Story) -> None:
    story.send(eta=timedelta(hours=3))

    assert failure(assert_queued, story.events, story.now, "charge", eta=None)[:2] == [
        "there is no queued message of 'billing.tasks.charge' with eta=None:",
        "  right task, it has an eta: 2026-03-29 03:00:00+00:00",
    ]


@pytest.mark.parametrize(
    ("end", "fate"),
    [
        ("started", "it was started on 'mail'"),
        ("started after an early ack", "it was started on 'mail'"),
        ("acked", "'mail' acknowledged it without running it"),
        ("dropped", "the broker dropped it: purged"),
        ("revoked", "'mail' gave it up without running it: revoked"),
    ],
)
def test_a_message_that_waits_no_longer_tells_its_fate(story: Story, end: str, fate: str) -> None:
    number = story.send(7)
    story.deliver(number)
    if end in {"acked", "started after an early ack"}:
        story.ack(number)
    if end.startswith("started"):
        story.start(number)
    if end == "dropped":
        story.drop(number, "purged")
    if end == "revoked":
        story.discard(number, "revoked")

    assert failure(assert_queued, story.events, story.now, "charge") == [
        "there is no queued message of 'billing.tasks.charge':",
        f"  right task, but it waits no longer: {fate}",
        "      <Message billing.tasks.charge(7) in 'mail'>",
        QUEUED_HINT,
    ]


def test_a_name_that_is_nearly_right_is_corrected(story: Story) -> None:
    story.send()
    story.send()
    story.send(task="reports.build")

    assert failure(assert_queued, story.events, story.now, "chrage") == [
        "there is no queued message of 'chrage':",
        (
            "  never sent; did you mean 'billing.tasks.charge'? "
            "(the tasks that were sent: billing.tasks.charge (2), reports.build)"
        ),
        "  hint: pass the task itself, or its whole name",
    ]


def test_a_task_that_was_never_sent_is_told_with_those_that_were(story: Story) -> None:
    story.send()

    assert failure(assert_queued, story.events, story.now, "refund", known=frozenset({"billing.refund"})) == [
        "there is no queued message of 'billing.refund':",
        "  never sent; the tasks that were sent: billing.tasks.charge",
        QUEUED_HINT,
    ]
    assert failure(assert_queued, [], story.now)[1] == "  nothing is queued; no task was sent at all"


def test_a_message_that_no_queue_took_is_told(story: Story) -> None:
    story.send(queue=None)

    told = "  it was sent, but no queue is bound to the routing key 'lost' of exchange ''"
    assert failure(assert_queued, story.events, story.now, "charge")[1] == told
    assert failure(assert_ran, story.events, "charge")[1] == told


def test_another_count_lists_what_there_is(story: Story) -> None:
    for number in range(9):
        story.send(number)

    told = failure(assert_queued, story.events, story.now, "charge", count=2)

    assert told[:2] == [
        "there are 9 queued messages of 'billing.tasks.charge' (2 wanted):",
        "  <Message billing.tasks.charge(0) in 'mail'>",
    ]
    assert told[-2:] == ["  and 2 more", QUEUED_HINT]
    assert len(told) == 10


def test_many_near_misses_are_cut(story: Story) -> None:
    for number in range(9):
        story.send(number)

    told = failure(assert_queued, story.events, story.now, "charge", args=(9,))

    assert told[-2] == "  and 5 more that differ"
    assert len(told) == 11


def test_a_message_that_should_not_wait_is_shown(story: Story) -> None:
    assert assert_not_queued(story.events, story.now, "charge") is None
    story.send(7)

    assert assert_not_queued(story.events, story.now, "charge", args=(8,)) is None
    assert failure(assert_not_queued, story.events, story.now, "charge") == [
        "there is 1 queued message of 'billing.tasks.charge' (none wanted):",
        "  <Message billing.tasks.charge(7) in 'mail'>",
        QUEUED_HINT,
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("chrage", "there is no task 'chrage'; did you mean 'billing.tasks.charge'?"),
        ("zzz", "there is no task 'zzz', so none can be queued"),
    ],
)
def test_a_name_that_no_task_has_cannot_pass_as_not_queued(story: Story, name: str, text: str) -> None:
    assert failure(assert_not_queued, [], story.now, name, known=frozenset({"billing.tasks.charge"})) == [
        text,
        "  hint: pass the task itself, or its whole name",
    ]


def test_the_runs_that_match_are_given(story: Story) -> None:
    story.run(story.send(7), result=1)
    story.run(story.send(8), "reports", "FAILURE", exception=ValueError("no"))
    revoked = story.send(9)
    story.deliver(revoked)
    story.discard(revoked, "revoked")

    assert len(assert_ran(story.events, "charge", times=2)) == 2
    assert [run.args for run in assert_ran(story.events, "charge", state="FAILURE")] == [(8,)]
    assert [run.args for run in assert_ran(story.events, "charge", node="reports", queue="mail")] == [(8,)]
    assert [run.args for run in assert_ran(story.events, "charge", state="REVOKED")] == [(9,)]
    assert assert_ran(story.events, "refund", times=0) == []


def test_another_number_of_runs_lists_each(story: Story) -> None:
    for number in (7, 8, 9):
        story.run(story.send(number))

    assert failure(assert_ran, story.events, "charge", times=2) == [
        "there are 3 runs of 'billing.tasks.charge' (2 wanted):",
        "  <Run billing.tasks.charge(7) SUCCESS on 'mail', took 500 ms>",
        "  <Run billing.tasks.charge(8) SUCCESS on 'mail', took 500 ms>",
        "  <Run billing.tasks.charge(9) SUCCESS on 'mail', took 500 ms>",
        RUNS_HINT,
    ]


def test_a_run_that_differs_is_told_in_words(story: Story) -> None:
    story.run(story.send(7), state="FAILURE", exception=ValueError("no answer"))

    assert failure(assert_ran, story.events, "charge", state="SUCCESS", node="two", args=(8,)) == [
        "there is no run of 'billing.tasks.charge' with args=(8,), state='SUCCESS', node='two':",
        (
            "  right task, wrong state: it is FAILURE, ValueError('no answer'); wrong node: it ran on 'mail'; "
            "other arguments: args is (7,), not (8,)"
        ),
        "      <Run billing.tasks.charge(7) FAILURE on 'mail', took 500 ms: ValueError('no answer')>",
        RUNS_HINT,
    ]


def test_what_was_sent_but_has_not_run_tells_where_it_waits(story: Story) -> None:
    story.send(7, queue="reports")

    assert failure(assert_ran, story.events, "charge", unread=frozenset({"reports"})) == [
        "there is no run of 'billing.tasks.charge':",
        "  it was sent but has not run: it waits in 'reports', which no node reads",
        "      <Message billing.tasks.charge(7) in 'reports'>",
        "  hint: start a node that reads it: bench.node(queues=['reports'])",
    ]


def test_what_is_held_until_it_is_due_tells_so(story: Story) -> None:
    number = story.send(7, eta=timedelta(hours=3))
    story.deliver(number)

    told = failure(assert_ran, story.events, "charge")
    assert told[1] == "  it was sent but has not run: 'mail' holds it, due 2026-03-29 03:00:00+00:00"
    assert told[-1] == "  hint: let time pass until it is due: bench.advance(...) or bench.drain()"


@pytest.mark.parametrize(("ended", "words"), [(True, "was rolled back"), (False, "is still open")])
def test_a_transaction_that_did_not_commit_is_told(story: Story, ended: bool, words: str) -> None:
    number = story.send(in_transaction=True)
    if ended:
        story.end_transaction(number, committed=False)

    told = failure(assert_ran, story.events, "charge", args=(7,))
    assert told[1] == (
        f"  it was sent but has not run: it waits in 'mail'; it is in a transaction that {words}; "
        "other arguments: args is (), not (7,)"
    )
    assert told[-1] == "  hint: let it run: bench.settle() or bench.drain()"


def test_what_was_dropped_never_ran(story: Story) -> None:
    story.drop(story.send(), "expired")

    assert failure(assert_ran, story.events, "charge")[1] == (
        "  it was sent but has not run: the broker dropped it: expired"
    )


def test_a_task_that_never_ran_nor_was_sent_is_told(story: Story) -> None:
    story.send()

    assert failure(assert_ran, story.events, "charges", times=1) == [
        "there is no run of 'charges' (1 wanted):",
        "  never sent; did you mean 'billing.tasks.charge'? (the tasks that were sent: billing.tasks.charge)",
        "  hint: pass the task itself, or its whole name",
    ]


def test_an_ambiguous_name_is_refused(story: Story) -> None:
    story.send()
    story.send(task="shop.charge")

    with pytest.raises(SetupError, match=r"^'charge' is the end of several task names"):
        assert_ran(story.events, "charge")
