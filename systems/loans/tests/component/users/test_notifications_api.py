"""Everybody sees and marks their own notifications, and chooses how to be told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.component.users.conftest import As
from tests.factories import AdminFactory, BDUserFactory, BrokerUserFactory, NotificationFactory, UserFactory
from users.models import Notification, NotificationPreference, User

pytestmark = [pytest.mark.component, pytest.mark.django_db]

PATH = "/api/users/notifications/"


@pytest.mark.parametrize("factory", [UserFactory, BDUserFactory, BrokerUserFactory, AdminFactory])
def test_everybody_sees_only_their_own(as_user: As, factory: Any) -> None:
    user = factory()
    mine, other = NotificationFactory(user=user), NotificationFactory()
    client = as_user(user)
    assert [row["id"] for row in client.get(PATH).json()["results"]] == [mine.pk]
    assert client.get(f"{PATH}unread_count/").json() == {"count": 1}
    assert client.post(f"{PATH}{other.pk}/mark-read/").status_code == 404
    assert client.post(f"{PATH}mark-all/").json() == {"marked": 1, "count": 0}
    assert list(Notification.objects.filter(is_read=False)) == [other]


def test_a_notification_shows_all_that_it_is(as_user: As, alice: User) -> None:
    told = NotificationFactory(user=alice, related_object_id=7, related_object_type="application")
    (row,) = as_user(alice).get(PATH).json()["results"]
    assert row == {
        "id": told.pk,
        "title": told.title,
        "message": "Something happened.",
        "notification_type": "system",
        "related_object_id": 7,
        "related_object_type": "application",
        "is_read": False,
        "created_at": row["created_at"],
    }


def test_the_list_is_chosen_by_type_and_by_whether_it_was_read(as_user: As, alice: User) -> None:
    read = NotificationFactory(user=alice, is_read=True)
    unread = NotificationFactory(user=alice)
    status = NotificationFactory(user=alice, notification_type="application_status")

    def found(**which: str) -> list[int]:
        return [row["id"] for row in as_user(alice).get(PATH, which).json()["results"]]

    assert found() == [status.pk, unread.pk, read.pk]
    assert found(is_read="true") == [read.pk]
    assert found(is_read="false") == [status.pk, unread.pk]
    assert found(is_read="") == [status.pk, unread.pk, read.pk]
    assert found(type="application_status") == [status.pk]
    assert found(type="system", is_read="0") == [unread.pk]
    assert found(type="note_reminder") == []


@pytest.mark.parametrize("which", [{"type": "gossip"}, {"type": "a\x00"}, {"is_read": "perhaps"}, {"type": ""}])
def test_a_choice_that_is_none_is_explained(as_user: As, alice: User, which: dict[str, str]) -> None:
    answer = as_user(alice).get(PATH, which)
    assert (answer.status_code, list(answer.json())) == (400, list(which))


def test_the_list_comes_in_pages_of_a_fixed_number_of_statements(
    as_user: As, alice: User, django_assert_num_queries: Any
) -> None:
    NotificationFactory.create_batch(30, user=alice)
    client = as_user(alice)
    with django_assert_num_queries(3):  # who asks, how many there are, and a page of them
        page = client.get(PATH).json()
    assert (page["count"], len(page["results"])) == (30, 25)
    assert len(client.get(page["next"]).json()["results"]) == 5
    assert client.get(PATH, {"page": "none"}).status_code == 404


def test_one_is_marked_as_read_and_to_do_so_again_changes_nothing(as_user: As, alice: User) -> None:
    first, _ = NotificationFactory.create_batch(2, user=alice)
    client = as_user(alice)
    for _ in range(2):
        answer = client.post(f"{PATH}{first.pk}/mark-read/")
        assert (answer.status_code, answer.json()["id"], answer.json()["is_read"]) == (200, first.pk, True)
        assert client.get(f"{PATH}unread_count/").json() == {"count": 1}


@pytest.mark.parametrize("pk", ["0", "999999", str(2**63), "9" * 40, "all", "-1"])
def test_what_is_not_there_cannot_be_marked(as_user: As, alice: User, pk: str) -> None:
    assert as_user(alice).post(f"{PATH}{pk}/mark-read/").status_code == 404


def test_preferences_are_read_and_chosen(as_user: As, alice: User) -> None:
    client = as_user(alice)
    before = client.get(f"{PATH}preferences/").json()
    assert (before["system_in_app"], before["system_email"], before["daily_digest"]) == (True, False, False)
    assert len(before) == 16
    after = client.put(f"{PATH}preferences/", {**before, "system_email": True, "daily_digest": True}, format="json")
    assert (after.status_code, after.json()) == (200, {**before, "system_email": True, "daily_digest": True})
    assert client.get(f"{PATH}preferences/").json() == after.json()
    assert client.put(f"{PATH}preferences/", {"weekly_digest": True}, format="json").json()["daily_digest"] is True
    assert NotificationPreference.objects.get().user == alice


@pytest.mark.parametrize("choices", [{"system_email": "perhaps"}, {"system_email": None}, [], "text", 5])
def test_choices_that_make_no_sense_are_refused(as_user: As, alice: User, choices: Any) -> None:
    assert as_user(alice).put(f"{PATH}preferences/", choices, format="json").status_code == 400


def test_nobody_chooses_for_others(as_user: As, alice: User) -> None:
    other = UserFactory()
    answer = as_user(alice).put(f"{PATH}preferences/", {"user": other.pk, "id": 5, "daily_digest": True}, format="json")
    assert answer.status_code == 200
    assert NotificationPreference.objects.get(daily_digest=True).user == alice
