"""The directory in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from brokers.models import BDM, Branch, Broker


class Directory(admin.ModelAdmin):
    """What the three have in common."""

    search_fields = ("name", "email", "phone")
    exclude = ("created_by",)
    list_per_page = 50

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001 Django's own
        """Remember who entered it."""
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)


@admin.register(Branch)
class BranchAdmin(Directory):
    """Offices."""

    list_display = ("name", "email", "phone")


@admin.register(BDM)
class BDMAdmin(Directory):
    """Business development managers."""

    list_display = ("name", "email", "phone", "branch", "user")
    list_filter = ("branch",)
    list_select_related = ("branch", "user")
    autocomplete_fields = ("user", "branch")


@admin.register(Broker)
class BrokerAdmin(Directory):
    """Brokers."""

    list_display = ("name", "company", "email", "phone", "branch", "user")
    list_filter = ("branch",)
    list_select_related = ("branch", "user")
    search_fields = (*Directory.search_fields, "company")
    autocomplete_fields = ("user", "branch", "bdms")
