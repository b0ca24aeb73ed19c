"""The timeline, to the letter."""

from __future__ import annotations

from datetime import timedelta
from textwrap import dedent
from typing import TYPE_CHECKING

from coldframe._core.events import BeatSent, Discarded, Published, Refused
from coldframe._core.trace_json import RecordedError, dumps, loads
from coldframe._looking.timeline import timeline

if TYPE_CHECKING:
    from conftest import Story


def lines(text: str) -> str:
    return dedent(text).strip("\n")


def test_a_story_reads_from_top_to_bottom(story: Story) -> None:
    story.node("mail", "up")
    number = story.send(7, kwargs={"dry_run": True}, task_id="3f2a9c1b-1111", in_transaction=True)
    story.end_transaction(number, committed=False)
    story.deliver(number)
    story.ack(number)
    story.start(number)
    story.log(number, "charging\norder 7")
    story.wait(0.4)
    retry = story.send(7, task_id="3f2a9c1b-1111", retries=1, eta=timedelta(seconds=30), by="mail/1")
    story.finish(number, "RETRY", exception=ValueError("no answer"))
    story.wait(30)
    story.deliver(retry)
    story.start(retry)
    story.finish(retry, result=42)
    story.send(task="reports.build", queue=None)

    assert timeline(story.events) == lines("""
        2026-03-29 00:00:00 UTC
         +0.000s  mail                      node up
         +0.000s  test    3f2a9c1b  charge  sent (7, dry_run=True) to mail, in a transaction
         +0.000s                            transaction rolled back, but 1 message had been sent
         +0.000s  mail    3f2a9c1b  charge  delivered from mail
         +0.000s  mail    3f2a9c1b  charge  acked
         +0.000s  mail/1  3f2a9c1b  charge  started
         +0.000s  mail/1  3f2a9c1b  charge  INFO billing: charging order 7
         +0.400s  mail/1  3f2a9c1b  charge  sent (7) to mail, due in 30 s
         +0.400s  mail/1  3f2a9c1b  charge  retry in 30 s: ValueError('no answer')
        +30.400s  mail    3f2a9c1b  charge  delivered from mail
        +30.400s  mail/1  3f2a9c1b  charge  started, attempt 2
        +30.400s  mail/1  3f2a9c1b  charge  succeeded → 42
        +30.400s  test    id-3      build   sent (), dropped (no queue is bound)
    """)


def test_what_goes_wrong_is_told_in_words(story: Story) -> None:
    number = story.send()
    story.deliver(number, "one")
    story.wait(3600)
    story.requeue(number, "visibility timeout")
    story.deliver(number, "two", redelivered=True)
    story.start(number, "two", redelivered=True)
    story.finish(number, "LOST", at_process=False)
    story.node("two", "killed")
    story.start(number, "one")
    story.finish(number, "FAILURE", exception=KeyError("order"))
    story.tell(Refused, "smtp.example.org:25", "one/1", "id-1")
    revoked = story.send()
    story.discard(revoked, "revoked", "one")
    story.drop(revoked, "rejected")
    story.tell(Discarded, None, None, "one", "invalid", "no task header")

    assert timeline(story.events) == lines("""
        2026-03-29 00:00:00 UTC
           +0.000s  test    id-1  charge  sent () to mail
           +0.000s  one     id-1  charge  delivered from mail
        +3600.000s  broker  id-1  charge  requeued in mail (visibility timeout)
        +3600.000s  two     id-1  charge  redelivered from mail
        +3600.000s  two/1   id-1  charge  started
        +3600.000s  two/1   id-1  charge  lost: its process died, said its node
        +3600.000s  two                   node killed
        +3600.000s  one/1   id-1  charge  started, attempt 2
        +3600.000s  one/1   id-1  charge  failed: KeyError('order')
        +3600.000s  one/1   id-1  charge  refused a connection to smtp.example.org:25
        +3600.000s  test    id-2  charge  sent () to mail
        +3600.000s  one     id-2  charge  given up (revoked)
        +3600.000s  broker  id-2  charge  dropped (rejected)
        +3600.000s  one                   given up (invalid): no task header
    """)


def test_a_retry_tells_its_cause_once(story: Story) -> None:
    number = story.send()
    for text in ("Retry in 30s: ValueError('no answer')", "Retry in 30s"):
        story.start(number)
        story.finish(number, "RETRY", exception=RecordedError("celery.exceptions.Retry", text))

    told = [line.split("charge  ")[1] for line in timeline(story.events).splitlines()[1:]]
    assert told == ["sent () to mail", "started", "retry: ValueError('no answer')", "started, attempt 2", "retry"]


def test_a_new_day_is_told_once(story: Story) -> None:
    for _ in range(2):
        story.tell(BeatSent, "nightly", "loans.nightly", None)
        story.wait(86_400)

    assert timeline(story.events) == lines("""
        2026-03-29 00:00:00 UTC
            +0.000s  beat  entry 'nightly' is due: loans.nightly
        2026-03-30 00:00:00 UTC
        +86400.000s  beat  entry 'nightly' is due: loans.nightly
    """)


def test_the_last_lines_keep_their_offsets(story: Story) -> None:
    for _ in range(3):
        story.send()
        story.wait(1)

    assert timeline(story.events, last=1) == lines("""
        2026-03-29 00:00:02 UTC
        +2.000s  test  id-3  charge  sent () to mail
    """)


def test_names_are_as_short_as_tells_them_apart(story: Story) -> None:
    for task in ("billing.tasks.charge", "shop.tasks.charge", "shop.tasks.a_name_that_is_much_too_long_to_show"):
        story.send(task=task)

    assert [line.split("  ")[3].strip() for line in timeline(story.events).splitlines()[1:]] == [
        "billing.tasks.charge",
        "shop.tasks.charge",
        "…_is_much_too_long_to_show",
    ]


def test_no_line_is_wider_than_a_page(story: Story) -> None:
    task = f"shop.{'x' * 50}"
    number = story.send("y" * 200, task=task, task_id="z" * 36, by="node" * 20, eta=timedelta(days=1000))
    story.run(number, "node" * 20, result="y" * 200)

    assert max(map(len, timeline(story.events).splitlines())) == 110


def test_a_trace_that_was_read_back_tells_the_same(story: Story) -> None:
    story.run(story.send(7), state="FAILURE", exception=ValueError({"b", "a"}))
    story.run(story.send(8), result={3, 1, 2})

    assert timeline(loads(dumps(story.events))) == timeline(story.events)


def test_messages_that_are_no_tasks_are_left_out(story: Story) -> None:
    story.tell(Published, 1, "celery.pidbox", "", ("mail.pidbox",), "test", body=b"{}")

    assert timeline(story.events) == timeline([]) == "nothing happened yet"
