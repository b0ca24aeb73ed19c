"""Which files are taken, under which name they lie, and that versions follow each other."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import transaction

from applications.models import Application
from core.clock import now
from core.errors import Conflict, NotPermitted, NotPossible
from documents import file_rules, files
from documents.file_rules import clean_name, kind_of
from documents.models import Document, DocumentType
from tests import disk
from tests.factories import AdminFactory, ApplicationFactory, BorrowerFactory, DocumentFactory, UserFactory
from users.models import Notification, User

PDF = b"%PDF-1.7 what it says"

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


def a_file(name: str = "paper.pdf", content: bytes = PDF) -> ContentFile:
    return ContentFile(content, name=name)


@pytest.fixture
def client(client_user: User) -> User:
    return client_user


@pytest.fixture
def application(client: User) -> Application:
    return ApplicationFactory(reference_number="APP-TEST2345", borrowers=[BorrowerFactory(user=client)])


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("Pay slip.pdf", "Pay slip.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ann\\income.pdf", "income.pdf"),
        ("Hợp đồng 李.pdf", "Hợp đồng 李.pdf"),
        ("a\0b\r\nc\u202efdp.exe", "abcfdp.exe"),
        ('what? "this" <is>|it*.txt', "what this isit.txt"),
        ("  ..hidden.pdf . ", "hidden.pdf"),
        ("a \t b.pdf", "a b.pdf"),
        ("", "document"),
        ("...", "document"),
        ("x" * 300 + ".pdf", "x" * 96 + ".pdf"),
    ],
)
def test_a_name_is_safe_and_still_the_persons_own(name: str, clean: str) -> None:
    assert clean_name(name) == clean


@pytest.mark.parametrize(
    ("name", "content", "content_type"),
    [
        ("a.PDF", PDF, "application/pdf"),
        ("a.png", b"\x89PNG\r\n\x1a\n...", "image/png"),
        ("a.jpg", b"\xff\xd8\xff\xe0...", "image/jpeg"),
        ("a.jpeg", b"\xff\xd8\xff\xe0...", "image/jpeg"),
        ("a.tif", b"II*\x00...", "image/tiff"),
        ("a.tiff", b"MM\x00*...", "image/tiff"),
        ("a.docx", b"PK\x03\x04...", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.xlsx", b"PK\x03\x04...", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("a.csv", b"a,b\n", "text/csv"),
        ("a.txt", "Zoë".encode(), "text/plain"),
    ],
)
def test_these_kinds_are_taken(name: str, content: bytes, content_type: str) -> None:
    assert kind_of(a_file(name, content)).content_type == content_type


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.exe", b"MZ", "Files like 'a.exe' are not taken; send one of these kinds: pdf, png, jpg, jpeg, tif, "),
        ("a.pdf.html", PDF, "Files like 'a.pdf.html' are not taken"),
        ("a", PDF, "Files like 'a' are not taken"),
        ("a.pdf", b"", "'a.pdf' is empty; send a file with something in it."),
        ("a.pdf", b"<script>", "'a.pdf' is not what its name says: it does not begin as a pdf file does."),
        ("a.txt", b"MZ\0\0", "'a.txt' is not what its name says: it does not begin as a txt file does."),
    ],
)
def test_these_are_not_taken(name: str, content: bytes, complaint: str) -> None:
    with pytest.raises(NotPossible, match=f"^{re.escape(complaint)}"):
        kind_of(a_file(name, content))


def test_the_largest_file_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert file_rules.LARGEST == 20 * 1024 * 1024
    file = a_file()
    file.size = file_rules.LARGEST
    assert kind_of(file).content_type == "application/pdf"
    file.size += 1
    with pytest.raises(NotPossible, match=r"'paper.pdf' has 20971521 bytes; at most 20971520 \(20 MB\) are taken."):
        kind_of(file)


def test_an_upload_is_kept_and_its_people_are_told(application: Application, client: User) -> None:
    document = files.upload(
        application, a_file("../My pay slip.pdf"), client, document_type=DocumentType.INCOME, description="June"
    )
    document.refresh_from_db()
    assert (document.title, document.description, document.document_type) == ("My pay slip", "June", "income")
    assert (document.file_name, document.file_size, document.file_type) == ("My pay slip.pdf", 21, "application/pdf")
    assert (document.version, document.previous_version, document.created_by) == (1, None, client)
    with files.open_file(document) as content:
        assert content.read() == PDF
    told = {note.user: note for note in Notification.objects.filter(notification_type="document_uploaded")}
    assert set(told) == {application.bd.user, application.broker.user}
    note = told[application.bd.user]
    assert (note.title, note.message) == (
        "New document: My pay slip",
        "My pay slip.pdf (version 1) was added to APP-TEST2345.",
    )
    assert (note.related_object_type, note.related_object_id) == ("document", document.pk)


def test_a_title_can_be_given(application: Application) -> None:
    assert files.upload(application, a_file(), None, title="Identity card").title == "Identity card"


def test_nobodys_file_name_becomes_a_path(application: Application) -> None:
    document = files.upload(application, a_file("../../outside.pdf"), None)
    (name,) = disk.files()
    assert name == document.file.name
    assert name.startswith("documents/")
    assert "outside" not in name
    assert name.endswith(".pdf")


def test_a_refused_file_leaves_nothing(application: Application) -> None:
    with pytest.raises(NotPossible, match="are not taken"):
        files.upload(application, a_file("a.exe"), None)
    assert (disk.files(), Document.objects.count(), Notification.objects.count()) == ([], 0, 0)


def test_a_new_version_follows_the_one_before(application: Application, client: User) -> None:
    first = files.upload(application, a_file(), client, title="Lease", document_type=DocumentType.INCOME)
    second = files.new_version(first, a_file("signed.png", b"\x89PNG\r\n\x1a\n"), client)
    third = files.new_version(second, a_file(), application.bd.user)
    chain = [(doc.version, doc.previous_version, doc.title, doc.document_type) for doc in (first, second, third)]
    assert chain == [(1, None, "Lease", "income"), (2, first, "Lease", "income"), (3, second, "Lease", "income")]
    assert {doc.chain for doc in (first, second, third)} == {first.chain}
    assert (second.file_name, second.file_type) == ("signed.png", "image/png")
    assert second.application == application
    assert len(disk.files()) == 3


def test_two_new_versions_at_once_are_one_and_a_conflict(application: Application) -> None:
    first = files.upload(application, a_file(), None, title="Lease")
    seen_by_another = Document.objects.get(pk=first.pk)
    files.new_version(first, a_file(), None)
    with pytest.raises(Conflict, match="Lease has a version 2 already; load it, and try again"):
        files.new_version(seen_by_another, a_file(), None)
    assert sorted(Document.objects.values_list("version", flat=True)) == [1, 2]
    assert len(disk.files()) == 2


def test_any_other_failure_to_write_the_row_leaves_no_file(application: Application) -> None:
    with pytest.raises(ValueError, match="expected a number"), transaction.atomic():
        files.upload(Application(pk="\0"), a_file(), None)
    assert disk.files() == []


def test_clients_replace_only_what_they_sent(application: Application, client: User) -> None:
    of_the_office = DocumentFactory(application=application, created_by=application.bd.user)
    with pytest.raises(NotPermitted, match="Clients make new versions of the documents that they uploaded"):
        files.new_version(of_the_office, a_file(), client)
    assert files.new_version(of_the_office, a_file(), application.broker.user).version == 2
    own = DocumentFactory(application=application, created_by=client)
    assert files.new_version(own, a_file(), client).version == 2


def test_an_administrator_with_the_role_of_a_client_is_no_client(application: Application) -> None:
    superuser = UserFactory(is_superuser=True)
    assert files.new_version(DocumentFactory(application=application), a_file(), superuser).version == 2


def test_a_version_of_a_borrowers_paper_tells_the_borrower(client: User) -> None:
    borrower = BorrowerFactory(first_name="Ann", last_name="Lee", user=client)
    paper = DocumentFactory(application=None, borrower=borrower, title="Passport")
    files.new_version(paper, a_file(), AdminFactory())
    note = Notification.objects.get()
    assert (note.user, note.message) == (client, "paper.pdf (version 2) was added to Ann Lee.")


def test_who_left_is_not_told(application: Application) -> None:
    User.objects.filter(pk=application.bd.user_id).update(is_active=False)
    files.upload(application, a_file(), None)
    assert set(Notification.objects.values_list("user", flat=True)) == {
        application.broker.user_id,
        application.borrowers.get().user_id,
    }


@pytest.mark.django_db(transaction=True)
def test_a_file_goes_with_its_document_but_not_before() -> None:
    document = DocumentFactory()
    with pytest.raises(ValueError, match="changed my mind"), transaction.atomic():
        files.remove(document)
        raise ValueError("changed my mind")
    document = Document.objects.get()
    assert len(disk.files()) == 1
    files.remove(document)
    assert (disk.files(), Document.objects.count()) == ([], 0)


def test_a_file_that_is_gone_is_said_to_be_gone() -> None:
    document = DocumentFactory(title="Lease")
    Path(document.file.path).unlink()
    with pytest.raises(NotPossible, match="The file of Lease v1 is no longer there; ask the office to upload it again"):
        files.open_file(document)


def test_what_dead_workers_left_is_removed_after_a_day(settings: Any) -> None:
    assert files.remove_stale_temp_files() == 0
    kept, stale = (files.write_unfinished(b"%PDF-") for _ in range(2))
    yesterday = (now() - timedelta(days=1, minutes=1)).timestamp()
    os.utime(Path(settings.MEDIA_ROOT) / stale, (yesterday, yesterday))
    DocumentFactory()
    before = disk.files()
    assert files.remove_stale_temp_files() == 1
    assert disk.files() == [name for name in before if name != stale]
    assert kept in disk.files()
    assert files.remove_stale_temp_files() == 0


def test_a_move_replaces_what_was_there(settings: Any) -> None:
    files.move_into_place(files.write_unfinished(b"first"), "generated/1/a.pdf")
    files.move_into_place(files.write_unfinished(b"second"), "generated/1/a.pdf")
    assert disk.files() == ["generated/1/a.pdf"]
    assert (Path(settings.MEDIA_ROOT) / "generated/1/a.pdf").read_bytes() == b"second"
