"""Writing, changing and taking back reminders."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from core.clock import now
from core.deliveries import Status
from core.errors import Conflict, NotPermitted, NotPossible
from core.models import DeliveryLedger
from reminders.models import Reminder
from reminders.services import TASK, cancel_reminder, change_reminder, create_reminder, topic, try_again
from tests.factories import (
    AdminFactory,
    ApplicationFactory,
    BDMFactory,
    BDUserFactory,
    BorrowerFactory,
    BrokerFactory,
    UserFactory,
)
from users.models import User

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


def tomorrow() -> datetime:
    return now() + timedelta(days=1)


def written(by: User | None = None, **values: Any) -> Reminder:
    plain = {"recipient_email": "ann@example.com", "send_datetime": tomorrow(), "subject": "Hello", "email_body": "Hi."}
    return create_reminder(by or BDUserFactory(), **{**plain, **values})


def claimed(reminder: Reminder, status: str = Status.CLAIMED, **values: Any) -> DeliveryLedger:
    key = {"task": TASK, "object": topic(reminder.pk), "kind": "reminder", "recipient": topic(reminder.pk)}
    return DeliveryLedger.objects.create(**key, status=status, **values)


def test_a_reminder_for_any_address() -> None:
    by = BDUserFactory()
    reminder = written(by)
    assert (reminder.recipient_email, reminder.recipient_user, reminder.created_by) == ("ann@example.com", None, by)
    assert reminder.status == "waiting"


@pytest.mark.parametrize("address", ["", "nobody", "a@b.example\nBcc: c@d.example"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(NotPossible, match="no e-mail address"):
        written(recipient_email=address)


@pytest.mark.parametrize("away", [timedelta(), -timedelta(seconds=1), -timedelta(days=400), timedelta(days=5 * 367)])
def test_a_time_that_is_over_or_very_far_is_refused(away: timedelta) -> None:
    with pytest.raises(NotPossible, match="in the future, and in the next five years"):
        written(send_datetime=now() + away)


@pytest.mark.parametrize("subject", ["two\nlines", "a\rreturn", "nul\x00"])
def test_a_subject_of_two_lines_is_refused(subject: str) -> None:
    with pytest.raises(NotPossible, match="one line"):
        written(subject=subject)


def test_client_means_the_borrower() -> None:
    user = UserFactory(email="bo@example.com")
    application = ApplicationFactory(borrowers=[BorrowerFactory(user=user, email="old@example.com")])
    reminder = written(application.bd.user, recipient_type="client", related_application=application)
    assert (reminder.recipient_email, reminder.recipient_user) == ("bo@example.com", user)


def test_client_means_the_borrower_who_is_named() -> None:
    one, other = BorrowerFactory(email="one@example.com"), BorrowerFactory()
    application = ApplicationFactory(borrowers=[one, other])
    by = application.broker.user
    assert written(by, recipient_type="client", related_borrower=one).recipient_email == "one@example.com"
    both = written(by, recipient_type="client", related_borrower=one, related_application=application)
    assert both.recipient_email == "one@example.com"


@pytest.mark.parametrize("count", [0, 2])
def test_client_needs_to_be_one(count: int) -> None:
    application = ApplicationFactory(borrowers=[BorrowerFactory() for _ in range(count)])
    with pytest.raises(NotPossible, match="which borrower"):
        written(application.bd.user, recipient_type="client", related_application=application)
    with pytest.raises(NotPossible, match="which borrower"):
        written(recipient_type="client")


def test_a_borrower_of_another_application_is_refused() -> None:
    with pytest.raises(NotPossible, match="is no borrower of"):
        written(
            AdminFactory(),
            recipient_type="client",
            related_application=ApplicationFactory(),
            related_borrower=BorrowerFactory(),
        )


def test_a_borrower_without_an_address_cannot_be_reminded() -> None:
    with pytest.raises(NotPossible, match="none on file"):
        written(AdminFactory(), recipient_type="client", related_borrower=BorrowerFactory(email=""))


def test_bd_and_broker_are_those_of_the_application() -> None:
    application = ApplicationFactory(
        bd=BDMFactory(user__email="manager@example.com"),
        broker=BrokerFactory(user=None, email="broker@example.com"),
    )
    by = application.bd.user
    to_manager = written(by, recipient_type="bd", related_application=application)
    to_broker = written(by, recipient_type="broker", related_application=application)
    assert (to_manager.recipient_email, to_manager.recipient_user) == ("manager@example.com", by)
    assert (to_broker.recipient_email, to_broker.recipient_user) == ("broker@example.com", None)


def test_a_login_that_was_closed_gets_nothing() -> None:
    broker = BrokerFactory(user__is_active=False, email="office@example.com")
    reminder = written(AdminFactory(), recipient_type="broker", related_application=ApplicationFactory(broker=broker))
    assert (reminder.recipient_email, reminder.recipient_user) == ("office@example.com", None)


@pytest.mark.parametrize("kind", ["bd", "broker"])
def test_without_an_application_or_without_that_person_nobody_is_found(kind: str) -> None:
    with pytest.raises(NotPossible, match="Name an application"):
        written(recipient_type=kind)
    with pytest.raises(NotPossible, match="Name an application"):
        written(AdminFactory(), recipient_type=kind, related_application=ApplicationFactory(bd=None, broker=None))


def test_what_one_may_not_see_is_not_there() -> None:
    with pytest.raises(NotPossible, match=r"There is no application \d+"):
        written(related_application=ApplicationFactory())
    with pytest.raises(NotPossible, match=r"There is no borrower \d+"):
        written(recipient_type="client", related_borrower=BorrowerFactory())


@pytest.mark.parametrize("name", ["send_as_user", "reply_to_user"])
def test_only_an_administrator_writes_in_the_name_of_others(name: str) -> None:
    by, other = BDUserFactory(), BDUserFactory()
    assert getattr(written(by, **{name: by}), name) == by
    assert getattr(written(AdminFactory(), **{name: other}), name) == other
    with pytest.raises(NotPermitted, match="in the name of somebody else"):
        written(by, **{name: other})


@pytest.mark.parametrize("values", [{"is_active": False}, {"role": "client"}])
def test_nobody_writes_in_the_name_of_who_does_not_work_here(values: dict[str, Any]) -> None:
    with pytest.raises(NotPossible, match="does not work here"):
        written(AdminFactory(), send_as_user=BDUserFactory(**values))


def test_a_change_keeps_the_rest() -> None:
    reminder = written()
    change_reminder(reminder, reminder.created_by, subject="Good day")
    assert (reminder.subject, reminder.recipient_email, reminder.email_body) == ("Good day", "ann@example.com", "Hi.")
    assert change_reminder(reminder, reminder.created_by).subject == "Good day"


def test_another_recipient_is_looked_up_again() -> None:
    application = ApplicationFactory(borrowers=[BorrowerFactory(email="bo@example.com")])
    reminder = written(application.bd.user, recipient_type="bd", related_application=application)
    change_reminder(reminder, application.bd.user, recipient_type="client")
    assert (reminder.recipient_email, reminder.recipient_user) == ("bo@example.com", None)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"subject": "a\nb"}, "one line"),
        ({"recipient_email": ""}, "no e-mail address"),
        ({"recipient_type": "bd"}, "Name an application"),
    ],
)
def test_a_change_follows_the_same_rules(change: dict[str, Any], complaint: str) -> None:
    reminder = written()
    with pytest.raises(NotPossible, match=complaint):
        change_reminder(reminder, reminder.created_by, **change)
    with pytest.raises(NotPossible, match="in the future"):
        change_reminder(reminder, reminder.created_by, send_datetime=now())


@pytest.mark.parametrize("values", [{"is_sent": True}, {"given_up": True}])
def test_what_went_out_or_was_given_up_is_not_changed(values: dict[str, Any]) -> None:
    reminder = written()
    Reminder.objects.update(**values)
    with pytest.raises(Conflict, match="sent or given up"):
        change_reminder(reminder, reminder.created_by, subject="Other")


@pytest.mark.parametrize("status", [Status.CLAIMED, Status.SENT])
def test_what_is_being_sent_is_neither_changed_nor_taken_back(status: str) -> None:
    reminder = written()
    claimed(reminder, status)
    with pytest.raises(Conflict, match="sent or given up"):
        change_reminder(reminder, reminder.created_by, subject="Other")
    with pytest.raises(Conflict, match="cannot be taken back"):
        cancel_reminder(reminder)
    assert Reminder.objects.get().subject == "Hello"


def test_what_waits_or_failed_can_be_taken_back() -> None:
    waiting, failed, sent = written(), written(), written()
    claimed(failed, Status.FAILED)
    Reminder.objects.filter(pk=sent.pk).update(is_sent=True)
    cancel_reminder(waiting)
    cancel_reminder(failed)
    with pytest.raises(Conflict, match="cannot be taken back"):
        cancel_reminder(sent)
    assert list(Reminder.objects.all()) == [sent]


def test_to_try_again_opens_what_was_given_up_or_is_in_doubt() -> None:
    given_up, doubtful, sent = written(), written(), written()
    Reminder.objects.filter(pk=given_up.pk).update(given_up=True, attempts=5)
    Reminder.objects.filter(pk=sent.pk).update(is_sent=True)
    claimed(given_up, Status.FAILED, attempts=10)
    claimed(doubtful, claimed_at=now() - timedelta(hours=2), attempts=1)
    assert try_again(Reminder.objects.all()) == 2
    assert set(DeliveryLedger.objects.values_list("status", "attempts")) == {("pending", 0)}
    given_up.refresh_from_db()
    assert (given_up.given_up, given_up.attempts) == (False, 0)
