"""Everybody who has to do with an application hears of its new status, each once, each as they prefer."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
import time_machine

from applications.models import Application, Stage, StageChange
from applications.reminders.status import in_words, missed_changes, tell_about_status
from applications.services import change_stage
from core.deliveries import send_again
from core.mailing import Sender
from core.models import DeliveryLedger
from core.sweeps import MailServerDown, Outcome
from tests.factories import (
    AdminFactory,
    ApplicationFactory,
    BDMFactory,
    BorrowerFactory,
    BrokerFactory,
    UserFactory,
)
from tests.mailbox import Mailbox
from users.models import Notification, NotificationPreference, User

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

BROKER, BOSS, ANN, ADMIN = "broker@example.com", "boss@example.com", "ann@example.com", "admin@example.com"


@pytest.fixture
def application(db: None) -> Application:
    AdminFactory(email=ADMIN)
    return ApplicationFactory(
        reference_number="APP-ABCDEFGH",
        broker=BrokerFactory(user__email=BROKER),
        bd=BDMFactory(user__email=BOSS),
        borrowers=[BorrowerFactory(user=UserFactory(email=ANN)), BorrowerFactory(email="no.login@example.com")],
    )


@pytest.fixture
def change(application: Application) -> StageChange:
    return change_stage(application, Stage.PRE_APPROVAL, None)


def told(sender: Sender, change: StageChange) -> Outcome | None:
    outcome = tell_about_status(sender, change.application_id, change.to_stage)
    change.refresh_from_db()
    return outcome


def test_everybody_is_told_on_both_channels(send: Sender, mailbox: Mailbox, change: StageChange) -> None:
    assert told(send, change) == Outcome(checked=1, sent=4)
    assert [mail.to for mail in mailbox.mails] == [BROKER, BOSS, ANN, ADMIN]
    assert {mail.subject for mail in mailbox.mails} == {"Application APP-ABCDEFGH: pre-approval"}
    assert mailbox.to(ANN)[0].body == (
        "Dear Pat Person0,\n\nthe status of application APP-ABCDEFGH is now: pre-approval.\n\n"
        "Amount: AUD 500000.00\nPurpose: A house\n"
    ).replace("Pat Person0", str(User.objects.get(email=ANN)))
    rows = Notification.objects.order_by("pk")
    assert [(row.user.email, row.notification_type) for row in rows] == [
        (address, "application_status") for address in (BROKER, BOSS, ANN, ADMIN)
    ]
    assert rows[0].message == "The status of application APP-ABCDEFGH is now: pre-approval."
    assert change.notified_at is not None


def test_once(send: Sender, mailbox: Mailbox, change: StageChange) -> None:
    told(send, change)
    notified_at = change.notified_at
    assert told(send, change) == Outcome(checked=1, skipped=1)
    assert (len(mailbox.mails), Notification.objects.count(), change.notified_at) == (4, 4, notified_at)


def test_the_next_stage_is_told_again(send: Sender, mailbox: Mailbox, change: StageChange) -> None:
    told(send, change)
    change_stage(change.application, Stage.VALUATION, None)
    assert tell_about_status(send, change.application_id, "valuation").sent == 4


def test_who_plays_two_parts_is_told_once(send: Sender, mailbox: Mailbox, application: Application) -> None:
    admin = User.objects.get(email=ADMIN)
    application.bd.user = application.broker.user = admin
    application.bd.save()
    application.broker.save()
    tell_about_status(send, application.pk, "approved")
    assert [mail.to for mail in mailbox.mails] == [ADMIN, ANN]


def test_each_channel_is_a_choice_of_its_own(send: Sender, mailbox: Mailbox, change: StageChange) -> None:
    choices = {
        BROKER: {"application_status_in_app": False},
        BOSS: {"application_status_email": False},
        ANN: {"application_status_in_app": False, "application_status_email": False},
    }
    for address, values in choices.items():
        NotificationPreference.objects.create(user=User.objects.get(email=address), **values)
    told(send, change)
    assert [mail.to for mail in mailbox.mails] == [BROKER, ADMIN]
    assert sorted(Notification.objects.values_list("user__email", flat=True)) == [ADMIN, BOSS]


def test_who_left_is_not_told(send: Sender, mailbox: Mailbox, change: StageChange) -> None:
    User.objects.exclude(email=BROKER).update(is_active=False)
    told(send, change)
    assert [mail.to for mail in mailbox.mails] == [BROKER]


def test_an_application_of_nobody_is_told_to_the_administrators(send: Sender, mailbox: Mailbox) -> None:
    AdminFactory(email=ADMIN)
    application = ApplicationFactory(broker=None, bd=None, loan_amount=None, purpose="")
    assert tell_about_status(send, application.pk, "inquiry") == Outcome(checked=1, sent=1)
    assert "Amount: not known\nPurpose: not given\n" in mailbox.mails[0].body


def test_a_status_that_is_no_stage_is_told_once_in_its_words(
    send: Sender, mailbox: Mailbox, application: Application
) -> None:
    for _ in range(2):
        tell_about_status(send, application.pk, "approved")
    tell_about_status(send, application.pk, "conditionally_approved" * 20)
    assert mailbox.to(ANN)[0].subject == "Application APP-ABCDEFGH: approved"
    assert len(mailbox.mails) == Notification.objects.count() == 8
    assert Notification.objects.order_by("pk")[0].message == (
        "The status of application APP-ABCDEFGH is now: approved."
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [("pre_approval", "pre-approval"), ("funded", "funded"), ("approved", "approved"), ("on_hold", "on hold")],
)
def test_a_status_is_put_in_words(status: str, words: str) -> None:
    assert in_words(status) == words


def test_an_unknown_application_is_logged(send: Sender, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    assert tell_about_status(send, 4711, "funded") is None
    assert caplog.messages == ["nobody is told of status 'funded': there is no application 4711"]


def test_a_change_is_not_settled_before_everybody_is_told(send: Sender, mailbox: Mailbox, change: StageChange) -> None:
    mailbox.refused = {ANN}
    assert told(send, change) == Outcome(checked=1, sent=3, failed=1)
    assert change.notified_at is None
    mailbox.refused = set()
    assert told(send, change) == Outcome(checked=1, sent=1)
    assert change.notified_at is not None
    assert len(mailbox.mails) == 4


def test_an_address_that_never_works_does_not_keep_a_change_open_for_ever(
    send: Sender, mailbox: Mailbox, change: StageChange
) -> None:
    mailbox.refused = {ANN}
    for _ in range(10):
        assert told(send, change).failed == 1
        assert change.notified_at is None
    assert told(send, change) == Outcome(checked=1, skipped=1)
    assert change.notified_at is not None


def test_the_bell_rings_though_the_mail_server_is_down(send: Sender, mailbox: Mailbox, change: StageChange) -> None:
    mailbox.down = True
    with pytest.raises(MailServerDown, match="3 times in a row"):
        told(send, change)
    assert Notification.objects.count() == 4
    mailbox.down = False
    assert told(send, change) == Outcome(checked=1, sent=4)
    assert DeliveryLedger.objects.filter(status="sent", attempts=1).count() == 4


def test_only_changes_that_had_time_and_are_still_news_were_missed(
    send: Sender, mailbox: Mailbox, change: StageChange, clock: time_machine.Coordinates
) -> None:
    clock.shift(timedelta(minutes=4, seconds=59))
    assert list(missed_changes()) == []
    clock.shift(timedelta(seconds=1))
    assert list(missed_changes()) == [change]
    clock.shift(timedelta(days=7))
    assert list(missed_changes()) == []


def test_a_change_of_which_everybody_was_told_was_not_missed(
    send: Sender, mailbox: Mailbox, change: StageChange, clock: time_machine.Coordinates
) -> None:
    told(send, change)
    clock.shift(timedelta(hours=1))
    assert list(missed_changes()) == []


def test_what_the_office_wants_sent_again_is_picked_up(
    send: Sender, mailbox: Mailbox, change: StageChange, clock: time_machine.Coordinates
) -> None:
    told(send, change)
    DeliveryLedger.objects.filter(recipient=ANN).update(status="claimed")  # its worker had died
    clock.shift(timedelta(hours=2))
    assert list(missed_changes()) == []
    send_again(DeliveryLedger.objects.all())
    assert list(missed_changes()) == [change]
    assert told(send, change) == Outcome(checked=1, sent=1)
    assert list(missed_changes()) == []
