"""Every cell of the table of permissions: who may do what with their own application, and with another one."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from applications.models import Application
from tests.house import House

pytestmark = [pytest.mark.component, pytest.mark.django_db]

ROLES = ("admin", "bd", "broker", "client")
#: The table as the office wrote it, one character for each role: y may, n may not.
TABLE = {
    "detail": "yyyy",
    "put": "ynyn",
    "patch": "ynyn",
    "delete": "ynyn",
    "update_stage": "yynn",
    "add_borrowers": "yyyn",
    "remove_borrowers": "yyyn",
    "add_note": "yyyn",
    "upload_document": "yyyy",
    "signature": "yyyy",
    "add_fee": "yynn",
    "add_repayment": "yynn",
    "record_payment": "yynn",
    "generate_schedule": "yynn",
    "notes": "yyyy",
    "documents": "yyyy",
    "fees": "yyyy",
    "repayments": "yyyy",
    "ledger": "yyyy",
}
READ = {"detail", "notes", "documents", "fees", "repayments", "ledger"}
MADE = {
    "add_note",
    "upload_document",
    "signature",
    "add_fee",
    "add_repayment",
    "generate_schedule",
}
METHODS = {"put": "put", "patch": "patch", "delete": "delete"}
CELLS = [(action, role, allowed) for action, row in TABLE.items() for role, allowed in zip(ROLES, row, strict=True)]


def png() -> bytes:
    file = BytesIO()
    Image.new("L", (30, 10)).save(file, "PNG")
    return file.getvalue()


def body(action: str, application: Application) -> dict[str, Any]:
    """Input that is good in itself: only the person can be wrong."""
    borrowers = [borrower.pk for borrower in application.borrowers.all()]
    return {
        "put": {"purpose": "A boat"},
        "patch": {"purpose": "A boat"},
        "update_stage": {"stage": "pre_approval"},
        "add_borrowers": {"borrower_ids": borrowers},
        "remove_borrowers": {"borrower_ids": borrowers[:1]},
        "add_note": {"title": "Ring them up"},
        "upload_document": {"file": SimpleUploadedFile("signature.png", png(), "image/png")},
        "signature": {"signed_by": "Bo Rower", "signature_data": b64encode(png()).decode()},
        "add_fee": {"fee_type": "legal", "amount": "1200.00"},
        "add_repayment": {"amount": "100.00", "due_date": "2026-03-31"},
        "record_payment": {"repayment_id": application.repayments.get().pk},
    }.get(action, {})


def ask(house: House, role: str, action: str, application: Application) -> int:
    method = "get" if action in READ else METHODS.get(action, "post")
    path = f"/api/applications/{application.pk}/" + ("" if action in {"detail", *METHODS} else f"{action}/")
    kind = "multipart" if action == "upload_document" else "json"
    data = None if method == "get" else body(action, application)
    return getattr(house.api(role), method)(path, data, format=kind).status_code


@pytest.mark.parametrize(("action", "role", "allowed"), CELLS)
def test_own_application(house: House, action: str, role: str, allowed: str) -> None:
    done = 201 if action in MADE else 204 if action == "delete" else 200
    assert ask(house, role, action, house.own) == (done if allowed == "y" else 403)


@pytest.mark.parametrize(("action", "role", "allowed"), CELLS)
def test_an_application_of_others(house: House, action: str, role: str, allowed: str) -> None:
    before = Application.objects.filter(pk=house.other.pk).values().get()
    done = 201 if action in MADE else 204 if action == "delete" else 200
    assert ask(house, role, action, house.other) == (done if role == "admin" else 404)
    if role != "admin":
        assert Application.objects.filter(pk=house.other.pk).values().get() == before


@pytest.mark.parametrize("action", TABLE)
def test_accounts_work_on_no_application(house: House, action: str) -> None:
    assert ask(house, "accounts", action, house.own) == 404


@pytest.mark.parametrize(("role", "status"), [*((role, 201) for role in ROLES), ("accounts", 403)])
def test_who_may_make_an_application(house: House, role: str, status: int) -> None:
    assert house.api(role).post("/api/applications/", {"purpose": "A shop"}, format="json").status_code == status


@pytest.mark.parametrize(("role", "seen"), [("admin", 2), ("bd", 1), ("broker", 1), ("client", 1), ("accounts", 0)])
def test_whom_a_list_shows_what(house: House, role: str, seen: int) -> None:
    answer = house.api(role).get("/api/applications/")
    assert (answer.status_code, answer.data["count"]) == (200, seen)
    if seen == 1:
        assert answer.data["results"][0]["id"] == house.own.pk


@pytest.mark.parametrize("role", [*ROLES, "accounts"])
def test_everybody_may_have_terms_checked(house: House, role: str) -> None:
    assert house.api(role).post("/api/applications/validate-schema/", {}, format="json").data["valid"] is True


@pytest.mark.parametrize("action", [*TABLE, "validate-schema"])
def test_nobody_does_anything_without_a_login(client: Any, house: House, action: str) -> None:
    path = "" if action in {"detail", *METHODS} else f"{action}/"
    below = "" if action == "validate-schema" else f"{house.own.pk}/"
    method = "get" if action in READ else METHODS.get(action, "post")
    assert getattr(client, method)(f"/api/applications/{below}{path}").status_code == 401


@pytest.mark.parametrize(("role", "titles"), [("admin", 2), ("bd", 2), ("broker", 2), ("client", 1)])
def test_clients_do_not_read_what_is_for_the_office(house: House, role: str, titles: int) -> None:
    notes = house.call(role, "get", "notes/").data["results"]
    assert sorted(note["title"] for note in notes) == ["For everybody", "For the office"][:titles]
