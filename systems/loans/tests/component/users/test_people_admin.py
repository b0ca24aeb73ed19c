"""The office looks after people and notifications in Django's admin."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from tests.factories import PASSWORD, AdminFactory, BDUserFactory, NotificationFactory, UserFactory
from users.models import Notification, NotificationPreference, NotificationType, User

pytestmark = [pytest.mark.component, pytest.mark.django_db]

PEOPLE = reverse("admin:users_user_changelist")
NOTIFICATIONS = reverse("admin:users_notification_changelist")


@pytest.fixture
def root(db: None) -> User:
    return AdminFactory(email="root@example.com", is_superuser=True)


@pytest.fixture
def office(root: User) -> Client:
    return browser_of(root)


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page_of(user: User) -> str:
    return reverse("admin:users_user_change", args=[user.pk])


def form_of(user: User, **changes: str) -> dict[str, str]:
    """What a browser sends for the form of a person."""
    form = {"email": user.email, "first_name": user.first_name, "role": user.role, "is_active": "on", **changes}
    form |= {"date_joined_0": "2026-01-05", "date_joined_1": "09:00:00", "notification_preference-TOTAL_FORMS": "0"}
    return {**form, "notification_preference-INITIAL_FORMS": "0"}


def do(client: Client, page: str, action: str, *rows: User | Notification) -> list[str]:
    """Choose rows, and an action for them; what the page says then."""
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    return [str(message) for message in client.post(page, chosen, follow=True).context["messages"]]


def test_people_are_found_by_name_or_address(office: Client) -> None:
    UserFactory(email="nia@example.com", last_name="Novak")
    for search in ("novak", "nia@"):
        answer = office.get(PEOPLE, {"q": search})
        assert [user.email for user in answer.context["cl"].queryset] == ["nia@example.com"]


def test_a_new_person_can_log_in(office: Client) -> None:
    person = {"email": "New@Example.com", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    answer = office.post(reverse("admin:users_user_add"), {**person, "role": "admin"})
    user = User.objects.get(email="new@example.com")
    assert answer.url == page_of(user)
    assert (user.role, user.is_staff, user.is_superuser) == ("admin", True, False)
    assert Client().login(email="new@example.com", password=PASSWORD)


def test_an_address_that_is_taken_is_said(office: Client) -> None:
    UserFactory(email="taken@example.com")
    person = {"email": "TAKEN@example.com", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    answer = office.post(reverse("admin:users_user_add"), {**person, "role": "client"})
    assert "There is a login with the address taken@example.com already." in answer.content.decode()


def test_role_and_preferences_are_changed_on_one_page(office: Client) -> None:
    user = UserFactory()
    preferences = NotificationPreference.objects.create(user=user)
    page = office.get(page_of(user)).content.decode()
    assert 'name="notification_preference-0-daily_digest"' in page
    form = form_of(user, role="admin")
    form["notification_preference-TOTAL_FORMS"] = form["notification_preference-INITIAL_FORMS"] = "1"
    form |= {"notification_preference-0-id": str(preferences.pk), "notification_preference-0-user": str(user.pk)}
    answer = office.post(page_of(user), {**form, "notification_preference-0-daily_digest": "on"})
    assert answer.status_code == 302
    user.refresh_from_db()
    preferences.refresh_from_db()
    assert (user.role, user.is_staff) == ("admin", True)
    assert (preferences.daily_digest, preferences.system_in_app) == (True, False)


def test_an_administrator_works_here_without_being_a_superuser(root: User) -> None:
    client = browser_of(AdminFactory())
    user = UserFactory()
    answer = client.post(page_of(user), form_of(user, first_name="Al", is_superuser="on"))
    assert answer.status_code == 302
    user.refresh_from_db()
    assert (user.first_name, user.is_superuser) == ("Al", False)
    client.post(page_of(root), form_of(root, first_name="Puppet"))
    root.refresh_from_db()
    assert root.first_name == "Pat"


def test_whoever_is_no_administrator_stays_outside() -> None:
    client = browser_of(BDUserFactory(is_staff=True))
    assert client.get(PEOPLE).status_code == 403


def test_nobody_changes_their_own_rights(office: Client, root: User) -> None:
    office.post(page_of(root), form_of(root, role="client", first_name="Al", is_active=""))
    root.refresh_from_db()
    assert (root.first_name, root.role, root.is_active, root.is_superuser) == ("Al", "admin", True, True)


def test_people_are_deactivated_and_activated_and_the_history_tells_it(office: Client, root: User) -> None:
    alice, bob = UserFactory.create_batch(2)
    said = do(office, PEOPLE, "deactivate", alice, bob, root)
    assert said == ["You cannot deactivate your own login; ask another administrator.", "2 people deactivated."]
    assert list(User.objects.filter(is_active=True)) == [root]
    assert do(office, PEOPLE, "activate", alice) == ["1 people activated."]
    assert set(User.objects.filter(is_active=True)) == {alice, root}
    history = LogEntry.objects.filter(object_id=str(alice.pk)).values_list("change_message", flat=True)
    assert sorted(history) == ["activated", "deactivated"]


def test_nobody_is_deleted(office: Client) -> None:
    user = UserFactory()
    assert office.post(reverse("admin:users_user_delete", args=[user.pk]), {"post": "yes"}).status_code == 403
    assert "delete_selected" not in office.get(PEOPLE).content.decode()


def test_a_notification_can_be_written_by_hand_and_not_rewritten(office: Client) -> None:
    user = UserFactory()
    form = {"user": user.pk, "notification_type": NotificationType.SYSTEM, "title": "Closed", "message": "On Monday."}
    assert office.post(reverse("admin:users_notification_add"), form).status_code == 302
    written = Notification.objects.get(user=user, is_read=False, title="Closed")
    page = reverse("admin:users_notification_change", args=[written.pk])
    assert office.post(page, {"title": "Open", "is_read": "on"}).status_code == 302
    written.refresh_from_db()
    assert (written.title, written.is_read) == ("Closed", True)


def test_notifications_are_marked_and_deleted_with_new_counts(
    office: Client, django_capture_on_commit_callbacks: object
) -> None:
    first, second = NotificationFactory(), NotificationFactory()
    said = do(office, NOTIFICATIONS, "mark_read", first, second)
    assert said == ["2 notifications marked as read."]
    assert Notification.objects.filter(is_read=False).count() == 0
    third = NotificationFactory(user=first.user)
    with django_capture_on_commit_callbacks() as callbacks:  # type: ignore[operator]
        chosen = {"action": "delete_selected", "_selected_action": [first.pk, third.pk], "post": "yes"}
        office.post(NOTIFICATIONS, chosen)
    assert list(Notification.objects.all()) == [second]
    assert [callback.args for callback in callbacks] == [({first.user_id: []},)]
