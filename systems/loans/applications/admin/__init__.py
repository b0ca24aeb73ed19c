"""Applications and loans in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import BaseModelFormSet, ModelForm
from django.http import HttpRequest
from django.utils.formats import localize
from django.utils.timezone import localtime

from applications.admin.inlines import DocumentInline, FeeInline, NoteInline, RepaymentInline, StageChangeInline
from applications.admin.moves import StageMoves
from applications.editing import deletable, delete_application
from applications.models import ActiveLoan, Application
from applications.selectors import visible_applications
from applications.terms import TERMS
from core.admin import Record
from core.errors import BusinessError

MANY = ("borrowers", "guarantors")
PEOPLE = ("broker", "branch", "bd", *MANY)


@admin.register(Application)
class ApplicationAdmin(StageMoves):
    """Applications. The stage moves by the buttons; a field that nobody touched is not written."""

    list_display = ("reference_number", "stage", "in_stage_since", "loan_amount", "broker", "bd", "created_at")
    list_filter = ("stage", "application_type", "repayment_frequency", "branch", "bd")
    list_select_related = ("broker", "bd")
    list_per_page = 50
    search_fields = (
        "reference_number",
        "purpose",
        "broker__name",
        "borrowers__first_name",
        "borrowers__last_name",
        "borrowers__company_name",
    )
    date_hierarchy = "created_at"
    autocomplete_fields = PEOPLE
    readonly_fields = (
        "reference_number",
        "stage",
        "in_stage_since",
        "signed_by",
        "signature_date",
        "created_by",
        "created_at",
        "updated_at",
    )
    fieldsets = (
        (None, {"fields": ("reference_number", "stage", "in_stage_since", "application_type", "purpose")}),
        ("Terms", {"fields": TERMS}),
        ("People", {"fields": PEOPLE}),
        ("Signature", {"fields": ("signed_by", "signature_date")}),
        ("History", {"fields": ("created_by", "created_at", "updated_at")}),
    )
    inlines = (NoteInline, DocumentInline, FeeInline, RepaymentInline, StageChangeInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Application]:
        """Each person works with their own applications, here too."""
        return visible_applications(request.user)

    def get_readonly_fields(self, request: HttpRequest, obj: Application | None = None) -> tuple[str, ...]:
        """The terms and the people of a closed application stay."""
        fixed = (*TERMS, *MANY) if obj is not None and obj.is_closed else ()
        return (*self.readonly_fields, *fixed)

    def get_inlines(self, request: HttpRequest, obj: Application | None) -> tuple[type[Any], ...]:
        """A new application has nothing yet."""
        return self.inlines if obj is not None else ()

    def has_delete_permission(self, request: HttpRequest, obj: Application | None = None) -> bool:
        """Not if money has moved."""
        return super().has_delete_permission(request, obj) and (obj is None or deletable().filter(pk=obj.pk).exists())

    def delete_model(self, request: HttpRequest, obj: Application) -> None:
        """With its files; something may have been paid since the page was opened."""
        try:
            delete_application(obj)
        except BusinessError as error:
            self.message_user(request, error.message, messages.ERROR)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Application]) -> None:
        """Each by itself."""
        for application in queryset:
            self.delete_model(request, application)

    def save_model(
        self,
        request: HttpRequest,
        obj: Application,
        form: ModelForm[Application],
        change: bool,  # noqa: FBT001 Django's
    ) -> None:
        """Write the columns that were changed; the stage may have moved since the page was opened."""
        if not change:
            obj.created_by = request.user
            obj.save()
            return
        obj.save(update_fields=[*{*form.changed_data}.difference(MANY), "updated_at"])

    def save_formset(
        self,
        request: HttpRequest,
        form: ModelForm[Application],
        formset: BaseModelFormSet[Any],
        change: bool,  # noqa: FBT001 Django's
    ) -> None:
        """A new note knows who wrote it."""
        for row in formset.save(commit=False):
            row.created_by = request.user
            row.save()
        formset.save_m2m()

    @admin.display(description="in stage since", ordering="stage_last_updated")
    def in_stage_since(self, application: Application) -> str:
        """When it came to its stage, in local time; a new one will tell."""
        return localize(localtime(application.in_stage_since)) if application.pk else "-"


@admin.register(ActiveLoan)
class ActiveLoanAdmin(Record):
    """Loans that run."""

    list_display = ("application", "settlement_date", "loan_expiry_date", "is_active", "closed_at")
    list_filter = ("is_active",)
    list_select_related = ("application",)
    search_fields = ("application__reference_number",)
    date_hierarchy = "loan_expiry_date"
