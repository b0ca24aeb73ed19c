"""What people are told, by which channel, how often, and how much of it they have not read."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction
from django.db.models import QuerySet

from tests.factories import ApplicationFactory, NotificationFactory, UserFactory
from users import notices
from users.models import Notification, NotificationPreference, NotificationType, User

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


@pytest.fixture
def alice() -> User:
    return UserFactory(email="alice@example.com")


def rival_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a row that is there, the first look sees nothing, as if it were written between looking and writing."""
    real = QuerySet.get
    looks = iter([True])

    def first_time_missing(rows: QuerySet[Any], *args: Any, **wanted: Any) -> Any:
        if next(looks, False):
            raise rows.model.DoesNotExist
        return real(rows, *args, **wanted)

    monkeypatch.setattr(QuerySet, "get", first_time_missing)


def test_a_notification_says_what_it_is_about(alice: User) -> None:
    application = ApplicationFactory()
    told = notices.notify(alice, "application_status", "Moved", "It moved.", related=application, dedupe_key="move:1")
    assert told is not None
    told.refresh_from_db()
    assert (told.user, told.title, told.message, told.notification_type) == (
        alice,
        "Moved",
        "It moved.",
        NotificationType.APPLICATION_STATUS,
    )
    assert (told.related_object_type, told.related_object_id) == ("application", application.pk)
    assert (told.dedupe_key, told.is_read) == ("move:1", False)


def test_a_title_that_is_too_long_is_cut(alice: User) -> None:
    told = notices.notify(alice, "system", "x" * 300, "…")
    assert told is not None
    assert told.title == "x" * 254 + "…"


def test_what_was_told_once_is_not_told_again(alice: User) -> None:
    assert notices.notify(alice, "system", "News", "…", dedupe_key="news:1") is not None
    assert notices.notify(alice, "system", "News", "…", dedupe_key="news:1") is None
    assert notices.notify(alice, "system", "News", "…", dedupe_key="news:2") is not None
    assert notices.notify(alice, "system", "News", "…") is not None
    assert notices.notify(alice, "system", "News", "…") is not None
    assert Notification.objects.count() == 4


def test_a_key_without_its_recipient_is_a_mistake_and_not_a_silence(alice: User) -> None:
    notices.notify(alice, "system", "News", "…", dedupe_key="news:1")
    with pytest.raises(ValueError, match="dedupe_key 'news:1' was used for another person: put the recipient into"):
        notices.notify(UserFactory(), "system", "News", "…", dedupe_key="news:1")


def test_a_key_that_is_taken_leaves_the_transaction_of_the_caller_in_order(alice: User, monkeypatch: Any) -> None:
    told = NotificationFactory(user=alice, dedupe_key="news:1")
    rival_is_faster(monkeypatch)
    preferences = NotificationPreference(user=alice)
    with transaction.atomic():
        assert notices.notify(alice, "system", "News", "…", dedupe_key="news:1", preferences=preferences) is None
        alice.phone = "1"
        alice.save()
    assert list(Notification.objects.all()) == [told]


@pytest.mark.parametrize("kind", NotificationType.values)
@pytest.mark.parametrize(("in_app", "email"), [(True, True), (True, False), (False, True), (False, False)])
def test_the_two_channels_are_independent(alice: User, kind: str, in_app: bool, email: bool) -> None:
    NotificationPreference.objects.create(user=alice, **{f"{kind}_in_app": in_app, f"{kind}_email": email})
    assert (notices.notify(alice, kind, "News", "…") is not None) is in_app
    assert notices.wants_email(alice, kind) is email


def test_by_default_all_is_told_in_the_application_and_most_by_mail(alice: User) -> None:
    preferences = notices.preferences_of(alice)
    assert {kind for kind in NotificationType.values if not preferences.wants(kind, "in_app")} == set()
    silent = {kind for kind in NotificationType.values if not preferences.wants(kind, "email")}
    assert silent == {"document_uploaded", "system"}
    assert (preferences.daily_digest, preferences.weekly_digest) == (False, False)


def test_preferences_are_made_once(alice: User) -> None:
    assert notices.preferences_of(alice) == notices.preferences_of(alice)
    assert NotificationPreference.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connections["default"].vendor != "postgresql", reason="SQLite in memory has one writer")
def test_many_threads_may_ask_for_the_same_preferences_at_once(alice: User) -> None:
    """The race that ends in an IntegrityError without a savepoint of its own."""
    start = threading.Barrier(8)

    def ask() -> int:
        start.wait()
        try:
            with transaction.atomic():
                return notices.preferences_of(alice).pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        found = [future.result() for future in [threads.submit(ask) for _ in range(8)]]
    assert len(set(found)) == 1
    assert NotificationPreference.objects.count() == 1


def test_a_lost_race_for_the_preferences_leaves_the_transaction_in_order(alice: User, monkeypatch: Any) -> None:
    winner = NotificationPreference.objects.create(user=alice, system_email=True)
    rival_is_faster(monkeypatch)
    with transaction.atomic():
        assert notices.preferences_of(alice) == winner
        assert notices.notify(alice, "system", "News", "…") is not None


def test_preferences_of_many_take_one_statement(alice: User, django_assert_num_queries: Any) -> None:
    others = UserFactory.create_batch(3)
    NotificationPreference.objects.create(user=alice, system_email=True)
    with django_assert_num_queries(1):
        found = notices.preferences_by_user([alice, *others])
    assert {pk: preference.wants("system", "email") for pk, preference in found.items()} == {
        alice.pk: True,
        **{user.pk: False for user in others},
    }


def test_preferences_that_are_at_hand_are_not_asked_for_again(alice: User, django_assert_num_queries: Any) -> None:
    preferences = NotificationPreference(user=alice, system_in_app=False)
    with django_assert_num_queries(0):
        assert notices.notify(alice, "system", "News", "…", preferences=preferences) is None


def test_only_ones_own_are_marked_as_read(alice: User) -> None:
    mine, also_mine = NotificationFactory.create_batch(2, user=alice)
    other = NotificationFactory()
    assert notices.mark_read(alice, [mine.pk, other.pk, -1, 0, 2**70]) == 1
    assert notices.mark_read(alice, [mine.pk]) == 0
    assert set(Notification.objects.filter(is_read=False)) == {also_mine, other}
    assert notices.unread_count(alice) == 1


def test_all_of_ones_own_are_marked_as_read(alice: User) -> None:
    NotificationFactory.create_batch(3, user=alice)
    other = NotificationFactory()
    assert notices.mark_all_read(alice) == 3
    assert notices.mark_all_read(alice) == 0
    assert list(Notification.objects.filter(is_read=False)) == [other]


def test_removing_says_how_many(alice: User) -> None:
    NotificationFactory.create_batch(2, user=alice)
    NotificationFactory.create_batch(3, user=alice, is_read=True)
    assert notices.remove(Notification.objects.filter(user=alice)) == 5
    assert Notification.objects.count() == 0


def test_only_whoever_loses_an_unread_one_is_told_a_new_count(
    alice: User, django_capture_on_commit_callbacks: Any
) -> None:
    bob, carol = UserFactory.create_batch(2)
    NotificationFactory.create_batch(2, user=alice)
    NotificationFactory(user=bob, is_read=True)
    NotificationFactory(user=carol)
    with django_capture_on_commit_callbacks() as callbacks:
        notices.remove(Notification.objects.filter(user__in=[alice, bob]))
    assert [callback.args for callback in callbacks] == [({alice.pk: []},)]  # type: ignore[attr-defined]


def test_the_same_key_is_refused_by_the_database_too(alice: User) -> None:
    NotificationFactory(user=alice, dedupe_key="news:1")
    with pytest.raises(IntegrityError, match="dedupe_key"), transaction.atomic():
        NotificationFactory(user=alice, dedupe_key="news:1")
