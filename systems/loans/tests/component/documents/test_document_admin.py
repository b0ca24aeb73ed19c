"""Papers and their jobs in the office's admin: to be described, deleted with their files, and asked for again."""

from __future__ import annotations

from typing import Any

import pytest
from coldframe import Bench
from django.test import Client

from core.clock import now
from documents.generation import request_document
from documents.models import Document, DocumentJob
from tests import disk
from tests.factories import AdminFactory, ApplicationFactory, DocumentFactory
from users.models import User

pytestmark = [pytest.mark.component, pytest.mark.django_db]


@pytest.fixture
def office(admin_user: User) -> Client:
    client = Client()
    client.force_login(AdminFactory(is_superuser=True))
    return client


def test_documents_are_listed_found_and_described(office: Client) -> None:
    document = DocumentFactory(title="Lease", application=ApplicationFactory(reference_number="APP-TEST2345"))
    page = office.get("/admin/documents/document/?q=TEST2345").content.decode()
    assert "Lease" in page
    assert "Add document" not in page
    address = f"/admin/documents/document/{document.pk}/change/"
    assert office.get(address).status_code == 200
    office.post(address, {"title": "Lease of 2026", "document_type": "signed", "description": "", "file_name": "x.exe"})
    document.refresh_from_db()
    assert (document.title, document.document_type, document.file_name) == ("Lease of 2026", "signed", "paper.pdf")
    assert office.get("/admin/documents/document/add/").status_code == 403


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("several", [False, True])
def test_deleted_documents_take_their_files_along(office: Client, *, several: bool) -> None:
    doomed, kept = DocumentFactory(), DocumentFactory()
    if several:
        sent: dict[str, Any] = {"action": "delete_selected", "_selected_action": [doomed.pk], "post": "yes"}
        office.post("/admin/documents/document/", sent)
    else:
        office.post(f"/admin/documents/document/{doomed.pk}/delete/", {"post": "yes"})
    assert list(Document.objects.all()) == [kept]
    assert disk.files() == [kept.file.name]


def test_a_failed_job_is_seen_and_asked_for_again(coldframe: Bench, office: Client) -> None:
    failed = request_document(ApplicationFactory(), "application_form", None)
    DocumentJob.objects.filter(pk=failed.pk).update(error="No space left on device", finished_at=now())
    assert "No space left on device" in office.get("/admin/documents/documentjob/").content.decode()
    assert office.get(f"/admin/documents/documentjob/{failed.pk}/delete/").status_code == 403
    sent = {"action": "ask_again", "_selected_action": [str(failed.pk)]}
    page = office.post("/admin/documents/documentjob/", sent, follow=True).content.decode()
    assert "Documents asked for again: 1." in page
    coldframe.drain()
    again = DocumentJob.objects.exclude(pk=failed.pk).get()
    assert (again.application, again.document) == (failed.application, Document.objects.get())
    assert again.requested_by == User.objects.get(pk=office.session["_auth_user_id"])
