"""Documents over HTTP: who sees, uploads, replaces, downloads and deletes what."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from documents import file_rules
from documents.models import Document
from tests import disk
from tests.factories import BorrowerFactory, DocumentFactory
from tests.house import House

pytestmark = [pytest.mark.component, pytest.mark.django_db]

PDF = b"%PDF-1.7 what it says"
HUGE = 10**30


def a_file(name: str = "paper.pdf", content: bytes = PDF) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, "application/octet-stream")


def upload(api: APIClient, **values: Any) -> Any:
    return api.post("/api/documents/", {"file": a_file(), **values}, format="multipart")


def ids(response: Any) -> list[int]:
    assert response.status_code == 200, response.data
    return sorted(row["id"] for row in response.data["results"])


# --- who sees what -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "sees_other"), [("admin", True), ("bd", False), ("broker", False), ("client", False)])
def test_people_see_the_documents_of_their_applications(house: House, role: str, *, sees_other: bool) -> None:
    own, other = DocumentFactory(application=house.own), DocumentFactory(application=house.other)
    api = house.api(role)
    assert ids(api.get("/api/documents/")) == [own.pk, other.pk][: 1 + sees_other]
    for document, visible in ((own, True), (other, sees_other)):
        for address in (f"/api/documents/{document.pk}/", f"/api/documents/{document.pk}/download/"):
            answer = api.get(address)
            answer.close()
            assert answer.status_code == (200 if visible else 404)


def test_accounts_see_no_documents_of_applications(house: House) -> None:
    document = DocumentFactory(application=house.own)
    assert ids(house.api("accounts").get("/api/documents/")) == []
    assert house.api("accounts").get(f"/api/documents/{document.pk}/").status_code == 404


def test_a_document_is_described(house: House) -> None:
    document = DocumentFactory(application=house.own, title="Lease", created_by=house.people["bd"])
    given = house.api("client").get(f"/api/documents/{document.pk}/").data
    assert given == {
        "id": document.pk,
        "title": "Lease",
        "description": "",
        "document_type": "other",
        "file_name": "paper.pdf",
        "file_size": 16,
        "file_type": "application/pdf",
        "version": 1,
        "previous_version": None,
        "application": house.own.pk,
        "borrower": None,
        "created_by": house.people["bd"].pk,
        "created_at": given["created_at"],
    }


def test_the_list_can_be_narrowed_down(house: House) -> None:
    borrower = house.own.borrowers.first()
    income = DocumentFactory(application=house.own, document_type="income", borrower=borrower)
    DocumentFactory(application=house.own)
    DocumentFactory(application=house.other, document_type="income", borrower=BorrowerFactory())
    api = house.api("admin")
    assert len(ids(api.get("/api/documents/"))) == 3
    assert len(ids(api.get(f"/api/documents/?application={house.own.pk}"))) == 2
    assert ids(api.get(f"/api/documents/?application={house.own.pk}&document_type=income")) == [income.pk]
    assert ids(api.get(f"/api/documents/?borrower={borrower.pk}")) == [income.pk]
    for wrong in ("application=x", f"application={HUGE}", "document_type=love", "borrower=0", "borrower=%00"):
        assert api.get(f"/api/documents/?{wrong}").status_code == 400


def test_a_list_takes_the_same_number_of_statements_for_any_number_of_rows(
    house: House, django_assert_num_queries: Any
) -> None:
    DocumentFactory.create_batch(7, application=house.own)
    api = house.api("bd")
    with django_assert_num_queries(2):  # the count, and the page
        assert len(ids(api.get("/api/documents/"))) == 7


def test_nobody_gets_anything_without_logging_in() -> None:
    api = APIClient()
    for address in ("", "1/", "1/download/"):
        assert api.get(f"/api/documents/{address}").status_code == 401
    for address in ("", "1/new_version/", "generate/"):
        assert api.post(f"/api/documents/{address}").status_code == 401


# --- uploads and versions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["admin", "bd", "broker", "client"])
def test_everybody_uploads_to_their_own_applications(house: House, role: str) -> None:
    answer = upload(house.api(role), application=house.own.pk, title="Lease", document_type="income")
    assert answer.status_code == 201, answer.data
    document = Document.objects.get()
    assert (document.application, document.title, document.document_type) == (house.own, "Lease", "income")
    assert (document.created_by, answer.data["id"]) == (house.people[role], document.pk)


@pytest.mark.parametrize("role", ["bd", "broker", "client", "accounts"])
def test_nobody_uploads_to_others(house: House, role: str) -> None:
    assert upload(house.api(role), application=house.other.pk).status_code == 404
    assert (Document.objects.count(), disk.files()) == (0, [])


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"file": "text"}, {"file": ["The submitted data was not a file. Check the encoding type on the form."]}),
        ({"file": a_file(content=b"")}, {"file": ["The submitted file is empty."]}),
        ({"application": "x"}, {"application": ["A valid integer is required."]}),
        ({"application": HUGE}, {"application": ["Ensure this value is less than or equal to 9223372036854775807."]}),
        ({"document_type": "love"}, {"document_type": ['"love" is not a valid choice.']}),
        ({"title": "\0"}, {"title": ["Null characters are not allowed."]}),
        ({"title": "x" * 256}, {"title": ["Ensure this field has no more than 255 characters."]}),
    ],
)
def test_bad_input_is_explained(house: House, values: dict[str, Any], complaint: dict[str, Any]) -> None:
    answer = upload(house.api("admin"), **{"application": house.own.pk, **values})
    assert (answer.status_code, answer.data) == (400, complaint)


def test_a_file_of_the_wrong_kind_is_explained(house: House) -> None:
    answer = upload(house.api("client"), application=house.own.pk, file=a_file("a.exe"))
    assert answer.status_code == 400
    assert answer.data["detail"].startswith("Files like 'a.exe' are not taken; send one of these kinds: pdf, png")


def test_a_file_that_is_too_large_is_explained(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_rules, "LARGEST", 20)
    answer = upload(house.api("client"), application=house.own.pk)
    assert (answer.status_code, answer.data["detail"]) == (
        400,
        "'paper.pdf' has 21 bytes; at most 20 (0 MB) are taken.",
    )


def test_a_new_version_follows_and_an_old_one_is_not_followed_twice(house: House) -> None:
    first = DocumentFactory(application=house.own, title="Lease")
    address = f"/api/documents/{first.pk}/new_version/"
    answer = house.api("broker").post(address, {"file": a_file("signed.pdf")}, format="multipart")
    assert answer.status_code == 201, answer.data
    assert (answer.data["version"], answer.data["previous_version"], answer.data["file_name"]) == (
        2,
        first.pk,
        "signed.pdf",
    )
    again = house.api("bd").post(address, {"file": a_file()}, format="multipart")
    assert (again.status_code, again.data) == (
        409,
        {"detail": "Lease has a version 2 already; load it, and try again."},
    )


def test_versions_of_others_cannot_be_made(house: House) -> None:
    of_the_office = DocumentFactory(application=house.own, created_by=house.people["bd"])
    invisible = DocumentFactory(application=house.other)
    api = house.api("client")
    for document, status in ((of_the_office, 403), (invisible, 404)):
        address = f"/api/documents/{document.pk}/new_version/"
        assert api.post(address, {"file": a_file()}, format="multipart").status_code == status
    assert Document.objects.count() == 2


# --- downloads and deletions ---------------------------------------------------------------------------------------


def test_a_download_has_name_type_and_content(house: House) -> None:
    pk = upload(house.api("client"), application=house.own.pk, file=a_file("Hợp đồng.pdf")).data["id"]
    answer = house.api("bd").get(f"/api/documents/{pk}/download/")
    assert b"".join(answer.streaming_content) == PDF
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == "attachment; filename*=utf-8''H%E1%BB%A3p%20%C4%91%E1%BB%93ng.pdf"
    assert answer["Content-Length"] == "21"
    assert answer["X-Content-Type-Options"] == "nosniff"
    answer.close()


def test_a_document_of_old_days_without_name_or_type_can_be_downloaded(house: House) -> None:
    document = DocumentFactory(application=house.own, file_name="", file_type="")
    answer = house.api("bd").get(f"/api/documents/{document.pk}/download/")
    assert answer["Content-Disposition"] == f'attachment; filename="document-{document.pk}"'
    assert answer["Content-Type"] == "application/octet-stream"
    answer.close()


def test_a_file_that_is_gone_is_no_server_error(house: House) -> None:
    document = DocumentFactory(application=house.own, title="Lease")
    document.file.storage.delete(document.file.name)
    answer = house.api("bd").get(f"/api/documents/{document.pk}/download/")
    assert answer.status_code == 400
    assert answer.data["detail"].startswith("The file of Lease v1 is no longer there;")


@pytest.mark.parametrize(("role", "status"), [("admin", 204), ("bd", 403), ("broker", 403), ("client", 403)])
def test_only_administrators_delete(house: House, role: str, status: int) -> None:
    document = DocumentFactory(application=house.own)
    assert house.api(role).delete(f"/api/documents/{document.pk}/").status_code == status
    assert Document.objects.exists() is (status == 403)


def test_a_document_is_not_edited(house: House) -> None:
    document = DocumentFactory(application=house.own)
    for method in ("put", "patch"):
        assert getattr(house.api("admin"), method)(f"/api/documents/{document.pk}/", {}).status_code == 405
