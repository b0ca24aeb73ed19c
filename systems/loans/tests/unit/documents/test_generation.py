"""Generating a document, without Celery: one request, one document, one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from applications.models import Application
from core.errors import Conflict, NotPossible
from documents.generation import Order, generate, request_document
from documents.models import Document, DocumentJob, DocumentType
from tests import disk
from tests.factories import ApplicationFactory, BorrowerFactory, UserFactory
from users.models import Notification, User

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

REQUEST = "7e57ab1e-0000-4000-8000-000000000001"


@pytest.fixture
def application() -> Application:
    return ApplicationFactory(reference_number="APP-TEST2345", borrowers=[BorrowerFactory(user=UserFactory())])


def order(application: Application, kind: str = "indicative_letter", by: User | None = None, **more: Any) -> Order:
    return Order(application.pk, kind, by.pk if by else None, **{"request_id": REQUEST, **more})


def test_a_generated_document_has_its_file_and_is_told_of(application: Application, admin_user: User) -> None:
    told: list[tuple[int, str]] = []
    result = generate(order(application, by=admin_user), lambda done, message: told.append((done, message)))
    document = Document.objects.get()
    assert result == {
        "document_id": document.pk,
        "application_id": application.pk,
        "title": "Indicative letter APP-TEST2345",
        "file_name": "APP-TEST2345-indicative_letter.pdf",
        "file_size": document.file_size,
    }
    assert disk.files() == [document.file.name]
    content = Path(document.file.path).read_bytes()
    assert content.startswith(b"%PDF-")
    assert len(content) == document.file_size
    assert (document.application, document.created_by, document.version) == (application, admin_user, 1)
    assert (document.document_type, document.file_type) == ("indicative_letter", "application/pdf")
    assert document.generation_key == f"{application.pk}:indicative_letter:{REQUEST}"
    assert told == [(0, "started"), (25, "written"), (75, "printed")]
    people = {admin_user, application.bd.user, application.broker.user, application.borrowers.get().user}
    news = Notification.objects.filter(notification_type="document_uploaded", related_object_id=document.pk)
    assert {note.user for note in news} == people
    assert len(news) == 4


def test_the_same_order_again_is_the_same_document(application: Application) -> None:
    first = generate(order(application))
    before = {name: (Path(Document.objects.get().file.path).stat().st_mtime_ns) for name in disk.files()}
    told: list[int] = []
    assert generate(order(application), lambda done, message: told.append(done)) == first
    assert {name: (Path(Document.objects.get().file.path).stat().st_mtime_ns) for name in disk.files()} == before
    assert told == []
    assert Notification.objects.filter(notification_type="document_uploaded").count() == 3


def test_what_differs_in_application_type_or_request_is_another_document(application: Application) -> None:
    generate(order(application))
    generate(order(application, "application_form"))
    generate(order(application, request_id=str(uuid4())))
    generate(order(ApplicationFactory()))
    generate(Order(application.pk, "indicative_letter", None))
    generate(Order(application.pk, "indicative_letter", None))
    assert Document.objects.count() == len(disk.files()) == 6


def test_a_file_without_a_row_is_replaced_and_not_added_to(application: Application) -> None:
    wanted = order(application)
    left = Path(Document._meta.get_field("file").storage.path(wanted.path))
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half a")
    generate(wanted)
    assert disk.files() == [wanted.path]
    assert left.read_bytes().startswith(b"%PDF-")


def test_whoever_makes_the_row_second_leaves_the_file_of_the_first(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both looked before either had written; the other one was quicker."""
    wanted = order(application)
    first: list[bytes] = []

    def the_other_was_quicker(done: int, message: str) -> None:
        if done == 75:
            generate(wanted)
            first.append(Path(Document.objects.get().file.path).read_bytes())
            Application.objects.filter(pk=application.pk).update(purpose="changed meanwhile")

    result = generate(wanted, the_other_was_quicker)
    document = Document.objects.get()
    assert result["document_id"] == document.pk
    assert disk.files() == [document.file.name]
    assert Path(document.file.path).read_bytes() == first[0]


def test_a_failing_disk_leaves_neither_row_nor_file(application: Application, settings: Any) -> None:
    disk.install(settings).full = 1
    with pytest.raises(OSError, match="No space left"):
        generate(order(application))
    assert (Document.objects.count(), disk.files()) == (0, [])
    generate(order(application))
    assert Document.objects.count() == len(disk.files()) == 1


def test_a_move_that_fails_leaves_neither_row_nor_file(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*names: Any) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="Read-only"):
        patch.setattr("os.replace", broken)
        generate(order(application))
    assert (Document.objects.count(), disk.files()) == (0, [])


def test_an_unknown_application_is_named() -> None:
    with pytest.raises(NotPossible, match="There is no application 4711; nothing was generated"):
        generate(Order(4711, "indicative_letter", None))


@pytest.mark.parametrize("kind", ["income", "", "../../etc/passwd", None])
def test_what_cannot_be_generated_is_refused(application: Application, kind: Any) -> None:
    with pytest.raises(NotPossible, match="is not a document that can be generated; choose one of application_form, "):
        generate(order(application, kind))
    assert disk.files() == []


def test_an_unknown_type_of_a_document_from_a_template_is_refused(application: Application) -> None:
    with pytest.raises(NotPossible, match="'letter' is not a type of document; use one of application_form, "):
        generate(order(application, "letter", template="indicative_letter"))


def test_template_context_type_and_name_can_be_chosen(application: Application) -> None:
    generate(
        order(
            application,
            "other",
            template="documents/formal_approval.html",
            context={"message": "By courier."},
            file_name="../../For the <bank>.exe",
        )
    )
    document = Document.objects.get()
    assert (document.file_name, document.document_type) == ("For the bank.pdf", "other")
    assert document.title == "Other APP-TEST2345"


def test_a_request_is_written_down_for_its_task(application: Application, admin_user: User) -> None:
    job = request_document(application, "formal_approval", admin_user)
    assert (job.application, job.document_type, job.requested_by) == (application, "formal_approval", admin_user)
    assert (job.document, job.error, job.finished_at, job.picked_up_at) == (None, "", None, None)
    result = generate(Order(application.pk, "formal_approval", admin_user.pk, str(job.pk)))
    job.refresh_from_db()
    assert (job.document_id, job.error) == (result["document_id"], "")
    assert job.finished_at is not None


def test_a_double_click_is_one_request(application: Application, admin_user: User) -> None:
    first = request_document(application, "formal_approval", admin_user, UUID(REQUEST))
    assert str(first.pk) == REQUEST
    assert request_document(application, "formal_approval", admin_user, UUID(REQUEST)) == first
    assert DocumentJob.objects.count() == 1
    assert request_document(application, "formal_approval", admin_user) != first


def test_a_request_id_is_not_used_for_something_else(
    application: Application, admin_user: User, broker_user: User
) -> None:
    request_document(application, "formal_approval", admin_user, UUID(REQUEST))
    for other in (
        (application, "indicative_letter", admin_user),
        (ApplicationFactory(), "formal_approval", admin_user),
        (application, "formal_approval", broker_user),
    ):
        with pytest.raises(Conflict, match=f"The request id {REQUEST} was used for another document; use a new one."):
            request_document(*other, UUID(REQUEST))


def test_only_what_can_be_generated_can_be_requested(application: Application) -> None:
    with pytest.raises(NotPossible, match="'income' is not a document that can be generated"):
        request_document(application, DocumentType.INCOME, None)
    assert DocumentJob.objects.count() == 0
