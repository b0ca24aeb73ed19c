"""What waits: where a message is after each event, and how it is found."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest.mock import ANY
from uuid import UUID

import kombu.utils.json
import pytest

from coldframe._core.events import Published
from coldframe._looking.bodies import arguments_of, decode_json
from coldframe._looking.messages import Message, find, queued
from coldframe.errors import SetupError

if TYPE_CHECKING:
    from conftest import Story


def ids(story: Story) -> list[str]:
    return [message.task_id for message in queued(story.events)]


def test_a_message_tells_all_that_was_sent(story: Story) -> None:
    story.send(7, kwargs={"dry_run": True}, eta=timedelta(hours=3), priority=5, by="beat")

    assert queued(story.events) == [
        Message(
            task="billing.tasks.charge",
            task_id="id-1",
            args=(7,),
            kwargs={"dry_run": True},
            queue="mail",
            eta=datetime(2026, 3, 29, 3, tzinfo=UTC),
            expires=None,
            priority=5,
            retries=0,
            published_at=datetime(2026, 3, 29, tzinfo=UTC),
            published_by="beat",
            node=None,
            transaction="none",
        )
    ]


def test_the_repr_is_one_line(story: Story) -> None:
    number = story.send(7, kwargs={"dry_run": True}, eta=timedelta(hours=3))
    (waiting,) = queued(story.events)
    story.deliver(number)
    (held,) = queued(story.events)

    call = "billing.tasks.charge(7, dry_run=True)"
    assert repr(waiting) == f"<Message {call} in 'mail', due 2026-03-29 03:00:00+00:00>"
    assert repr(held) == f"<Message {call} in 'mail', due 2026-03-29 03:00:00+00:00, held by 'mail'>"


def test_a_message_waits_until_it_is_started(story: Story) -> None:
    number = story.send()
    assert [message.node for message in queued(story.events)] == [None]
    story.deliver(number)
    assert [message.node for message in queued(story.events)] == ["mail"]
    story.start(number)
    assert ids(story) == []


@pytest.mark.parametrize("end", ["acked", "dropped", "discarded"])
def test_a_message_that_is_gone_does_not_wait(story: Story, end: str) -> None:
    number = story.send()
    story.deliver(number)
    {
        "acked": lambda: story.ack(number),
        "dropped": lambda: story.drop(number, "purged"),
        "discarded": lambda: story.discard(number, "revoked"),
    }[end]()

    assert ids(story) == []


@pytest.mark.parametrize("reason", ["rejected", "connection lost", "visibility timeout"])
def test_a_message_that_went_back_waits_again(story: Story, reason: str) -> None:
    number = story.send()
    story.deliver(number)
    story.start(number)
    story.requeue(number, reason)

    assert [(message.task_id, message.node) for message in queued(story.events)] == [("id-1", None)]


def test_a_retry_waits_while_the_first_attempt_is_running(story: Story) -> None:
    first = story.send()
    story.deliver(first)
    story.start(first)
    second = story.send(task_id="id-1", retries=1)

    assert [message.retries for message in queued(story.events)] == [1]
    story.ack(first)
    story.deliver(second)
    story.start(second)
    assert ids(story) == []


def test_what_a_node_starts_late_leaves_the_redelivered_copy_waiting(story: Story) -> None:
    number = story.send()
    story.deliver(number, "one")
    story.requeue(number, "visibility timeout")
    story.deliver(number, "two", redelivered=True)
    story.start(number, "one")
    assert [message.node for message in queued(story.events)] == ["two"]
    story.ack(number, "one")
    assert [message.node for message in queued(story.events)] == ["two"]
    story.start(number, "two", redelivered=True)
    assert ids(story) == []


def test_a_node_that_held_both_deliveries_starts_the_one_it_says(story: Story) -> None:
    number = story.send()
    story.deliver(number)
    story.requeue(number, "visibility timeout")
    story.deliver(number, redelivered=True)
    story.start(number)
    assert ids(story) == ["id-1"]
    story.start(number, redelivered=True)
    assert ids(story) == []


def test_a_killed_node_holds_nothing_afterwards(story: Story) -> None:
    number = story.send()
    story.deliver(number, redelivered=True)
    story.node("mail", "killed")
    story.requeue(number, "connection lost")
    story.deliver(number, redelivered=True)
    story.start(number, redelivered=True)

    assert ids(story) == []


def test_copies_in_two_queues_wait_apart(story: Story) -> None:
    story.tell(Published, 1, "fan", "", ("one", "two"), "test", task="a.b", task_id="id", body=b"[[], {}, {}]")

    assert [message.queue for message in queued(story.events)] == ["one", "two"]


def test_messages_that_are_no_tasks_are_left_out(story: Story) -> None:
    story.tell(Published, 1, "celery.pidbox", "", ("mail.pidbox",), "test", body=b"{}")

    assert queued(story.events) == []


def test_the_transaction_of_a_message_is_told(story: Story) -> None:
    numbers = [story.send(in_transaction=True) for _ in range(3)]
    story.end_transaction(numbers[0], committed=True)
    story.end_transaction(numbers[1], committed=False)

    assert [message.transaction for message in queued(story.events)] == ["committed", "rolled back", "open"]


PLAIN: list[Any] = [
    b"raw", b"\xff", datetime(2026, 3, 29, 3, tzinfo=UTC), date(2026, 3, 29), time(3, 30), Decimal("1.10"),
    UUID(int=7), {"__type__": "x"},
]  # fmt: skip


def test_the_types_that_celery_marks_in_json_are_read_as_kombu_reads_them(story: Story) -> None:
    story.send(body=kombu.utils.json.dumps([PLAIN, {"at": PLAIN[2]}, {}]).encode())
    published = story.published(1)

    assert arguments_of(published) == (tuple(PLAIN), {"at": PLAIN[2]})
    assert arguments_of(published, lambda body, _kind, _encoding: kombu.utils.json.loads(body)) == arguments_of(
        published
    )


def test_another_content_type_needs_a_decoder(story: Story) -> None:
    fields = {"content_type": "application/x-python-serialize", "content_encoding": "binary"}
    body = pickle.dumps(((7,), {"a": 1}, {}))
    story.tell(Published, 1, "", "mail", ("mail",), "test", task="t", task_id="i", body=body, **fields)

    (unread,) = queued(story.events)
    (message,) = queued(story.events, decode=lambda body, _kind, _encoding: pickle.loads(body))

    assert repr(unread) == f"<Message t(<{len(body)} bytes of application/x-python-serialize>) in 'mail'>"
    assert (message.args, message.kwargs) == ((7,), {"a": 1})
    with pytest.raises(ValueError, match="is not JSON"):
        decode_json(body, "application/x-python-serialize", "binary")


@pytest.mark.parametrize(
    ("criteria", "matches"),
    [
        ({"args": (7, [1, 2])}, True),
        ({"args": [7, (1, 2)]}, True),
        ({"args": (ANY, [1, 2])}, True),
        ({"args": (7,)}, False),
        ({"kwargs": {}}, True),
        ({"kwargs": {"order": {"lines": {"pear": 2}}}}, True),
        ({"kwargs": {"order": {"lines": {"pear": 3}}}}, False),
        ({"kwargs": {"order": {"lines": ANY}}}, True),
        ({"kwargs": {"discount": 1}}, False),
        ({"queue": "mail"}, True),
        ({"queue": "reports"}, False),
        ({"eta": None}, False),
        ({"eta": timedelta(hours=3)}, True),
        ({"eta": timedelta(hours=3, seconds=1)}, True),
        ({"eta": timedelta(hours=3, seconds=1.1)}, False),
        ({"eta": timedelta(hours=2), "within": timedelta(hours=1)}, True),
        ({"eta": datetime(2026, 3, 29, 3, tzinfo=UTC)}, True),
        ({"eta": datetime(2026, 3, 29, 5, tzinfo=UTC)}, False),
    ],
    ids=str,
)
def test_criteria_match_a_part(story: Story, criteria: Any, matches: bool) -> None:
    kwargs = {"order": {"lines": {"pear": 2, "fig": 1}, "id": 4}}
    story.send(7, [1, 2], kwargs=kwargs, eta=timedelta(hours=3))

    assert bool(find(queued(story.events), now=story.now, **criteria)) is matches


class Task:
    name = "billing.tasks.charge"


@pytest.mark.parametrize("task", ["billing.tasks.charge", "tasks.charge", "charge", Task()])
def test_a_task_is_named_whole_by_its_end_or_by_itself(story: Story, task: object) -> None:
    story.send()
    story.send(task="billing.recharge")

    assert [message.task for message in find(queued(story.events), task)] == ["billing.tasks.charge"]


@pytest.mark.parametrize("task", ["arge", "tasks", "refund"])
def test_a_part_of_a_word_names_no_task(story: Story, task: str) -> None:
    story.send()

    assert find(queued(story.events), task) == []


@pytest.mark.parametrize(
    ("task", "criteria", "message"),
    [
        ("charge", {}, r"^'charge' is the end of several task names: billing.tasks.charge, shop.charge\n  hint: give"),
        (7, {}, r"^7 is neither the name of a task nor a task\n  hint: pass the task itself"),
        (None, {"args": 7}, r"^args=7 is neither a tuple nor a list\n  hint: write args=\(7,\)"),
        (None, {"kwargs": 7}, r"^kwargs=7 is no dict\n"),
        (None, {"eta": datetime(2026, 3, 29)}, r"^eta=datetime.datetime\(2026, 3, 29, 0, 0\) has no time zone\n"),
        (None, {"eta": timedelta(1)}, r"^eta=datetime.timedelta\(days=1\) counts from now, which is not known here\n"),
        (None, {"within": 5}, r"^within=5 is no span\n  hint: write within=timedelta\(seconds=5\)"),
    ],
)
def test_what_makes_no_sense_is_refused(story: Story, task: object, criteria: Any, message: str) -> None:
    story.send()
    story.send(task="shop.charge")

    with pytest.raises(SetupError, match=message):
        find(queued(story.events), task, **criteria)
