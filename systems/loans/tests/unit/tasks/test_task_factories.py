"""What the factories make is what the sweeps find: plain rows are left alone, and one argument makes them due."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from applications.tasks import (
    check_note_reminders,
    check_repayment_reminders,
    check_stale_applications,
    send_application_status_notification,
)
from core.clock import now, today
from tests.factories import (
    ApplicationFactory,
    BDMFactory,
    BorrowerFactory,
    BranchFactory,
    BrokerFactory,
    DocumentFactory,
    FeeFactory,
    NoteFactory,
    NotificationFactory,
    RepaymentFactory,
    UserFactory,
    long_in_stage,
    overdue,
)
from tests.mailbox import Mailbox

pytestmark = [pytest.mark.task, pytest.mark.django_db]

FLAGS = ("reminder_sent", "overdue_3_day_sent", "overdue_7_day_sent", "overdue_10_day_sent")


@pytest.mark.parametrize(
    "factory",
    [
        UserFactory,
        BranchFactory,
        BDMFactory,
        BrokerFactory,
        BorrowerFactory,
        ApplicationFactory,
        NoteFactory,
        RepaymentFactory,
        FeeFactory,
        DocumentFactory,
        NotificationFactory,
    ],
)
def test_what_a_factory_makes_is_nobody_s_business(mailbox: Mailbox, factory: Any) -> None:
    assert factory().pk
    for task in (check_stale_applications, check_note_reminders, check_repayment_reminders):
        assert task()["checked"] == 0
    assert mailbox.mails == []


def test_a_note_with_a_moment(mailbox: Mailbox) -> None:
    note = NoteFactory(remind_date=now())
    assert check_note_reminders()["sent"] == 2
    assert [mail.to for mail in mailbox.mails] == [note.created_by.email, note.application.bd.user.email]


def test_an_application_long_in_its_stage(mailbox: Mailbox) -> None:
    application = long_in_stage(14)
    assert check_stale_applications()["sent"] == 1
    assert mailbox.mails[0].to == application.bd.user.email


@pytest.mark.parametrize(("days", "flag"), [(3, FLAGS[1]), (7, FLAGS[2]), (10, FLAGS[3])])
def test_an_overdue_repayment_and_the_flag_that_settles_it(mailbox: Mailbox, days: int, flag: str) -> None:
    borrower = BorrowerFactory()
    overdue(days, application=ApplicationFactory(borrowers=[borrower]))
    overdue(days, application=ApplicationFactory(borrowers=[borrower]), **{flag: True})
    assert check_repayment_reminders() == {"checked": 1, "sent": 1, "skipped": 0, "failed": 0}


def test_a_repayment_of_two_borrowers(mailbox: Mailbox) -> None:
    borrowers = BorrowerFactory.create_batch(2)
    RepaymentFactory(application=ApplicationFactory(borrowers=borrowers), due_date=today() + timedelta(days=7))
    assert check_repayment_reminders()["sent"] == 2
    assert [mail.to for mail in mailbox.mails] == [borrower.email for borrower in borrowers]


def test_an_application_with_all_its_people(mailbox: Mailbox) -> None:
    application = ApplicationFactory(borrowers=[BorrowerFactory(user=UserFactory())])
    assert send_application_status_notification(application.pk, "approved")["sent"] == 3
