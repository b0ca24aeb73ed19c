"""What goes wrong with one message, one row or the server costs nobody else their message, and nobody gets it twice."""

from __future__ import annotations

import smtplib
from datetime import date, timedelta

import pytest
import time_machine
from django.db import connection

from applications.models import Application, Stage
from applications.reminders.repayments import remind_of_repayments
from brokers.models import BDM
from core.deliveries import claim
from core.mailing import Sender
from core.models import DeliveryLedger
from core.sweeps import MailServerDown, Outcome
from documents.models import Repayment
from documents.payments import record_payment
from tests.factories import ApplicationFactory, BDMFactory, BorrowerFactory, RepaymentFactory, UserFactory
from tests.mailbox import Mailbox
from users.models import Notification

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

TODAY = date(2026, 3, 16)
ANN, BEN, BOSS = "ann@example.com", "ben@example.com", "boss@example.com"
POISON = "x@example.com\nBcc: everybody@example.com"


@pytest.fixture(autouse=True)
def boss(db: None) -> BDM:
    return BDMFactory(user__email=BOSS)


def instalment(days_late: int, *addresses: str) -> Repayment:
    application = ApplicationFactory(
        stage=Stage.FUNDED,
        bd=BDM.objects.get(user__email=BOSS),
        borrowers=[BorrowerFactory(email=address) for address in addresses or (ANN,)],
    )
    return RepaymentFactory(application=application, due_date=TODAY - timedelta(days=days_late))


def is_marked(row: Repayment) -> bool:
    row.refresh_from_db()
    return row.overdue_3_day_sent


def test_a_refused_message_is_not_counted_as_sent_and_comes_when_it_is_accepted(send: Sender, mailbox: Mailbox) -> None:
    row = instalment(3)
    mailbox.refused = {ANN}
    assert remind_of_repayments(send) == Outcome(checked=1, failed=1)
    assert not is_marked(row)
    mailbox.refused = set()
    assert remind_of_repayments(send) == Outcome(checked=1, sent=1)
    assert is_marked(row)


def test_whose_message_failed_gets_it_later_although_the_other_s_was_accepted(send: Sender, mailbox: Mailbox) -> None:
    row = instalment(3, ANN, BEN)
    mailbox.refused = {ANN}
    assert remind_of_repayments(send) == Outcome(checked=1, sent=1, failed=1)
    assert is_marked(row)
    marked_at = row.overdue_3_day_sent_at
    mailbox.refused = set()
    assert remind_of_repayments(send) == Outcome(checked=1, sent=1)
    assert remind_of_repayments(send) == Outcome()
    assert [mail.to for mail in mailbox.mails] == [BEN, ANN]
    row.refresh_from_db()
    assert row.overdue_3_day_sent_at == marked_at


def test_an_address_that_was_mended_gets_the_message_that_the_wrong_one_refused(send: Sender, mailbox: Mailbox) -> None:
    row = instalment(3, ANN, "ben@exmaple.com")
    mailbox.refused = {"ben@exmaple.com"}
    remind_of_repayments(send)
    row.application.borrowers.filter(email="ben@exmaple.com").update(email=BEN)
    assert remind_of_repayments(send) == Outcome(checked=1, sent=1)
    assert [mail.to for mail in mailbox.mails] == [ANN, BEN]


def test_a_step_that_failed_is_not_made_up_for_when_the_next_one_is_due(
    send: Sender, mailbox: Mailbox, clock: time_machine.Coordinates
) -> None:
    instalment(3, ANN, BEN)
    mailbox.refused = {ANN}
    remind_of_repayments(send)
    mailbox.refused = set()
    clock.shift(timedelta(days=4))
    remind_of_repayments(send)
    assert [mail.subject for mail in mailbox.to(ANN)] == ["URGENT: 7 Days OVERDUE Repayment"]


@pytest.mark.parametrize("error", [ValueError("a bad template"), smtplib.SMTPException("whatever"), AttributeError()])
def test_of_three_messages_the_second_fails_and_all_are_tried(error: Exception) -> None:
    for address in (ANN, BEN, "cem@example.com"):
        instalment(3, address)
    tried: list[str] = []

    def send(*, subject: str, message: str, recipient_list: list[str]) -> int:
        tried.extend(recipient_list)
        if recipient_list == [BEN]:
            raise error
        return 1

    assert remind_of_repayments(send) == Outcome(checked=3, sent=2, failed=1)
    assert tried == [ANN, BEN, "cem@example.com"]


def test_a_poisoned_address_spoils_only_its_own_message(send: Sender, mailbox: Mailbox) -> None:
    poisoned, other = instalment(3, POISON), instalment(3, BEN)
    assert remind_of_repayments(send) == Outcome(checked=2, sent=1, failed=1)
    assert (is_marked(poisoned), is_marked(other)) == (False, True)
    assert DeliveryLedger.objects.get(status="failed").error.startswith("BadHeaderError")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite keeps a date that is none")
def test_a_row_for_which_no_message_can_be_written_spoils_only_itself(send: Sender, mailbox: Mailbox) -> None:
    broken, other = instalment(3, ANN), instalment(3, BEN)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE documents_repayment SET due_date = '2026-03-12?' WHERE id = %s", [broken.pk])
    assert remind_of_repayments(send) == Outcome(checked=2, sent=1, failed=1)
    assert ([mail.to for mail in mailbox.mails], is_marked(other)) == ([BEN], True)


def test_who_pays_while_the_other_is_told_is_left_alone_and_stays_paid(send: Sender, mailbox: Mailbox) -> None:
    row = instalment(3, ANN, BEN)

    def pay(address: str) -> None:
        record_payment(row, TODAY, key="bank-1")

    mailbox.on_mail = pay
    assert remind_of_repayments(send) == Outcome(checked=1, sent=1)
    assert [mail.to for mail in mailbox.mails] == [ANN]
    assert not is_marked(row)  # it is paid: what was sent does not matter any more
    assert (row.paid_date, row.paid_amount, row.payment_key) == (TODAY, row.amount, "bank-1")


def test_who_pays_between_the_look_and_the_message_is_left_alone(send: Sender, mailbox: Mailbox) -> None:
    rows = [instalment(3, ANN), instalment(3, BEN)]

    def pay(_address: str) -> None:
        record_payment(rows[1], TODAY)

    mailbox.on_mail = pay
    assert remind_of_repayments(send) == Outcome(checked=2, sent=1, skipped=1)
    assert [mail.to for mail in mailbox.mails] == [ANN]


def test_what_falls_through_between_the_look_and_the_message_is_left_alone(send: Sender, mailbox: Mailbox) -> None:
    rows = [instalment(3, ANN), instalment(3, BEN)]
    ben_s = Application.objects.filter(pk=rows[1].application_id)
    mailbox.on_mail = lambda _address: ben_s.update(stage=Stage.WITHDRAWN)
    assert remind_of_repayments(send) == Outcome(checked=2, sent=1, skipped=1)


def test_columns_that_somebody_else_changes_meanwhile_are_not_touched(send: Sender, mailbox: Mailbox) -> None:
    row = instalment(3)
    columns = Repayment.objects.filter(pk=row.pk)
    mailbox.on_mail = lambda _address: columns.update(amount=5, invoice="invoices/7.pdf")
    remind_of_repayments(send)
    assert is_marked(row)
    assert (row.amount, row.invoice.name) == (5, "invoices/7.pdf")


def test_a_worker_that_died_before_it_marked_the_row_leaves_no_second_message(send: Sender, mailbox: Mailbox) -> None:
    row = instalment(3)
    remind_of_repayments(send)
    Repayment.objects.filter(pk=row.pk).update(overdue_3_day_sent=False, overdue_3_day_sent_at=None)
    assert remind_of_repayments(send) == Outcome(checked=1, skipped=1)
    assert is_marked(row)
    assert len(mailbox.mails) == 1


def test_a_worker_that_died_between_two_borrowers_left_one_to_tell(send: Sender, mailbox: Mailbox) -> None:
    row = instalment(3, ANN, BEN)
    remind_of_repayments(send)
    Repayment.objects.filter(pk=row.pk).update(overdue_3_day_sent=False)
    DeliveryLedger.objects.filter(recipient=BEN).update(status="pending")
    assert remind_of_repayments(send) == Outcome(checked=1, sent=1)
    assert [mail.to for mail in mailbox.mails] == [ANN, BEN, BEN]
    assert is_marked(row)


def test_a_message_that_another_worker_is_sending_is_left_to_it(send: Sender, mailbox: Mailbox) -> None:
    row = instalment(3)
    mailbox.refused = {ANN}
    remind_of_repayments(send)
    mailbox.refused = set()
    assert claim(DeliveryLedger.objects.get())
    assert remind_of_repayments(send) == Outcome(checked=1, skipped=1)
    assert (mailbox.mails, is_marked(row)) == ([], False)


def test_two_that_run_at_once_send_it_once(send: Sender, mailbox: Mailbox) -> None:
    row = instalment(3, ANN, BEN)
    results: list[Outcome] = []

    def another_worker(_address: str) -> None:
        mailbox.on_mail = None
        results.append(remind_of_repayments(send))

    mailbox.on_mail = another_worker
    results.append(remind_of_repayments(send))
    assert sorted(mail.to for mail in mailbox.mails) == [ANN, BEN]
    assert results == [Outcome(checked=1, sent=1), Outcome(checked=1, sent=1)]
    assert is_marked(row)


def test_when_the_server_is_down_the_run_gives_up_and_what_the_bell_shows_is_there(
    send: Sender, mailbox: Mailbox
) -> None:
    rows = [instalment(3, f"{number}@example.com") for number in range(5)]
    rows[4].application.borrowers.update(user=UserFactory())
    mailbox.down = True
    with pytest.raises(MailServerDown, match="failed 3 times in a row: nobody listens"):
        remind_of_repayments(send)
    assert DeliveryLedger.objects.filter(status="failed", attempts=0).count() == 3
    assert DeliveryLedger.objects.filter(status="pending").count() == 2
    assert Notification.objects.count() == 1
    mailbox.down = False
    assert remind_of_repayments(send) == Outcome(checked=5, sent=5)
    assert Notification.objects.count() == 1


def test_a_short_failure_of_the_server_does_not_raise_and_asks_for_another_try(send: Sender, mailbox: Mailbox) -> None:
    instalment(3, ANN, BEN)
    mailbox.down = True
    outcome = remind_of_repayments(send)
    assert (outcome, outcome.try_again) == (Outcome(checked=1, failed=2), True)


def test_a_server_that_is_down_for_weeks_loses_nothing(
    send: Sender, mailbox: Mailbox, clock: time_machine.Coordinates
) -> None:
    instalment(10)
    mailbox.down = True
    for _ in range(30):
        assert remind_of_repayments(send).failed == 1
        clock.shift(timedelta(days=1))
    mailbox.down = False
    assert remind_of_repayments(send).sent == 1
    assert "at least 10 days overdue (40 days by now)" in mailbox.to(BOSS)[0].body
