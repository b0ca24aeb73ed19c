"""Fixtures that tests find everywhere: people, an application with its people, and instalments of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from core.clock import now, today

if TYPE_CHECKING:
    from applications.models import Application
    from borrowers.models import Borrower
    from documents.models import Note, Repayment
    from users.models import User

time_machine.naive_mode = time_machine.NaiveMode.ERROR  # a moment without a zone means another one on each machine


@pytest.fixture(autouse=True)
def own_media(settings: Any, tmp_path: Path) -> None:
    """Files of a test go where they disappear with it."""
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture(scope="session")
def celery_config() -> dict[str, Any]:
    """For `celery.contrib.pytest`: a worker in the process. The tests here use the bench instead."""
    return {"broker_url": "memory://", "result_backend": "cache+memory://", "task_always_eager": False}


def _person(factory: str, email: str, **values: Any) -> User:
    from tests import factories

    return getattr(factories, factory)(email=email, **values)


def _reads_in_the_app_only(user: User) -> User:
    from users.models import NotificationPreference

    NotificationPreference.objects.update_or_create(
        user=user, defaults={"application_status_email": False, "note_reminder_email": False}
    )
    return user


@pytest.fixture
def admin_user(db: None) -> User:
    """An administrator, who wants no mail about each change of stage."""
    from users.models import NotificationPreference

    user = _person("AdminFactory", "admin@example.com", is_superuser=True)
    NotificationPreference.objects.create(user=user, application_status_email=False)
    return user


@pytest.fixture
def staff_user(db: None) -> User:
    return _person("BDUserFactory", "staff@example.com", is_staff=True)


@pytest.fixture
def broker_user(db: None) -> User:
    return _person("BrokerUserFactory", "broker@example.com")


@pytest.fixture
def client_user(db: None) -> User:
    return _person("UserFactory", "client@example.com")


@pytest.fixture
def borrower_instance(db: None) -> Borrower:
    """A borrower with a login, who wants no mail about each change of stage."""
    from tests.factories import BorrowerFactory

    user = _reads_in_the_app_only(_person("UserFactory", "borrower@example.com"))
    return BorrowerFactory(first_name="Test", last_name="Borrower", email=user.email, user=user)


@pytest.fixture
def application_instance(admin_user: User, borrower_instance: Borrower) -> Application:
    """An application with broker, manager and one borrower; of them, only the broker reads mail about its stage."""
    from tests.factories import ApplicationFactory, BDMFactory, BrokerFactory

    manager = _reads_in_the_app_only(_person("BDUserFactory", "manager@example.com"))
    return ApplicationFactory(
        created_by=admin_user,
        broker=BrokerFactory(user=_person("BrokerUserFactory", "house.broker@example.com")),
        bd=BDMFactory(user=manager),
        borrowers=[borrower_instance],
    )


@pytest.fixture
def stale_application(application_instance: Application) -> Application:
    """The same, for fifteen days in its stage."""
    type(application_instance).objects.filter(pk=application_instance.pk).update(created_at=now() - timedelta(days=15))
    application_instance.refresh_from_db()
    return application_instance


@pytest.fixture
def note_with_reminder(application_instance: Application, admin_user: User) -> Note:
    """A note of the administrator's, to be reminded of today."""
    from tests.factories import NoteFactory

    return NoteFactory(
        title="Test Note with Reminder",
        content="This is a test note with a reminder",
        application=application_instance,
        created_by=admin_user,
        remind_date=now(),
    )


@pytest.fixture
def repayment_instance(application_instance: Application) -> Repayment:
    """An instalment that is due in a week."""
    return _instalment(application_instance, 7)


@pytest.fixture
def overdue_repayment_3_days(application_instance: Application) -> Repayment:
    return _instalment(application_instance, -3, reminder_sent=True)


@pytest.fixture
def overdue_repayment_7_days(application_instance: Application) -> Repayment:
    return _instalment(application_instance, -7, reminder_sent=True, overdue_3_day_sent=True)


@pytest.fixture
def overdue_repayment_10_days(application_instance: Application) -> Repayment:
    return _instalment(application_instance, -10, reminder_sent=True, overdue_3_day_sent=True, overdue_7_day_sent=True)


def _instalment(application: Application, days: int, **values: Any) -> Repayment:
    from tests.factories import RepaymentFactory

    return RepaymentFactory(application=application, amount=10000, due_date=today() + timedelta(days=days), **values)
