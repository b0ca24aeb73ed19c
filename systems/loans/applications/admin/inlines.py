"""What belongs to an application, on its page in the admin. Money is only shown: the services book it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from applications.models import StageChange
from documents.models import Document, Fee, Note, Repayment


class Shown(admin.TabularInline):
    """Rows to be read."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Made elsewhere."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Changed elsewhere."""
        return False


class NoteInline(Shown):
    """Notes; new ones can be written here."""

    model = Note
    fields = ("title", "content", "remind_date", "is_internal", "created_by", "created_at")
    readonly_fields = ("created_by", "created_at")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may write notes."""
        return request.user.has_perm("documents.add_note")


class FeeInline(Shown):
    """Fees."""

    model = Fee
    fields = ("fee_type", "amount", "due_date", "paid_date")


class RepaymentInline(Shown):
    """Instalments."""

    model = Repayment
    fields = ("due_date", "amount", "paid_date", "paid_amount", "status")
    readonly_fields = ("status",)


class DocumentInline(Shown):
    """Papers."""

    model = Document
    fields = ("title", "document_type", "version", "file_name", "created_at")
    readonly_fields = ("created_at",)


class StageChangeInline(Shown):
    """How it came to its stage."""

    model = StageChange
    fields = ("changed_at", "from_stage", "to_stage", "changed_by", "notified_at")
    show_change_link = False
