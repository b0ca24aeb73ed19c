"""Notes over HTTP: the office writes, a client reads what is not only for the office."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from applications.models import Application
from documents.models import Note
from tests.factories import (
    AccountsUserFactory,
    AdminFactory,
    ApplicationFactory,
    BorrowerFactory,
    NoteFactory,
    UserFactory,
)
from users.models import User

pytestmark = [pytest.mark.component, pytest.mark.django_db]

URL = "/api/documents/notes/"
ROLES = ("admin", "bd", "broker", "client", "accounts")


@pytest.fixture
def application() -> Application:
    return ApplicationFactory(borrowers=[BorrowerFactory(user=UserFactory())])


def as_user(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def as_role(role: str, application: Application) -> APIClient:
    people = {
        "admin": AdminFactory,
        "bd": lambda: application.bd.user,
        "broker": lambda: application.broker.user,
        "client": lambda: application.borrowers.get().user,
        "accounts": AccountsUserFactory,
    }
    return as_user(people[role]())


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reads_the_notes_of_its_own_applications(application: Application, role: str) -> None:
    NoteFactory(application=application, title="internal")
    NoteFactory(application=application, title="open", is_internal=False)
    NoteFactory(title="foreign", is_internal=False)
    found = as_role(role, application).get(URL).json()["results"]
    expected = {"admin": ["foreign", "internal", "open"], "client": ["open"], "accounts": []}
    assert sorted(note["title"] for note in found) == expected.get(role, ["internal", "open"])


@pytest.mark.parametrize("role", ROLES)
def test_one_note_is_read_by_whom_it_concerns(application: Application, role: str) -> None:
    own, foreign = NoteFactory(application=application), NoteFactory()
    client = as_role(role, application)
    answers = [client.get(f"{URL}{note.pk}/").status_code for note in (own, foreign)]
    expected = {"admin": [200, 200], "bd": [200, 404], "broker": [200, 404]}
    assert answers == expected.get(role, [404, 404])


@pytest.mark.parametrize("role", ROLES)
def test_the_office_writes_notes_on_its_own_applications(application: Application, role: str) -> None:
    body = {"application": application.pk, "title": "Call", "remind_date": "2026-03-11T09:00"}
    answer = as_role(role, application).post(URL, body)
    if role in ("client", "accounts"):
        assert answer.status_code == 403
        assert not Note.objects.exists()
        return
    note = Note.objects.get()
    assert answer.status_code == 201
    assert (note.title, note.application, note.is_internal) == ("Call", application, True)
    assert note.created_by.role == role
    assert note.remind_date == datetime(2026, 3, 10, 22, tzinfo=UTC)  # nine o'clock in Sydney
    assert answer.json()["id"] == note.pk


@pytest.mark.parametrize("role", ["bd", "broker"])
def test_a_foreign_application_cannot_be_named(application: Application, role: str) -> None:
    foreign, borrower = ApplicationFactory(), BorrowerFactory()
    client = as_role(role, application)
    assert "application" in client.post(URL, {"application": foreign.pk, "title": "Call"}).json()
    assert "borrower" in client.post(URL, {"borrower": borrower.pk, "title": "Call"}).json()
    assert not Note.objects.exists()


def test_a_note_on_a_borrower_alone_is_seen_by_who_works_for_them(application: Application) -> None:
    borrower = application.borrowers.get()
    note = as_role("bd", application).post(URL, {"borrower": borrower.pk, "content": "moved"}).json()
    assert as_role("broker", application).get(f"{URL}{note['id']}/").status_code == 200
    assert as_role("client", application).get(f"{URL}{note['id']}/").status_code == 404
    assert as_user(ApplicationFactory().bd.user).get(f"{URL}{note['id']}/").status_code == 404
    Note.objects.update(is_internal=False)
    assert as_role("client", application).get(f"{URL}{note['id']}/").status_code == 200


def test_a_borrower_does_not_read_what_is_written_about_the_other(application: Application) -> None:
    other = BorrowerFactory(user=UserFactory())
    application.borrowers.add(other)
    note = NoteFactory(application=None, borrower=other, is_internal=False)
    first = application.borrowers.exclude(pk=other.pk).get()
    assert as_user(first.user).get(f"{URL}{note.pk}/").status_code == 404
    assert as_user(other.user).get(f"{URL}{note.pk}/").status_code == 200


@pytest.mark.parametrize("role", ROLES)
def test_the_office_changes_notes_of_its_own_applications(application: Application, role: str) -> None:
    own = NoteFactory(application=application, title="Cal", is_internal=False)
    foreign = NoteFactory(title="Cal", is_internal=False)
    client = as_role(role, application)
    answers = [client.patch(f"{URL}{note.pk}/", {"title": "Call"}).status_code for note in (own, foreign)]
    expected = {"admin": [200, 200], "bd": [200, 404], "broker": [200, 404], "client": [403, 404]}
    assert answers == expected.get(role, [404, 404])
    titles = [Note.objects.get(pk=note.pk).title for note in (own, foreign)]
    assert titles == ["Call" if answer == 200 else "Cal" for answer in answers]


def test_another_moment_means_another_reminder(application: Application) -> None:
    note = NoteFactory(application=application, remind_date=datetime(2026, 3, 11, tzinfo=UTC))
    Note.objects.update(remind_sent_at=datetime(2026, 3, 11, tzinfo=UTC))
    client = as_role("bd", application)
    same = client.patch(f"{URL}{note.pk}/", {"remind_date": "2026-03-11T00:00Z", "title": "x"}, format="json").json()
    assert same["remind_sent_at"] is not None
    later = client.patch(f"{URL}{note.pk}/", {"remind_date": "2026-03-12T00:00Z"}, format="json").json()
    assert (later["remind_sent_at"], later["title"]) == (None, "x")
    assert client.patch(f"{URL}{note.pk}/", {"remind_date": None}, format="json").json()["remind_date"] is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"title": " "},
        {"title": "x" * 256},
        {"title": "nul\0"},
        {"title": {}},
        {"title": "Call", "remind_date": "tomorrow"},
        {"title": "Call", "remind_date": "2026-02-30T00:00Z"},
        {"title": "Call", "remind_date": "0001-01-01T00:00Z"},
        {"title": "Call", "remind_date": "9999-12-31T23:59:59-12:00"},
        {"title": "Call", "is_internal": "perhaps"},
        {"title": "Call", "application": 9**40},
        {"title": "Call", "application": "APP-1"},
        {"title": "Call", "application": True},
        {"title": "Call", "application": None},
        [],
    ],
)
def test_bad_input_is_refused(application: Application, body: Any) -> None:
    if isinstance(body, dict):
        body = {"application": application.pk, **body}
    answer = as_role("admin", application).post(URL, body, format="json")
    assert answer.status_code == 400
    assert answer.json()
    assert not Note.objects.exists()


def test_a_note_that_would_say_nothing_is_not_changed(application: Application) -> None:
    note = NoteFactory(application=application, title="Call", content="")
    answer = as_role("admin", application).patch(f"{URL}{note.pk}/", {"title": ""})
    assert (answer.status_code, "empty" in answer.json()["detail"]) == (400, True)


def test_notes_are_narrowed_down_by_application_and_borrower(application: Application) -> None:
    borrower = application.borrowers.get()
    one, other = NoteFactory(application=application), NoteFactory(application=None, borrower=borrower)
    client = as_role("admin", application)
    assert [row["id"] for row in client.get(f"{URL}?application={application.pk}").json()["results"]] == [one.pk]
    assert [row["id"] for row in client.get(f"{URL}?borrower={borrower.pk}").json()["results"]] == [other.pk]
    assert client.get(f"{URL}?borrower=x").status_code == 400


def test_nobody_reads_or_writes_without_logging_in() -> None:
    assert APIClient().get(URL).status_code == 401
    assert APIClient().post(URL, {"title": "x"}).status_code == 401
