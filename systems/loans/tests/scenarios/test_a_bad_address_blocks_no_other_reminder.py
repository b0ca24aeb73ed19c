"""Each reminder goes out once, in the hour of its moment, whatever becomes of the others."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import pytest
from coldframe import Bench

from core.clock import zone
from reminders.models import Reminder
from reminders.tasks import check_due_reminders
from tests.factories import BDUserFactory
from tests.mailbox import Mailbox
from users.models import Notification

ENTRIES = ["check-due-reminders"]

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.task,
    pytest.mark.coldframe(beat=ENTRIES, start="2026-03-20T12:00+11:00", undrained="allow"),
]

BAD, POISON, WRITER = "bad@example.com", "a@example.com\nBcc: everybody@example.com", "writer@example.com"
#: Two nights of change and the end of a month are among them.
MOMENTS = ["2026-03-20 12:30", "2026-03-31 23:45", "2026-04-01 00:00", "2026-04-05 02:30", "2026-04-05 03:30"]


def remind(moment: str, address: str = "ann@example.com") -> Reminder:
    return Reminder.objects.create(
        recipient_email=address,
        send_datetime=datetime.fromisoformat(moment).replace(tzinfo=zone()),
        subject=f"For {moment}",
        email_body="Ring them up.",
        created_by=BDUserFactory._meta.model.objects.filter(email=WRITER).first() or BDUserFactory(email=WRITER),
    )


def each_once(mailbox: Mailbox) -> bool:
    return set(Counter((mail.to, mail.subject) for mail in mailbox.mails).values()) == {1}


def test_all_others_come_in_time(coldframe: Bench, mailbox: Mailbox) -> None:
    mailbox.refused = {BAD}
    for moment in MOMENTS:
        for address in (BAD, POISON, "ann@example.com"):
            remind(moment, address)
    coldframe.run_until("2026-04-07T00:00+10:00")
    assert [(mail.to, mail.on) for mail in mailbox.mails] == [
        ("ann@example.com", "2026-03-20 13:05"),
        ("ann@example.com", "2026-04-01 00:05"),
        ("ann@example.com", "2026-04-01 00:05"),
        ("ann@example.com", "2026-04-05 03:05"),  # an hourly crontab leaves out the second two o'clock
        ("ann@example.com", "2026-04-05 04:05"),
    ]


def test_the_bad_ones_are_given_up_and_their_writer_is_told_once_of_each(coldframe: Bench, mailbox: Mailbox) -> None:
    mailbox.refused = {BAD}
    bad, poison, good = remind(MOMENTS[0], BAD), remind(MOMENTS[0], POISON), remind(MOMENTS[0])
    coldframe.advance(days=3)
    for reminder in (bad, poison):
        reminder.refresh_from_db()
        assert (reminder.status, reminder.attempts) == ("given_up", 5)
        assert reminder.tried_at.astimezone(zone()).strftime("%d %H:%M") == "20 17:05"
    assert "550" in bad.error_message
    assert poison.error_message.startswith("BadHeaderError")
    told = Notification.objects.filter(user__email=WRITER)
    assert sorted(told.values_list("related_object_id", flat=True)) == [bad.pk, poison.pk]
    good.refresh_from_db()
    assert good.status == "sent"


def test_workers_that_are_down_for_three_days_send_late_and_once(coldframe: Bench, mailbox: Mailbox) -> None:
    for day in range(21, 26):
        remind(f"2026-03-{day} 10:00")
    coldframe.node("first")
    coldframe.run_until("2026-03-22T00:00+11:00")
    coldframe.kill("first")
    coldframe.run_until("2026-03-25T00:00+11:00")
    coldframe.node("second")
    coldframe.run_until("2026-03-26T00:00+11:00")
    assert mailbox.days("ann@example.com") == ["2026-03-21"] + ["2026-03-25"] * 4
    assert each_once(mailbox)


def test_run_twice_and_by_two_nodes_at_once_each_comes_once(coldframe: Bench, mailbox: Mailbox) -> None:
    mailbox.seconds = 5
    mailbox.refused = {BAD}
    for number in range(20):
        remind("2026-03-21 10:00", f"{number}@example.com")
    remind("2026-03-21 10:00", BAD)
    coldframe.node("first", concurrency=1)
    coldframe.node("second", concurrency=1)
    coldframe.run_until("2026-03-21T10:04:59+11:00")
    for _ in range(4):
        check_due_reminders.delay()
    coldframe.advance(hours=3)
    assert {run.node for run in coldframe.runs(check_due_reminders)} == {"first", "second"}
    assert len(mailbox.mails) == 20
    assert each_once(mailbox)


def test_a_mail_server_that_refuses_for_a_day_delays_all_and_gives_up_none(coldframe: Bench, mailbox: Mailbox) -> None:
    for number in range(6):
        remind("2026-03-21 10:00", f"{number}@example.com")
    coldframe.expect_failure()  # of the runs that found no server
    mailbox.down = True
    coldframe.run_until("2026-03-22T12:00+11:00")
    mailbox.down = False
    coldframe.advance(hours=1)
    assert sorted(mail.to for mail in mailbox.mails) == [f"{number}@example.com" for number in range(6)]
    assert set(Reminder.objects.values_list("is_sent", "given_up")) == {(True, False)}
    assert Notification.objects.count() == 0


def test_a_worker_that_dies_while_it_sends_costs_no_more_than_that_one(coldframe: Bench, mailbox: Mailbox) -> None:
    mailbox.seconds = 20
    for number in range(3):
        remind("2026-03-21 10:00", f"{number}@example.com")
    coldframe.node("first")
    coldframe.run_until("2026-03-21T10:05:30+11:00")
    coldframe.kill("first")
    coldframe.node("second")
    coldframe.advance(days=2)
    assert [mail.to for mail in mailbox.mails] == ["0@example.com", "2@example.com"]
    assert Notification.objects.get().message.startswith("“For 2026-03-21 10:00” to 1@example.com: Its worker died")
