"""Borrowers and guarantors in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from borrowers.models import Borrower, Guarantor
from borrowers.selectors import visible_borrowers, visible_guarantors


class Person(admin.ModelAdmin):
    """What the two have in common."""

    exclude = ("created_by",)
    list_per_page = 50

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001 Django's own
        """Remember who entered it."""
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)


class Surety(admin.TabularInline):
    """Who stands surety for a borrower."""

    model = Guarantor
    extra = 0
    exclude = ("created_by",)


@admin.register(Borrower)
class BorrowerAdmin(Person):
    """Who borrows."""

    list_display = ("name", "email", "phone", "user", "created_at")
    list_select_related = ("user",)
    search_fields = ("first_name", "last_name", "company_name", "email", "phone")
    autocomplete_fields = ("user",)
    date_hierarchy = "created_at"
    inlines = (Surety,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Borrower]:
        """Each person works with those of their own applications, here too."""
        return visible_borrowers(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Borrower | None = None) -> bool:
        """A borrower whom an application needs stays."""
        return super().has_delete_permission(request, obj) and not (obj and obj.applications.exists())


@admin.register(Guarantor)
class GuarantorAdmin(Person):
    """Who stands surety."""

    list_display = ("name", "email", "phone", "borrower")
    list_select_related = ("borrower",)
    search_fields = ("name", "email", "phone")
    autocomplete_fields = ("borrower",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Guarantor]:
        """Each person works with those of their own applications, here too."""
        return visible_guarantors(request.user)
