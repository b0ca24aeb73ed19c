"""The dates of a loan are announced to those who look after the money, each date and threshold once."""

from __future__ import annotations

import logging
from datetime import date, timedelta

import pytest
import time_machine

from applications.models import ActiveLoan, Stage
from applications.reminders.active_loans import (
    announce_dates_of_loan,
    announce_dates_of_loans,
    remove_closed_loans,
)
from core.clock import now
from core.mailing import Sender
from core.sweeps import MailServerDown, Outcome
from tests.factories import AccountsUserFactory, AdminFactory, ApplicationFactory, BDUserFactory
from tests.mailbox import Mailbox
from users.models import Notification, NotificationPreference

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

TODAY = date(2026, 3, 16)
ADMIN, MONEY = "admin@example.com", "money@example.com"


@pytest.fixture(autouse=True)
def people(db: None) -> None:
    AdminFactory(email=ADMIN)
    AccountsUserFactory(email=MONEY)
    AccountsUserFactory(is_active=False)
    BDUserFactory()


def loan(expires_in: int = 400, *interest_in: int, **values: object) -> ActiveLoan:
    return ActiveLoan.objects.create(
        application=ApplicationFactory(stage=Stage.FUNDED, reference_number="APP-LOAN"),
        settlement_date=TODAY - timedelta(days=300),
        loan_expiry_date=TODAY + timedelta(days=expires_in),
        interest_payment_due_dates=[(TODAY + timedelta(days=days)).isoformat() for days in interest_in],
        **values,
    )


def test_both_hear_of_an_expiry_by_mail_and_bell(send: Sender, mailbox: Mailbox) -> None:
    row = loan(30)
    NotificationPreference.objects.create(user_id=AdminFactory(email="x@example.com").pk, system_in_app=False)
    assert announce_dates_of_loans(send) == Outcome(checked=1, sent=3)
    assert announce_dates_of_loans(send) == Outcome(checked=1, skipped=1)
    assert [mail.to for mail in mailbox.mails] == [ADMIN, MONEY, "x@example.com"]
    assert {mail.subject for mail in mailbox.mails} == {"Loan expires within 30 days: APP-LOAN"}
    assert "application APP-LOAN, 2026-04-15 (in 30 days)." in mailbox.mails[0].body
    told = Notification.objects.order_by("pk")
    assert [(one.user.email, one.notification_type) for one in told] == [(ADMIN, "system"), (MONEY, "system")]
    assert (told[0].related_object_type, told[0].related_object_id) == ("application", row.application_id)


@pytest.mark.parametrize(
    ("expires_in", "subject"),
    [
        (31, None),
        (30, "Loan expires within 30 days"),
        (8, "Loan expires within 30 days"),
        (7, "Loan expires within 7 days"),
        (-1, "Loan expires within 7 days"),
    ],
)
def test_the_closest_threshold_is_told(send: Sender, mailbox: Mailbox, expires_in: int, subject: str | None) -> None:
    loan(expires_in)
    announce_dates_of_loans(send)
    assert [mail.subject.partition(":")[0] for mail in mailbox.to(MONEY)] == ([subject] if subject else [])


@pytest.mark.parametrize(("days", "mails"), [(8, 0), (7, 1), (0, 1), (-7, 1), (-8, 0)])
def test_interest_is_told_a_week_before_and_up_to_a_week_late(
    send: Sender, mailbox: Mailbox, days: int, mails: int
) -> None:
    loan(400, days)
    announce_dates_of_loans(send)
    assert [mail.subject for mail in mailbox.to(MONEY)] == ["Interest payment is due: APP-LOAN"] * mails


def test_each_date_and_threshold_once_over_a_quarter(
    send: Sender, mailbox: Mailbox, clock: time_machine.Coordinates
) -> None:
    loan(60, 0, 30, 60)
    for _ in range(75):
        announce_dates_of_loans(send)
        clock.shift(timedelta(days=1))
    assert [(mail.on[:10], mail.subject.partition(":")[0]) for mail in mailbox.to(MONEY)] == [
        ("2026-03-16", "Interest payment is due"),
        ("2026-04-08", "Interest payment is due"),
        ("2026-04-15", "Loan expires within 30 days"),
        ("2026-05-08", "Loan expires within 7 days"),
        ("2026-05-08", "Interest payment is due"),
    ]


def test_all_dates_that_are_near_are_told_and_not_only_the_first(send: Sender, mailbox: Mailbox) -> None:
    loan(5, 1, 2, 3)
    assert announce_dates_of_loans(send) == Outcome(checked=1, sent=8)


def test_a_date_that_is_none_spoils_only_its_own_loan(send: Sender, mailbox: Mailbox) -> None:
    broken = loan()
    ActiveLoan.objects.filter(pk=broken.pk).update(interest_payment_due_dates=["31st of March"])
    other = ActiveLoan.objects.create(
        application=ApplicationFactory(), settlement_date=TODAY, loan_expiry_date=TODAY + timedelta(days=7)
    )
    assert announce_dates_of_loans(send) == Outcome(checked=2, sent=2, failed=1)
    assert other.application.reference_number in mailbox.mails[0].subject


def test_a_loan_that_is_closed_meanwhile_is_not_announced(send: Sender, mailbox: Mailbox) -> None:
    loan(7)
    mailbox.on_mail = lambda _address: ActiveLoan.objects.update(is_active=False)
    assert announce_dates_of_loans(send) == Outcome(checked=1, sent=1)


def test_one_loan_is_announced_at_once_and_not_again_in_the_morning(send: Sender, mailbox: Mailbox) -> None:
    row = loan(20)
    assert announce_dates_of_loan(send, row.pk) == Outcome(checked=1, sent=2)
    assert announce_dates_of_loans(send) == Outcome(checked=1, skipped=1)
    assert len(mailbox.mails) == 2


def test_a_loan_with_nothing_near_needs_no_alert(send: Sender, mailbox: Mailbox) -> None:
    assert announce_dates_of_loan(send, loan().pk) == Outcome()
    closed = ActiveLoan.objects.get()
    ActiveLoan.objects.update(is_active=False, loan_expiry_date=TODAY)
    assert announce_dates_of_loan(send, closed.pk) == Outcome()
    assert mailbox.mails == []


def test_an_unknown_loan_is_logged(send: Sender, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    assert announce_dates_of_loan(send, 4711) is None
    assert caplog.messages == ["nobody is alerted: there is no loan 4711"]


def test_mail_that_the_server_did_not_take_comes_later_and_the_bell_rings_once(send: Sender, mailbox: Mailbox) -> None:
    loan(7, 1)
    mailbox.down = True
    with pytest.raises(MailServerDown, match="3 times in a row"):
        announce_dates_of_loans(send)
    mailbox.down = False
    assert announce_dates_of_loans(send) == Outcome(checked=1, sent=4)
    assert Notification.objects.count() == 4


def test_a_loan_goes_ninety_days_after_it_was_closed(clock: time_machine.Coordinates) -> None:
    loan(closed_at=now(), is_active=False)
    clock.shift(timedelta(days=90))
    assert remove_closed_loans() == 0
    clock.shift(timedelta(seconds=1))
    assert remove_closed_loans() == 1
    assert not ActiveLoan.objects.exists()


def test_one_whose_closing_nobody_wrote_down_is_kept_from_now_on(clock: time_machine.Coordinates) -> None:
    row = loan(is_active=False)
    clock.shift(timedelta(days=200))
    assert remove_closed_loans() == 0
    row.refresh_from_db()
    assert row.closed_at == now()
    clock.shift(timedelta(days=91))
    assert remove_closed_loans() == 1


def test_a_loan_that_runs_is_never_removed(send: Sender, mailbox: Mailbox, clock: time_machine.Coordinates) -> None:
    loan(-500, closed_at=now() - timedelta(days=400))
    announce_dates_of_loans(send)
    assert ActiveLoan.objects.count() == 1
