"""Reminders in the administration: the same rules, and a second chance for what was given up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from core.clock import now, zone
from core.deliveries import Status
from core.models import DeliveryLedger
from reminders.models import Reminder
from reminders.services import TASK, create_reminder, topic
from tests.factories import AdminFactory, ApplicationFactory, BDMFactory, BDUserFactory
from users.models import User

pytestmark = [pytest.mark.component, pytest.mark.django_db]

LIST = reverse("admin:reminders_reminder_changelist")
ADD = reverse("admin:reminders_reminder_add")


@pytest.fixture
def boss() -> User:
    return AdminFactory(is_superuser=True)


@pytest.fixture
def office(client: Client, boss: User) -> Client:
    client.force_login(boss)
    return client


def form(**values: Any) -> dict[str, Any]:
    moment = (now() + timedelta(days=1)).astimezone(zone())
    plain = {
        "recipient_type": "custom",
        "recipient_email": "ann@example.com",
        "send_datetime_0": f"{moment:%Y-%m-%d}",
        "send_datetime_1": f"{moment:%H:%M:%S}",
        "subject": "Hello",
        "email_body": "Hi.",
    }
    return {**plain, **values}


def written(by: User) -> Reminder:
    values = {"recipient_email": "ann@example.com", "subject": "Hello", "email_body": "Hi."}
    return create_reminder(by, send_datetime=now() + timedelta(days=1), **values)


def change_page(reminder: Reminder) -> str:
    return reverse("admin:reminders_reminder_change", args=[reminder.pk])


def test_a_new_one_is_the_writer_s(office: Client, boss: User) -> None:
    assert office.get(ADD).status_code == 200
    assert office.post(ADD, form()).status_code == 302
    assert Reminder.objects.get().created_by == boss


def test_the_recipient_is_looked_up(office: Client) -> None:
    application = ApplicationFactory(bd=BDMFactory(user__email="manager@example.com"))
    values = form(recipient_type="bd", recipient_email="", related_application=application.pk)
    assert office.post(ADD, values).status_code == 302
    reminder = Reminder.objects.get()
    assert (reminder.recipient_email, reminder.recipient_user) == ("manager@example.com", application.bd.user)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"recipient_email": ""}, "There is no e-mail address"),
        ({"recipient_type": "broker"}, "Name an application"),
        ({"send_datetime_0": "2020-01-01"}, "Choose a time to send it that is in the future"),
        ({"send_datetime_0": "soon"}, "Enter a valid date"),
    ],
)
def test_the_rules_are_those_of_the_api(office: Client, values: dict[str, Any], complaint: str) -> None:
    page = office.post(ADD, form(**values))
    assert (page.status_code, complaint in page.content.decode()) == (200, True)
    assert Reminder.objects.count() == 0


def test_one_is_changed_and_stays_its_writer_s(office: Client) -> None:
    writer = BDUserFactory()
    reminder = written(writer)
    assert office.get(change_page(reminder)).status_code == 200
    assert office.post(change_page(reminder), form(subject="Good day")).status_code == 302
    reminder.refresh_from_db()
    assert (reminder.subject, reminder.created_by) == ("Good day", writer)


def test_one_that_goes_out_meanwhile_is_not_changed(office: Client, boss: User) -> None:
    reminder = written(boss)
    key = {"task": TASK, "object": topic(reminder.pk), "kind": "reminder", "recipient": topic(reminder.pk)}
    DeliveryLedger.objects.create(**key, status=Status.CLAIMED, claimed_at=now())
    page = office.post(change_page(reminder), form(subject="Good day"))
    assert "sent or given up" in "".join(str(message) for message in get_messages(page.wsgi_request))
    reminder.refresh_from_db()
    assert reminder.subject == "Hello"


@pytest.mark.parametrize("values", [{"is_sent": True}, {"given_up": True}])
def test_what_is_over_is_only_read(office: Client, boss: User, values: dict[str, bool]) -> None:
    reminder = written(boss)
    Reminder.objects.update(**values)
    assert office.get(change_page(reminder)).status_code == 200
    assert office.post(change_page(reminder), form(subject="Good day")).status_code == 403


def test_what_was_given_up_gets_a_second_chance(office: Client, boss: User) -> None:
    reminder = written(boss)
    Reminder.objects.update(given_up=True, attempts=5)
    page = office.post(LIST, {"action": "try_again", "_selected_action": [reminder.pk]}, follow=True)
    assert "1 reminders will be tried" in page.content.decode()
    reminder.refresh_from_db()
    assert (reminder.status, reminder.attempts) == ("waiting", 0)
