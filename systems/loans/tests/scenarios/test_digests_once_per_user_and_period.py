"""Who wants a digest gets one for each day or week in which there was something, about that day or week, once."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, datetime, timedelta

import pytest
from coldframe import Bench

from applications.tasks import send_daily_digest, send_weekly_digest
from core.clock import zone
from core.periods import Period
from tests.factories import NotificationFactory, UserFactory
from tests.mailbox import Mailbox
from users.models import Notification, NotificationPreference, User

ENTRIES = ["send-daily-digest", "send-weekly-digest"]

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.task,
    pytest.mark.coldframe(beat=ENTRIES, start="2026-03-01T12:00+11:00", undrained="allow"),
]

READERS = {"both@example.com": (True, True), "daily@example.com": (True, False), "weekly@example.com": (False, True)}
HOURS = (0, 8, 9, 23)


@pytest.fixture(autouse=True)
def _readers(db: None) -> None:
    for email, (daily, weekly) in {**READERS, "none@example.com": (False, False)}.items():
        user = UserFactory(email=email)
        NotificationPreference.objects.update_or_create(
            user=user, defaults={"daily_digest": daily, "weekly_digest": weekly}
        )


def happen(first: date, days: int) -> None:
    """Four things on each day for each person, written as if they had happened at their hour."""
    people = list(User.objects.all())
    for day in (first + timedelta(days=offset) for offset in range(days)):
        for hour in HOURS:
            title = f"{day} {hour:02}h"
            rows = [NotificationFactory.build(user=user, title=title) for user in people]
            Notification.objects.bulk_create(rows)
            moment = datetime(day.year, day.month, day.day, hour, 30, tzinfo=zone())
            Notification.objects.filter(title=title).update(created_at=moment)


def told(mailbox: Mailbox, address: str, kind: str) -> list[str]:
    """What a person was told in the digests of one kind, in order."""
    return [title for mail in mailbox.to(address, kind) for title in re.findall(r"^- (.+?):", mail.body, re.MULTILINE)]


def all_of(first: date, days: int) -> list[str]:
    return [f"{first + timedelta(days=day)} {hour:02}h" for day in range(days) for hour in HOURS]


def periods_of(mailbox: Mailbox, address: str, kind: str) -> list[str]:
    return [mail.subject.partition(" for ")[2] for mail in mailbox.to(address, kind)]


def nothing_twice(mailbox: Mailbox) -> bool:
    return set(Counter((mail.to, mail.subject) for mail in mailbox.mails).values()) == {1}


def test_over_three_months_everything_is_told_once_and_nothing_is_left_out(coldframe: Bench, mailbox: Mailbox) -> None:
    first, days = date(2026, 3, 2), 13 * 7
    happen(first, days)
    coldframe.run_until("2026-06-02T00:00+10:00")
    for address, (daily, weekly) in READERS.items():
        assert told(mailbox, address, "daily digest") == (all_of(first, days) if daily else [])
        assert told(mailbox, address, "weekly digest") == (all_of(first, days) if weekly else [])
    assert mailbox.to("none@example.com") == []
    assert nothing_twice(mailbox)
    assert {mail.on[11:] for mail in mailbox.mails} == {"08:30", "09:00"}


@pytest.mark.coldframe(start="2026-09-28T12:00+10:00")
def test_the_night_in_which_the_clocks_go_forward_loses_nothing(coldframe: Bench, mailbox: Mailbox) -> None:
    first, days = date(2026, 9, 28), 14
    happen(first, days)
    coldframe.run_until("2026-10-13T00:00+11:00")
    assert told(mailbox, "both@example.com", "daily digest") == all_of(first, days)
    assert told(mailbox, "both@example.com", "weekly digest") == all_of(first, days)
    assert {mail.on[11:] for mail in mailbox.mails} == {"08:30", "09:00"}


def test_days_without_news_are_days_without_mail(coldframe: Bench, mailbox: Mailbox) -> None:
    happen(date(2026, 3, 4), 1)
    coldframe.run_until("2026-04-01T00:00+11:00")
    assert periods_of(mailbox, "both@example.com", "digest") == ["4 March 2026", "2 to 8 March 2026"]


def test_what_is_read_is_not_told(coldframe: Bench, mailbox: Mailbox) -> None:
    happen(date(2026, 3, 2), 7)
    Notification.objects.exclude(title__contains="-05 ").update(is_read=True)
    coldframe.run_until("2026-03-10T00:00+11:00")
    assert periods_of(mailbox, "both@example.com", "digest") == ["5 March 2026", "2 to 8 March 2026"]
    assert told(mailbox, "both@example.com", "weekly digest") == all_of(date(2026, 3, 5), 1)


def test_workers_that_are_down_for_three_days_tell_of_each_day_late(coldframe: Bench, mailbox: Mailbox) -> None:
    happen(date(2026, 3, 2), 14)
    coldframe.node("first")
    coldframe.run_until("2026-03-07T12:00+11:00")
    coldframe.kill("first")
    coldframe.run_until("2026-03-10T12:00+11:00")
    coldframe.node("second")
    coldframe.run_until("2026-03-17T00:00+11:00")
    assert told(mailbox, "both@example.com", "daily digest") == all_of(date(2026, 3, 2), 14)
    assert told(mailbox, "both@example.com", "weekly digest") == all_of(date(2026, 3, 2), 14)
    assert nothing_twice(mailbox)


@pytest.mark.coldframe(beat=False)
def test_days_on_which_no_beat_ran_are_made_up_for(coldframe: Bench, mailbox: Mailbox) -> None:
    happen(date(2026, 3, 2), 14)
    beat = coldframe.beat(only=ENTRIES)
    coldframe.run_until("2026-03-05T12:00+11:00")
    beat.stop()
    coldframe.run_until("2026-03-11T12:00+11:00")
    coldframe.beat(only=ENTRIES)
    coldframe.run_until("2026-03-17T00:00+11:00")
    assert told(mailbox, "daily@example.com", "daily digest") == all_of(date(2026, 3, 2), 14)
    assert nothing_twice(mailbox)


def test_run_twice_and_by_two_nodes_at_once_they_come_once(coldframe: Bench, mailbox: Mailbox) -> None:
    mailbox.seconds = 2
    happen(date(2026, 3, 2), 14)
    coldframe.node("first", concurrency=1)
    coldframe.node("second", concurrency=1)
    for _ in range(16):
        for _ in range(2):
            send_daily_digest.delay()
            send_weekly_digest.delay()
        coldframe.advance(days=1)
    assert {run.node for run in coldframe.runs(send_daily_digest)} == {"first", "second"}
    assert told(mailbox, "daily@example.com", "daily digest") == all_of(date(2026, 3, 2), 14)
    assert told(mailbox, "weekly@example.com", "weekly digest") == all_of(date(2026, 3, 2), 14)
    assert nothing_twice(mailbox)


@pytest.mark.coldframe(failures="collect")
@pytest.mark.parametrize("hours", [0.1, 8, 60])
def test_a_mail_server_that_refuses_for_a_while_delays_them(coldframe: Bench, mailbox: Mailbox, hours: float) -> None:
    happen(date(2026, 3, 2), 14)
    coldframe.run_until("2026-03-09T08:29+11:00")
    mailbox.down = True
    coldframe.advance(hours=hours)
    mailbox.down = False
    coldframe.run_until("2026-03-24T00:00+11:00")
    for address, (daily, weekly) in READERS.items():
        assert told(mailbox, address, "daily digest") == (all_of(date(2026, 3, 2), 14) if daily else [])
        assert sorted(told(mailbox, address, "weekly digest")) == (all_of(date(2026, 3, 2), 14) if weekly else [])
    assert nothing_twice(mailbox)


def test_an_address_that_is_refused_keeps_nobody_else_waiting(coldframe: Bench, mailbox: Mailbox) -> None:
    mailbox.refused = {"both@example.com"}
    happen(date(2026, 3, 2), 7)
    coldframe.run_until("2026-03-24T00:00+11:00")
    assert told(mailbox, "daily@example.com", "daily digest") == all_of(date(2026, 3, 2), 7)
    assert mailbox.days("daily@example.com") == [f"2026-03-0{day}" for day in range(3, 10)]
    assert periods_of(mailbox, "weekly@example.com", "weekly digest") == [
        str(Period(date(2026, 3, 2), date(2026, 3, 8)))
    ]
