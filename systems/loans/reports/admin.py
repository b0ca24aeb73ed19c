"""Stored reports in the administration: to be read, not to be changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from reports.contents import as_text
from reports.models import Report


@admin.register(Report)
class ReportAdmin(admin.ModelAdmin):
    """What was so in a period stays as it was."""

    list_display = ["__str__", "kind", "period_start", "period_end", "created_at"]
    list_filter = ["kind"]
    date_hierarchy = "period_start"
    fields = ["kind", "period_start", "period_end", "created_at", "text"]

    @admin.display(description="report")
    def text(self, report: Report) -> str:
        """The figures as they were mailed."""
        return as_text(report)

    def has_add_permission(self, request: HttpRequest, *_args: Any) -> bool:
        """They are made by the tasks."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Report | None = None) -> bool:
        """They stay as they were."""
        return False
