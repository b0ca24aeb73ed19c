"""Digests: what was not read of a fixed day or week, once for each person and period."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import time_machine
from django.core import mail

from applications.tasks import send_email
from core.clock import zone
from core.models import DeliveryLedger
from core.sweeps import MailServerDown, Outcome, TimeUp
from tests.factories import NotificationFactory, UserFactory
from users.digests import AT_MOST, send_daily_digests, send_weekly_digests
from users.models import Notification, NotificationPreference, User

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

MORNING = "2026-03-12T08:30:00+11:00"  # a Thursday
MONDAY = "2026-03-16T09:00:00+11:00"


def reader(email: str = "ann@example.com", *, daily: bool = True, weekly: bool = True, **values: Any) -> User:
    user = UserFactory(email=email, **values)
    NotificationPreference.objects.update_or_create(
        user=user, defaults={"daily_digest": daily, "weekly_digest": weekly}
    )
    return user


def news(user: User, moment: str, title: str = "News", **values: Any) -> Notification:
    row = NotificationFactory(user=user, title=title, **values)
    local = datetime.fromisoformat(moment).replace(tzinfo=zone())
    Notification.objects.filter(pk=row.pk).update(created_at=local)
    return row


def refuse(**_: Any) -> int:
    raise ConnectionRefusedError("nobody there")


def subjects() -> list[str]:
    return [message.subject for message in mail.outbox]


@time_machine.travel(MORNING, tick=False)
def test_yesterday_and_nothing_else() -> None:
    ann = reader()
    for moment in ("2026-03-10 23:59:59", "2026-03-11 00:00", "2026-03-11 23:59:59", "2026-03-12 00:00"):
        news(ann, moment, f"At {moment}")
    assert send_daily_digests(send_email) == Outcome(checked=1, sent=1)
    (message,) = mail.outbox
    assert (message.subject, message.to) == ("Your daily digest for 11 March 2026", ["ann@example.com"])
    lines = [line for line in message.body.splitlines() if line.startswith("-")]
    assert lines == ["- At 2026-03-11 00:00: Something happened.", "- At 2026-03-11 23:59:59: Something happened."]


@time_machine.travel(MONDAY, tick=False)
def test_last_week_and_nothing_else() -> None:
    ann = reader()
    for moment in ("2026-03-08 23:59", "2026-03-09 00:00", "2026-03-15 23:59", "2026-03-16 00:00"):
        news(ann, moment, f"At {moment}")
    assert send_weekly_digests(send_email) == Outcome(checked=1, sent=1)
    assert subjects() == ["Your weekly digest for 9 to 15 March 2026"]
    assert [line[:22] for line in mail.outbox[0].body.splitlines() if line.startswith("-")] == [
        "- At 2026-03-09 00:00:",
        "- At 2026-03-15 23:59:",
    ]


@pytest.mark.parametrize("hour", ["00:00:01", "08:30:00", "23:59:59"])
def test_the_hour_at_which_it_runs_changes_nothing(hour: str) -> None:
    ann = reader()
    news(ann, "2026-03-11 12:00")
    news(ann, "2026-03-12 00:00")
    with time_machine.travel(f"2026-03-12T{hour}+11:00", tick=False):
        send_daily_digests(send_email)
    assert subjects() == ["Your daily digest for 11 March 2026"]


@time_machine.travel(MORNING, tick=False)
def test_only_who_wants_it_and_works_here() -> None:
    people = [
        reader("no@example.com", daily=False),
        reader("gone@example.com", is_active=False),
        UserFactory(email="never.asked@example.com"),
    ]
    for person in [*people, reader("yes@example.com")]:
        news(person, "2026-03-11 12:00")
    assert send_daily_digests(send_email) == Outcome(checked=1, sent=1)
    assert mail.outbox[0].to == ["yes@example.com"]


@time_machine.travel(MORNING, tick=False)
def test_nothing_to_tell_is_no_mail() -> None:
    news(reader(), "2026-03-11 12:00", is_read=True)
    reader("bob@example.com")
    assert send_daily_digests(send_email) == Outcome(checked=2, skipped=2)
    assert mail.outbox == []


@time_machine.travel(MORNING, tick=False)
def test_a_second_run_sends_nothing() -> None:
    news(reader(), "2026-03-11 12:00")
    send_daily_digests(send_email)
    assert send_daily_digests(send_email) == Outcome()
    assert len(mail.outbox) == 1


@time_machine.travel(MORNING, tick=False)
def test_another_address_is_no_second_digest() -> None:
    ann, bob = reader(), reader("bob@example.com")
    news(ann, "2026-03-11 12:00")
    news(bob, "2026-03-11 12:00")

    def refuse_bob(**message: Any) -> int:
        return 0 if message["recipient_list"] == ["bob@example.com"] else send_email(**message)

    assert send_daily_digests(refuse_bob) == Outcome(checked=2, sent=1, failed=1)
    User.objects.filter(pk=ann.pk).update(email="anna@example.com")
    assert send_daily_digests(send_email) == Outcome(checked=2, sent=1, skipped=1)
    assert [message.to for message in mail.outbox] == [["ann@example.com"], ["bob@example.com"]]


def test_missed_days_are_made_up_for_one_mail_each() -> None:
    ann = reader()
    for day in range(8, 13):
        news(ann, f"2026-03-{day:02} 12:00")
    with time_machine.travel("2026-03-09T08:30:00+11:00", tick=False):
        send_daily_digests(send_email)
    with time_machine.travel("2026-03-13T08:30:00+11:00", tick=False):
        assert send_daily_digests(send_email) == Outcome(checked=4, sent=4)
    assert subjects() == [f"Your daily digest for {day} March 2026" for day in range(8, 13)]


def test_not_more_than_seven_days_and_four_weeks_are_made_up_for() -> None:
    ann = reader()
    for month in (1, 2, 3):
        for day in range(1, 29):
            news(ann, f"2026-{month:02}-{day:02} 12:00")
    with time_machine.travel("2026-01-05T09:00:00+11:00", tick=False):
        send_daily_digests(send_email)
        send_weekly_digests(send_email)
    mail.outbox.clear()
    with time_machine.travel("2026-03-20T08:30:00+11:00", tick=False):
        send_daily_digests(send_email)
        assert subjects() == [f"Your daily digest for {day} March 2026" for day in range(13, 20)]
        mail.outbox.clear()
        send_weekly_digests(send_email)
    assert subjects() == [
        "Your weekly digest for 16 to 22 February 2026",
        "Your weekly digest for 23 February 2026 to 1 March 2026",
        "Your weekly digest for 2 to 8 March 2026",
        "Your weekly digest for 9 to 15 March 2026",
    ]


def test_the_first_run_ever_looks_back_one_period_only() -> None:
    ann = reader()
    for day in range(1, 12):
        news(ann, f"2026-03-{day:02} 12:00")
    with time_machine.travel(MORNING, tick=False):
        assert send_daily_digests(send_email) == Outcome(checked=1, sent=1)


def test_who_subscribes_later_is_not_told_of_what_was_before() -> None:
    reader("old@example.com")
    with time_machine.travel("2026-03-09T08:30:00+11:00", tick=False):
        send_daily_digests(send_email)
    ann = reader()
    for day in (7, 8, 9):
        news(ann, f"2026-03-{day:02} 12:00")
    with time_machine.travel("2026-03-10T08:30:00+11:00", tick=False):
        send_daily_digests(send_email)
    assert subjects() == ["Your daily digest for 9 March 2026"]


def test_a_day_on_which_the_server_was_down_is_made_up_for_on_the_next() -> None:
    ann = reader()
    for day in (11, 12):
        news(ann, f"2026-03-{day:02} 12:00")
    with time_machine.travel(MORNING, tick=False):
        outcome = send_daily_digests(refuse)
    assert (outcome, outcome.try_again) == (Outcome(checked=1, failed=1), True)
    with time_machine.travel("2026-03-13T08:30:00+11:00", tick=False):
        assert send_daily_digests(send_email) == Outcome(checked=2, sent=2)
    assert subjects() == ["Your daily digest for 11 March 2026", "Your daily digest for 12 March 2026"]


@time_machine.travel(MORNING, tick=False)
def test_a_server_that_stays_down_ends_the_run() -> None:
    for number in range(5):
        news(reader(f"{number}@example.com"), "2026-03-11 12:00")
    with pytest.raises(MailServerDown, match="3 times in a row"):
        send_daily_digests(refuse)
    assert DeliveryLedger.objects.filter(status="failed").count() == 3
    assert send_daily_digests(send_email) == Outcome(checked=5, sent=5)


@time_machine.travel(MORNING, tick=False)
def test_a_run_whose_time_is_up_goes_on_next_time() -> None:
    news(reader(), "2026-03-11 12:00")
    with pytest.raises(TimeUp, match="goes on from there"):
        send_daily_digests(send_email, until=0.0)
    assert send_daily_digests(send_email) == Outcome(checked=1, sent=1)


@time_machine.travel(MORNING, tick=False)
def test_what_is_read_while_it_runs_is_not_told() -> None:
    ann, bob = reader(), reader("bob@example.com")
    news(ann, "2026-03-11 12:00")
    news(bob, "2026-03-11 12:00")

    def bob_reads(**message: Any) -> int:
        Notification.objects.filter(user=bob).update(is_read=True)
        return send_email(**message)

    assert send_daily_digests(bob_reads) == Outcome(checked=2, sent=1, skipped=1)


@time_machine.travel(MORNING, tick=False)
def test_a_long_list_is_cut() -> None:
    ann = reader()
    for _ in range(AT_MOST + 2):
        news(ann, "2026-03-11 12:00")
    send_daily_digests(send_email)
    lines = [line for line in mail.outbox[0].body.splitlines() if line.startswith("-")]
    assert (len(lines), lines[-1]) == (AT_MOST + 1, "- and 2 more")


@pytest.mark.parametrize(
    ("today", "day", "first", "last"),
    [
        ("2026-04-06T08:30:00+10:00", "5 April 2026", "2026-04-04T13:00:00Z", "2026-04-05T13:59:59Z"),  # 25 hours
        ("2026-10-05T08:30:00+11:00", "4 October 2026", "2026-10-03T14:00:00Z", "2026-10-04T12:59:59Z"),  # 23 hours
        ("2028-03-01T08:30:00+11:00", "29 February 2028", "2028-02-28T13:00:00Z", "2028-02-29T12:59:59Z"),
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(today: str, day: str, first: str, last: str) -> None:
    ann = reader()
    for moment in (first, last):
        row = NotificationFactory(user=ann, title=moment)
        Notification.objects.filter(pk=row.pk).update(created_at=datetime.fromisoformat(moment))
    with time_machine.travel(today, tick=False):
        send_daily_digests(send_email)
    assert subjects() == [f"Your daily digest for {day}"]
    assert sum(line.startswith("-") for line in mail.outbox[0].body.splitlines()) == 2


@time_machine.travel(MORNING, tick=False)
def test_statements_grow_by_batch_and_by_mail_only(django_assert_max_num_queries: Any) -> None:
    for number in range(200):
        reader(f"{number}@example.com")
    news(User.objects.get(email="7@example.com"), "2026-03-11 12:00")
    with django_assert_max_num_queries(20):
        assert send_daily_digests(send_email) == Outcome(checked=200, sent=1, skipped=199)
