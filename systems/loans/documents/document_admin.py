"""Papers and the jobs that generate them, in the office's admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin import Record
from core.enqueue import after_commit
from documents import files
from documents.generation import request_document
from documents.models import Document, DocumentJob
from documents.tasks import generate_document_async


@admin.register(Document)
class DocumentAdmin(admin.ModelAdmin):
    """What is on file. Content comes in through the pages and the API, which check it; here it can be described."""

    list_display = ("title", "version", "document_type", "application", "file_name", "file_size", "created_at")
    list_filter = ("document_type",)
    list_select_related = ("application",)
    search_fields = ("title", "file_name", "application__reference_number")
    date_hierarchy = "created_at"
    fields = (
        ("title", "document_type"),
        "description",
        ("file_name", "file_type", "file_size"),
        ("version", "previous_version"),
        ("application", "borrower"),
        ("created_by", "created_at"),
    )
    readonly_fields = (
        "file_name",
        "file_type",
        "file_size",
        "version",
        "previous_version",
        "application",
        "borrower",
        "created_by",
        "created_at",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Uploads are checked elsewhere."""
        return False

    def delete_model(self, request: HttpRequest, obj: Document) -> None:
        """With its file."""
        files.remove(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        """With their files."""
        for document in queryset:
            files.remove(document)


@admin.register(DocumentJob)
class DocumentJobAdmin(Record):
    """Who asked for which document, and what came of it."""

    list_display = ("created_at", "document_type", "application", "requested_by", "finished_at", "document", "error")
    list_filter = ("document_type", ("error", admin.EmptyFieldListFilter))
    list_select_related = ("application", "requested_by", "document")
    search_fields = ("application__reference_number", "=id")
    date_hierarchy = "created_at"
    actions = ("ask_again",)

    @admin.action(description="Ask for these documents again", permissions=["view"])
    def ask_again(self, request: HttpRequest, queryset: QuerySet[DocumentJob]) -> None:
        """As new requests, in one's own name."""
        for old in queryset:
            job = request_document(old.application, old.document_type, request.user)
            after_commit(
                generate_document_async, old.application_id, job.document_type, request.user.pk, task_id=str(job.pk)
            )
        self.message_user(request, f"Documents asked for again: {queryset.count()}.")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A job that is gone cannot be followed."""
        return False
