"""Notes, documents and the signature of an application, over the API."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from pathlib import Path

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from applications.models import Application
from documents.models import Document, Note
from tests.house import House

pytestmark = [pytest.mark.component, pytest.mark.django_db]


def png() -> bytes:
    file = BytesIO()
    Image.new("L", (30, 10)).save(file, "PNG")
    return file.getvalue()


def signature(**more: str) -> dict[str, str]:
    picture = "data:image/png;base64," + b64encode(png()).decode()
    return {"signed_by": "Bo Rower", "signature_date": "2026-03-10", "signature_data": picture, **more}


def test_a_note_is_written_for_the_office_at_local_time(house: House) -> None:
    given = {"title": "Ring them up", "content": "About the house", "remind_date": "2026-03-11T09:00"}
    answer = house.call("broker", "post", "add_note/", given)
    assert answer.status_code == 201
    assert answer.json()["remind_date"] == "2026-03-11T09:00:00+11:00"
    note = Note.objects.get(title="Ring them up")
    assert (note.application, note.created_by, note.is_internal) == (house.own, house.people["broker"], True)


def test_a_note_for_everybody_is_read_by_the_client(house: House) -> None:
    house.call("bd", "post", "add_note/", {"title": "Welcome", "is_internal": False})
    titles = [note["title"] for note in house.call("client", "get", "notes/").json()["results"]]
    assert titles == ["Welcome", "For everybody"]


def test_a_client_uploads_a_paper_that_everybody_of_the_application_sees(house: House) -> None:
    given = {"file": SimpleUploadedFile("licence.png", png(), "image/png"), "document_type": "identification"}
    answer = house.call("client", "post", "upload_document/", given, kind="multipart")
    assert answer.status_code == 201, answer.json()
    stored = Document.objects.get()
    assert (stored.title, stored.document_type, stored.file_name) == ("licence", "identification", "licence.png")
    assert (stored.application, stored.created_by) == (house.own, house.people["client"])
    assert Path(stored.file.path).read_bytes() == png()
    for role in ("admin", "bd", "broker", "client"):
        assert [row["id"] for row in house.call(role, "get", "documents/").json()["results"]] == [stored.pk]


def test_a_file_that_is_not_what_its_name_says_is_refused(house: House) -> None:
    given = {"file": SimpleUploadedFile("a.pdf", png(), "application/pdf")}
    answer = house.call("bd", "post", "upload_document/", given, kind="multipart")
    assert (answer.status_code, "is not what its name says" in answer.json()["detail"]) == (400, True)
    assert Document.objects.count() == 0


@time_machine.travel("2026-03-10T22:00:00Z", tick=False)
def test_a_signature_is_kept_with_name_day_and_picture(house: House) -> None:
    answer = house.call("client", "post", "signature/", signature(signature_date="2026-03-11"))
    assert answer.status_code == 201, answer.json()
    assert answer.json()["document_type"] == "signed"
    application, document = Application.objects.get(pk=house.own.pk), Document.objects.get()
    assert (application.signed_by, str(application.signature_date)) == ("Bo Rower", "2026-03-11")
    assert (document.title, document.application, document.created_by) == (
        "Signature of Bo Rower",
        house.own,
        house.people["client"],
    )
    assert Path(document.file.path).read_bytes() == png()
    assert house.call("bd", "get", "").json()["signed_by"] == "Bo Rower"


@time_machine.travel("2026-03-10T22:00:00Z", tick=False)
def test_without_a_day_it_was_signed_today_in_the_office(house: House) -> None:
    given = signature()
    del given["signature_date"]
    assert house.call("client", "post", "signature/", given).status_code == 201
    assert str(Application.objects.get(pk=house.own.pk).signature_date) == "2026-03-11"


@time_machine.travel("2026-03-10T22:00:00Z", tick=False)
def test_nobody_signs_in_the_future(house: House) -> None:
    answer = house.call("client", "post", "signature/", signature(signature_date="2026-03-12"))
    assert (answer.status_code, "cannot be dated in the future" in answer.json()["detail"]) == (400, True)
    assert Document.objects.count() == 0


def test_an_application_is_signed_once(house: House) -> None:
    assert house.call("client", "post", "signature/", signature()).status_code == 201
    answer = house.call("bd", "post", "signature/", signature(signed_by="Somebody else"))
    assert (answer.status_code, "was signed already" in answer.json()["detail"]) == (409, True)
    assert (Application.objects.get(pk=house.own.pk).signed_by, Document.objects.count()) == ("Bo Rower", 1)


def test_a_closed_application_is_not_signed(house: House) -> None:
    Application.objects.update(stage="declined")
    assert house.call("client", "post", "signature/", signature()).status_code == 409
    assert Document.objects.count() == 0


@pytest.mark.parametrize("data", ["", "hello", "data:image/png;base64,aGVsbG8=", "aGVsbG8="])
def test_what_is_no_picture_is_no_signature(house: House, data: str) -> None:
    assert house.call("client", "post", "signature/", signature(signature_data=data)).status_code == 400
    assert (Application.objects.get(pk=house.own.pk).signed_by, Document.objects.count()) == ("", 0)
