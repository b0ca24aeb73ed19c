"""The bank's files in the office's admin: upload one, see what could not be booked, run a failed one again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin import Record
from core.enqueue import after_commit
from core.errors import Conflict
from documents.models import BadLine, BankTransaction, RepaymentImport
from documents.services import reopen_bank_import, start_bank_import
from documents.tasks import import_repayments


@admin.register(RepaymentImport)
class RepaymentImportAdmin(Record):
    """Files of payments."""

    list_display = ("created_at", "file_name", "status", "lines_read", "booked", "known_before", "bad_lines", "error")
    list_filter = ("status",)
    search_fields = ("file_name",)
    actions = ("run_again",)

    def get_fields(self, request: HttpRequest, obj: RepaymentImport | None = None) -> tuple[str, ...]:
        """To upload one, only the file is asked for."""
        return (*self.list_display, "created_by", "finished_at") if obj else ("file",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who may upload a file."""
        return request.user.has_perm("documents.add_repaymentimport")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was booked refers to it."""
        return False

    def has_run_permission(self, request: HttpRequest) -> bool:
        """Who may run one again."""
        return self.has_add_permission(request)

    def save_model(
        self,
        request: HttpRequest,
        obj: RepaymentImport,
        form: forms.ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        """Keep the file, and book it in the background."""
        obj.pk = start_bank_import(form.cleaned_data["file"], request.user).pk
        after_commit(import_repayments, obj.pk)

    @admin.action(description="Run again what failed, from where it stopped", permissions=["run"])
    def run_again(self, request: HttpRequest, queryset: QuerySet[RepaymentImport]) -> None:
        """What did not fail stays as it is."""
        for source in queryset:
            try:
                after_commit(import_repayments, reopen_bank_import(source).pk)
                self.message_user(request, f"{source.file_name} is run again.")
            except Conflict as error:
                self.message_user(request, f"{source.file_name}: {error.message}", level="WARNING")


@admin.register(BadLine)
class BadLineAdmin(Record):
    """Lines that could not be booked."""

    list_display = ("source", "line", "reason", "text")
    list_filter = (("source", admin.RelatedOnlyFieldListFilter),)
    list_select_related = ("source",)


@admin.register(BankTransaction)
class BankTransactionAdmin(Record):
    """Payments that a bank reported, and what they were booked for."""

    list_display = ("reference", "paid_on", "amount", "repayment", "source", "line")
    list_select_related = ("repayment", "source")
    search_fields = ("reference",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Without it, the payment could be booked again."""
        return False
