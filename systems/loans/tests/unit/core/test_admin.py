"""What the office sees of deliveries, and what it may do about them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from core.clock import now
from core.deliveries import MAX_ATTEMPTS
from core.models import DeliveryLedger, EmailLog
from tests.factories import AdminFactory, UserFactory

pytestmark = [pytest.mark.component, pytest.mark.django_db]

Status = DeliveryLedger.Status
LIST = "admin:core_deliveryledger_changelist"


def delivery(recipient: str, **values: object) -> DeliveryLedger:
    return DeliveryLedger.objects.create(
        task="sweep", object="repayment:1", kind="overdue_3", recipient=recipient, **values
    )


@pytest.fixture
def deliveries() -> dict[str, DeliveryLedger]:
    """One of each: in doubt, on its way, sent, to be tried again, given up."""
    long_ago, just_now = now() - timedelta(hours=2), now() - timedelta(minutes=2)
    return {
        "doubt": delivery("doubt@example.com", status=Status.CLAIMED, claimed_at=long_ago, attempts=1),
        "on_its_way": delivery("way@example.com", status=Status.CLAIMED, claimed_at=just_now, attempts=1),
        "sent": delivery("sent@example.com", status=Status.SENT, claimed_at=long_ago, sent_at=long_ago, attempts=1),
        "failed": delivery("failed@example.com", status=Status.FAILED, claimed_at=long_ago, attempts=2),
        "given_up": delivery("gone@example.com", status=Status.FAILED, claimed_at=long_ago, attempts=MAX_ATTEMPTS),
    }


@pytest.fixture
def office(client: Client) -> Client:
    client.force_login(AdminFactory(is_superuser=True))
    return client


def send_again(browser: Client, rows: dict[str, DeliveryLedger]) -> str:
    data = {"action": "send_again", "_selected_action": [row.pk for row in rows.values()]}
    return browser.post(reverse(LIST), data, follow=True).content.decode()


@pytest.mark.parametrize(("chosen", "shown"), [("doubt", "doubt@example.com"), ("given_up", "gone@example.com")])
def test_the_filter_finds_what_is_to_be_decided(
    office: Client, deliveries: dict[str, DeliveryLedger], chosen: str, shown: str
) -> None:
    page = office.get(reverse(LIST), {"decide": chosen})
    assert [row.recipient for row in page.context["cl"].result_list] == [shown]


def test_without_a_choice_all_are_shown(office: Client, deliveries: dict[str, DeliveryLedger]) -> None:
    assert office.get(reverse(LIST)).context["cl"].result_count == 5


def test_send_again_opens_what_is_in_doubt_or_given_up_and_nothing_else(
    office: Client, deliveries: dict[str, DeliveryLedger]
) -> None:
    page = send_again(office, deliveries)
    now_is = {name: DeliveryLedger.objects.get(pk=row.pk) for name, row in deliveries.items()}
    assert {name: (row.status, row.attempts) for name, row in now_is.items()} == {
        "doubt": (Status.PENDING, 0),
        "on_its_way": (Status.CLAIMED, 1),
        "sent": (Status.SENT, 1),
        "failed": (Status.FAILED, 2),
        "given_up": (Status.PENDING, 0),
    }
    assert "2 will be sent by the next run of their task" in page
    assert "3 stay as they are" in page


def test_who_may_only_look_cannot_send_again(client: Client, deliveries: dict[str, DeliveryLedger]) -> None:
    from django.contrib.auth.models import Permission

    onlooker = UserFactory(is_staff=True)
    onlooker.user_permissions.add(Permission.objects.get(codename="view_deliveryledger"))
    client.force_login(onlooker)
    send_again(client, deliveries)
    assert client.get(reverse(LIST)).context["cl"].result_count == 5
    assert DeliveryLedger.objects.get(pk=deliveries["doubt"].pk).status == Status.CLAIMED


def test_nobody_adds_changes_or_deletes_a_delivery_by_hand(
    office: Client, deliveries: dict[str, DeliveryLedger]
) -> None:
    row = deliveries["sent"]
    change = reverse("admin:core_deliveryledger_change", args=[row.pk])
    assert office.get(change).status_code == 200
    assert office.post(change, {"recipient": "other@example.com"}).status_code == 403
    assert office.get(reverse("admin:core_deliveryledger_add")).status_code == 403
    assert office.post(reverse("admin:core_deliveryledger_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


def test_e_mails_are_listed_and_can_be_searched(office: Client) -> None:
    EmailLog.objects.create(message_key="a", subject="Welcome", body="Hello.", recipients=["one@example.com"])
    EmailLog.objects.create(message_key="b", subject="Goodbye", body="Bye.", recipients=["two@example.com"])
    page = office.get(reverse("admin:core_emaillog_changelist"), {"q": "two@"})
    assert [row.subject for row in page.context["cl"].result_list] == ["Goodbye"]
