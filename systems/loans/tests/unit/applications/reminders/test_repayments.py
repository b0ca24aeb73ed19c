"""Who is told what about a repayment, and what is written down about it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from applications.models import Stage
from applications.reminders.repayments import remind_of_repayments
from core.clock import zone
from core.mailing import Sender
from core.models import DeliveryLedger
from core.sweeps import Outcome
from documents.models import Repayment
from tests.factories import (
    AdminFactory,
    ApplicationFactory,
    BDMFactory,
    BorrowerFactory,
    BranchFactory,
    RepaymentFactory,
    UserFactory,
)
from tests.mailbox import Mailbox
from users.models import Notification, NotificationPreference

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

TODAY = date(2026, 3, 16)
ANN, BEN, BOSS = "ann@example.com", "ben@example.com", "boss@example.com"
FLAGS = ("reminder_sent", "overdue_3_day_sent", "overdue_7_day_sent", "overdue_10_day_sent")


def instalment(days_late: int, *borrowers: object, **values: object) -> Repayment:
    application = ApplicationFactory(
        stage=Stage.FUNDED,
        reference_number="APP-23456789",
        bd=BDMFactory(user__email=BOSS),
        borrowers=borrowers or [BorrowerFactory(first_name="Ann", last_name="Lee", email=ANN)],
    )
    return RepaymentFactory(
        application=application, amount=Decimal(10000), due_date=TODAY - timedelta(days=days_late), **values
    )


def flags(row: Repayment) -> list[str]:
    row.refresh_from_db()
    return [flag for flag in FLAGS if getattr(row, flag)]


@pytest.mark.parametrize(
    ("days_late", "subject", "sentence", "flag"),
    [
        (-7, "Upcoming Repayment Reminder", "your next repayment is due in 7 days.", "reminder_sent"),
        (-1, "Upcoming Repayment Reminder", "your next repayment is due tomorrow.", "reminder_sent"),
        (0, "Upcoming Repayment Reminder", "your next repayment is due today.", "reminder_sent"),
        (3, "OVERDUE Repayment Notice", "your repayment is 3 days overdue. Please", "overdue_3_day_sent"),
        (5, "OVERDUE Repayment Notice", "is at least 3 days overdue (5 days by now).", "overdue_3_day_sent"),
        (7, "URGENT: 7 Days OVERDUE Repayment", "is 7 days overdue.", "overdue_7_day_sent"),
        (9, "URGENT: 7 Days OVERDUE Repayment", "is at least 7 days overdue (9 days by now).", "overdue_7_day_sent"),
    ],
)
def test_a_borrower_is_told_once(
    send: Sender, mailbox: Mailbox, days_late: int, subject: str, sentence: str, flag: str
) -> None:
    row = instalment(days_late)
    assert remind_of_repayments(send) == Outcome(checked=1, sent=1)
    assert remind_of_repayments(send) == Outcome()
    (mail,) = mailbox.mails
    assert (mail.to, mail.subject) == (ANN, subject)
    assert mail.body.startswith("Dear Ann Lee,\n\n")
    assert sentence in mail.body
    for fact in ("Application: APP-23456789", "Amount: AUD 10000.00", f"Due date: {row.due_date}"):
        assert fact in mail.body
    assert flags(row) == [flag]
    assert getattr(row, f"{flag}_at") == datetime(2026, 3, 16, 7, tzinfo=zone())


def test_after_ten_days_the_manager_is_told_who_does_not_pay(send: Sender, mailbox: Mailbox) -> None:
    row = instalment(
        10,
        BorrowerFactory(first_name="Ann", last_name="Lee", email=ANN),
        BorrowerFactory(company_name="Ben & Sons", email=""),
    )
    assert remind_of_repayments(send) == Outcome(checked=1, sent=1)
    (mail,) = mailbox.mails
    assert (mail.to, mail.subject) == (BOSS, "ESCALATION: 10 Days Overdue Repayment")
    assert "a repayment is 10 days overdue" in mail.body
    assert "Borrowers: Ann Lee <ann@example.com>, Ben & Sons <no address>" in mail.body
    assert flags(row) == ["overdue_10_day_sent"]


def test_each_borrower_gets_a_message_of_their_own(send: Sender, mailbox: Mailbox) -> None:
    instalment(3, BorrowerFactory(email=ANN), BorrowerFactory(email=BEN))
    assert remind_of_repayments(send) == Outcome(checked=1, sent=2)
    assert [mail.to for mail in mailbox.mails] == [ANN, BEN]


def test_an_address_that_two_share_gets_one_message_that_greets_both(send: Sender, mailbox: Mailbox) -> None:
    people = [
        BorrowerFactory(first_name=name, last_name="Lee", email=email)
        for name, email in (("Ann", ANN), ("Ben", ANN.upper()))
    ]
    instalment(3, *people)
    assert remind_of_repayments(send).sent == 1
    assert mailbox.mails[0].body.startswith("Dear Ann Lee and Ben Lee,")


@pytest.mark.parametrize(("active", "reached"), [(True, "login@example.com"), (False, ANN)])
def test_a_login_that_still_works_comes_before_the_address_on_file(
    send: Sender, mailbox: Mailbox, active: bool, reached: str
) -> None:
    user = UserFactory(email="login@example.com", is_active=active)
    instalment(3, BorrowerFactory(email=ANN, user=user))
    remind_of_repayments(send)
    assert [mail.to for mail in mailbox.mails] == [reached]


def test_who_wants_no_mail_is_dunned_all_the_same_and_chooses_only_what_the_bell_shows(
    send: Sender, mailbox: Mailbox
) -> None:
    quiet, curious, gone = (UserFactory(email=f"{name}@example.com") for name in ("quiet", "curious", "gone"))
    NotificationPreference.objects.create(
        user=quiet, repayment_overdue_in_app=False, repayment_overdue_email=False, repayment_upcoming_email=False
    )
    gone.is_active = False
    gone.save()
    row = instalment(3, *(BorrowerFactory(user=user) for user in (quiet, curious, gone)))
    assert remind_of_repayments(send) == Outcome(checked=1, sent=3)
    assert [mail.to for mail in mailbox.mails][:2] == ["quiet@example.com", "curious@example.com"]
    told = Notification.objects.get()
    assert (told.user, told.notification_type, told.title) == (curious, "repayment_overdue", "OVERDUE Repayment Notice")
    assert (told.related_object_type, told.related_object_id) == ("repayment", row.pk)
    assert told.message == (
        "APP-23456789: your repayment is 3 days overdue. Please pay it now. AUD 10000.00, due date 2026-03-13."
    )


def test_what_is_shown_before_the_due_date_is_of_another_kind(send: Sender, mailbox: Mailbox) -> None:
    instalment(-7, BorrowerFactory(user=UserFactory()))
    remind_of_repayments(send)
    assert Notification.objects.get().notification_type == "repayment_upcoming"


def test_after_a_long_silence_only_the_highest_step_is_taken(
    send: Sender, mailbox: Mailbox, clock: time_machine.Coordinates
) -> None:
    row = instalment(-7)
    clock.shift(timedelta(days=15))
    remind_of_repayments(send)
    assert [mail.subject for mail in mailbox.mails] == ["URGENT: 7 Days OVERDUE Repayment"]
    assert flags(row) == ["overdue_7_day_sent"]
    clock.shift(timedelta(days=1))
    assert remind_of_repayments(send) == Outcome()


def test_the_day_is_the_office_s_day(send: Sender, mailbox: Mailbox, clock: time_machine.Coordinates) -> None:
    """At seven in the morning in Sydney, it is still the day before in London."""
    instalment(2)
    clock.move_to(datetime(2026, 3, 16, 23, 59, tzinfo=zone()))
    assert remind_of_repayments(send) == Outcome()
    clock.move_to(datetime(2026, 3, 17, 0, 0, tzinfo=zone()))
    assert remind_of_repayments(send).sent == 1


def test_a_reminder_of_one_day_before_is_sent_besides_the_one_of_a_week_before(
    send: Sender, mailbox: Mailbox, clock: time_machine.Coordinates
) -> None:
    instalment(-7)
    for _ in range(8):
        remind_of_repayments(send, days_before=(7, 1))
        remind_of_repayments(send)
        clock.shift(timedelta(days=1))
    assert [mail.on for mail in mailbox.to(ANN)] == ["2026-03-16 07:00", "2026-03-22 07:00"]


def test_after_the_reminder_of_one_day_before_the_one_of_a_week_before_is_not_sent(
    send: Sender, mailbox: Mailbox
) -> None:
    row = instalment(-1)
    remind_of_repayments(send, days_before=(7, 1))
    assert flags(row) == ["reminder_sent"]
    assert remind_of_repayments(send) == Outcome()
    assert len(mailbox.mails) == 1


def test_a_reminder_of_two_weeks_before_does_not_replace_the_one_of_a_week_before(
    send: Sender, mailbox: Mailbox, clock: time_machine.Coordinates
) -> None:
    row = instalment(-14)
    assert remind_of_repayments(send, days_before=(14, 7)).sent == 1
    assert flags(row) == []
    clock.shift(timedelta(days=7))
    assert remind_of_repayments(send, days_before=(14, 7)).sent == 1
    assert flags(row) == ["reminder_sent"]


def nobody_reachable(days_late: int, **values: object) -> Repayment:
    application = ApplicationFactory(stage=Stage.FUNDED, borrowers=[BorrowerFactory(email="")], **values)
    return RepaymentFactory(application=application, due_date=TODAY - timedelta(days=days_late))


def test_if_no_borrower_can_be_reached_the_manager_is_told_once_and_the_step_stays_open(
    send: Sender, mailbox: Mailbox, clock: time_machine.Coordinates
) -> None:
    row = nobody_reachable(3, bd=BDMFactory(user__email=BOSS))
    for _ in range(2):
        assert remind_of_repayments(send) == Outcome(checked=1, skipped=1)
    assert [(mail.to, mail.subject) for mail in mailbox.mails] == [
        (BOSS, f"Nobody to remind of a repayment: {row.application.reference_number}")
    ]
    assert flags(row) == []
    row.application.borrowers.update(email=ANN)
    assert remind_of_repayments(send) == Outcome(checked=1, sent=1)
    assert flags(row) == ["overdue_3_day_sent"]


def test_each_step_at_which_nobody_can_be_reached_is_told(
    send: Sender, mailbox: Mailbox, clock: time_machine.Coordinates
) -> None:
    nobody_reachable(0, bd=BDMFactory(user__email=BOSS))
    for _ in range(12):
        remind_of_repayments(send)
        clock.shift(timedelta(days=1))
    subjects = [mail.subject.partition(":")[0] for mail in mailbox.to(BOSS)]
    assert subjects == ["Nobody to remind of a repayment"] * 3 + ["ESCALATION"]


def test_a_branch_stands_in_for_a_manager_and_administrators_for_a_branch(send: Sender, mailbox: Mailbox) -> None:
    first, second = AdminFactory(), AdminFactory()
    AdminFactory(is_active=False)
    nobody_reachable(3, bd=None, branch=BranchFactory(email="branch@example.com"))
    nobody_reachable(3, bd=BDMFactory(user=None, email="", branch__email=""))
    assert remind_of_repayments(send) == Outcome(checked=2, skipped=2)
    assert [mail.to for mail in mailbox.mails] == ["branch@example.com", first.email, second.email]


def test_a_new_administrator_does_not_hear_of_old_matters(send: Sender, mailbox: Mailbox) -> None:
    AdminFactory()
    nobody_reachable(3, bd=None)
    remind_of_repayments(send)
    AdminFactory()
    assert remind_of_repayments(send) == Outcome(checked=1, skipped=1)
    assert len(mailbox.mails) == 1


def test_an_administrator_whose_message_failed_hears_of_it_later(send: Sender, mailbox: Mailbox) -> None:
    first, second = AdminFactory(), AdminFactory()
    nobody_reachable(3, bd=None)
    mailbox.refused = {second.email}
    assert remind_of_repayments(send) == Outcome(checked=1, failed=1)
    mailbox.refused = set()
    assert remind_of_repayments(send) == Outcome(checked=1, skipped=1)
    assert [mail.to for mail in mailbox.mails] == [first.email, second.email]


def test_where_nobody_works_nobody_is_told(send: Sender, mailbox: Mailbox) -> None:
    row = nobody_reachable(10, bd=None)
    assert remind_of_repayments(send) == Outcome(checked=1, skipped=1)
    assert (mailbox.mails, flags(row)) == ([], [])


def test_an_escalation_that_did_not_reach_the_manager_is_sent_to_the_next_one(send: Sender, mailbox: Mailbox) -> None:
    admin = AdminFactory()
    row = nobody_reachable(10, bd=None)
    assert remind_of_repayments(send) == Outcome(checked=1, skipped=1)
    assert [mail.to for mail in mailbox.mails] == [admin.email]
    assert flags(row) == []
    row.application.bd = BDMFactory(user__email=BOSS)
    row.application.save()
    assert remind_of_repayments(send) == Outcome(checked=1, sent=1)
    assert [mail.to for mail in mailbox.mails] == [admin.email, BOSS]
    assert flags(row) == ["overdue_10_day_sent"]


def test_an_application_without_borrowers_is_nobody_s_to_pay(send: Sender, mailbox: Mailbox) -> None:
    row = RepaymentFactory(
        application=ApplicationFactory(bd=BDMFactory(user__email=BOSS)), due_date=TODAY - timedelta(days=10)
    )
    assert remind_of_repayments(send) == Outcome(checked=1, sent=1)
    assert "Borrowers: none" in mailbox.to(BOSS)[0].body
    assert DeliveryLedger.objects.get().object == f"repayment:{row.pk}"
