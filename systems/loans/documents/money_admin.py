"""Fees, repayments and the ledger in the office's admin: made, paid and cancelled by the same services as elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin import Record
from core.clock import today
from core.errors import BusinessError, NotPossible
from documents.models import Fee, Ledger, Repayment
from documents.money import as_amount, as_due_day
from documents.services import (
    add_fee,
    add_repayment,
    cancel_fee,
    cancel_repayment,
    mark_fee_paid,
    record_payment,
)


class MoneyForm(forms.ModelForm):
    """Says beside the field what the services would refuse."""

    def clean_amount(self) -> Any:
        """A sum that can be due."""
        return _checked(as_amount, self.cleaned_data["amount"])

    def clean_due_date(self) -> Any:
        """A day on which something can be due."""
        day = self.cleaned_data["due_date"]
        return day and _checked(as_due_day, day)


class Paid(admin.SimpleListFilter):
    """What is paid, unpaid or overdue."""

    title = "payment"
    parameter_name = "payment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The three choices."""
        return [("paid", "paid"), ("unpaid", "unpaid"), ("overdue", "overdue")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the choice."""
        chosen = {
            "paid": {"paid_date__isnull": False},
            "unpaid": {"paid_date__isnull": True},
            "overdue": {"paid_date__isnull": True, "due_date__lt": today()},
        }
        return queryset.filter(**chosen.get(self.value() or "", {}))


class Due(admin.ModelAdmin):
    """What fees and repayments have in common. Sum and day are fixed with the entry in the ledger."""

    asked: tuple[str, ...]
    known: tuple[str, ...]
    make: Callable[[HttpRequest, dict[str, Any]], Any]

    form = MoneyForm
    list_filter = (Paid,)
    list_select_related = ("application",)
    search_fields = ("application__reference_number",)
    autocomplete_fields = ("application",)
    date_hierarchy = "due_date"
    actions = ("mark_paid_today", "cancel")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What is asked for when it is made; afterwards, all that is known."""
        return (*self.asked, "invoice", *self.known) if obj else self.asked

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Only the invoice can be added later."""
        return tuple(name for name in self.get_fields(request, obj) if name != "invoice") if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm, change: bool) -> None:  # noqa: FBT001
        """Through the service; of a row that is there, only what was changed here is written."""
        if change:
            obj.save(update_fields=[*form.changed_data, "updated_at"])
        else:
            obj.pk = self.make(request, form.cleaned_data).pk

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """It is cancelled instead, which the ledger tells."""
        return False

    def each(self, request: HttpRequest, rows: QuerySet[Any], done: str, act: Callable[[Any], object]) -> None:
        """Do it with each row; what cannot be done is told, and does not stop the others."""
        count = 0
        for row in rows:
            try:
                act(row)
                count += 1
            except BusinessError as error:
                self.message_user(request, f"{row}: {error.message}", level="WARNING")
        if count:
            self.message_user(request, f"{count} {done}.")


@admin.register(Fee)
class FeeAdmin(Due):
    """Sums that are due once."""

    list_display = ("application", "fee_type", "amount", "due_date", "paid_date")
    list_filter = (Paid, "fee_type")
    asked = ("application", "fee_type", "amount", "due_date", "description")
    known = ("paid_date", "payment_key", "created_by", "created_at", "updated_at")

    def make(self, request: HttpRequest, data: dict[str, Any]) -> Fee:
        """The new fee."""
        return add_fee(**data, by=request.user)

    @admin.action(description="Mark as paid today", permissions=["change"])
    def mark_paid_today(self, request: HttpRequest, queryset: QuerySet[Fee]) -> None:
        """What is paid already stays as it is."""
        self.each(request, queryset, "marked as paid today", lambda row: mark_fee_paid(row, today(), by=request.user))

    @admin.action(description="Cancel what is unpaid", permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Fee]) -> None:
        """What is paid stays."""
        self.each(request, queryset, "cancelled", lambda row: cancel_fee(row, request.user))


@admin.register(Repayment)
class RepaymentAdmin(Due):
    """Instalments."""

    list_display = ("application", "amount", "due_date", "status", "paid_date", "paid_amount")
    asked = ("application", "amount", "due_date")
    known = (
        "status",
        "paid_date",
        "paid_amount",
        "payment_key",
        "reminder_sent_at",
        "overdue_3_day_sent_at",
        "overdue_7_day_sent_at",
        "overdue_10_day_sent_at",
        "created_by",
        "created_at",
        "updated_at",
    )

    def make(self, request: HttpRequest, data: dict[str, Any]) -> Repayment:
        """The new instalment."""
        return add_repayment(**data, by=request.user)

    @admin.action(description="Mark as paid in full today", permissions=["change"])
    def mark_paid_today(self, request: HttpRequest, queryset: QuerySet[Repayment]) -> None:
        """What is paid already stays as it is."""
        self.each(request, queryset, "marked as paid today", lambda row: record_payment(row, today(), by=request.user))

    @admin.action(description="Cancel what is unpaid", permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Repayment]) -> None:
        """What is paid stays."""
        self.each(request, queryset, "cancelled", lambda row: cancel_repayment(row, request.user))


@admin.register(Ledger)
class LedgerAdmin(Record):
    """What happened to the money: read, never written by hand."""

    list_display = ("transaction_date", "application", "transaction_type", "amount", "description", "created_by")
    list_filter = ("transaction_type",)
    list_select_related = ("application", "created_by")
    search_fields = ("application__reference_number", "description")
    date_hierarchy = "transaction_date"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What happened stays."""
        return False


def _checked(check: Callable[[Any], Any], value: Any) -> Any:
    try:
        return check(value)
    except NotPossible as error:
        raise forms.ValidationError(error.message) from None
