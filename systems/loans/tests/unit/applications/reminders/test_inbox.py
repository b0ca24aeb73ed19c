"""Many notifications with a few statements, pushed to the browsers as single ones are."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import make_password
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from applications.models import Application
from applications.reminders.inbox import Notice, announce
from tests.factories import ApplicationFactory, UserFactory
from users import push
from users.models import Notification, NotificationPreference, User
from users.notices import preferences_by_user

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


def notices(application: Application, users: list[User]) -> list[Notice]:
    return [Notice(user, "system", "T" * 300, "Look here", application, f"matter:{user.pk}") for user in users]


def test_each_is_told_once_and_the_answer_says_whether_it_was_new() -> None:
    application, (ann, ben) = ApplicationFactory(), UserFactory.create_batch(2)
    preferences = preferences_by_user([ann, ben])
    assert announce(notices(application, [ann]), preferences) == {f"matter:{ann.pk}": True}
    answer = announce(notices(application, [ann, ben, ben]), preferences)
    assert answer == {f"matter:{ann.pk}": False, f"matter:{ben.pk}": True}
    rows = Notification.objects.order_by("pk")
    assert [(row.user, len(row.title), row.message, row.is_read) for row in rows] == [
        (ann, 255, "Look here", False),
        (ben, 255, "Look here", False),
    ]
    assert {(row.related_object_type, row.related_object_id) for row in rows} == {("application", application.pk)}


def test_who_does_not_want_to_be_told_is_not_in_the_answer() -> None:
    user = UserFactory()
    NotificationPreference.objects.create(user=user, system_in_app=False)
    assert announce(notices(ApplicationFactory(), [user]), preferences_by_user([user])) == {}
    assert not Notification.objects.exists()


def test_the_number_of_statements_does_not_depend_on_their_number(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    application = ApplicationFactory()
    User.objects.bulk_create(User(email=f"{n}@example.com", password=make_password(None)) for n in range(90))
    users = list(User.objects.filter(password__startswith="!"))
    preferences = preferences_by_user(users)
    for some in (users[:2], users[2:]):
        with django_assert_num_queries(3):  # who was told, the new ones, and what they became
            announce(notices(application, some), preferences)
    with django_assert_num_queries(1):
        announce(notices(application, users), preferences)


def test_new_ones_are_pushed_after_the_commit(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    application, users = ApplicationFactory(), UserFactory.create_batch(2)
    before = push.pushes["sent"]
    for expected in (4, 0):  # for each of the two: what is new, and how many are unread
        with django_capture_on_commit_callbacks(execute=True):
            announce(notices(application, users), preferences_by_user(users))
        assert push.pushes["sent"] - before == expected
        before = push.pushes["sent"]
