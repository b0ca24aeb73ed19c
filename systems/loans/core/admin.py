"""What was sent, what failed, and what is in doubt; the office decides what is sent again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core import deliveries
from core.models import DeliveryLedger, EmailLog

Status = DeliveryLedger.Status


class InDoubt(admin.SimpleListFilter):
    """Deliveries that somebody has to decide about."""

    title = "to be decided"
    parameter_name = "decide"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The two reasons why a message does not go out by itself."""
        return [("doubt", "in doubt"), ("given_up", "given up")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[DeliveryLedger]) -> QuerySet[DeliveryLedger]:
        """The rows of the chosen reason."""
        chosen = {"doubt": deliveries.in_doubt(), "given_up": deliveries.given_up()}.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(pk__in=chosen.values("pk"))


class Record(admin.ModelAdmin):
    """A record of what happened: to be read, not to be written."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only the system writes them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody rewrites what happened."""
        return False


@admin.register(DeliveryLedger)
class DeliveryAdmin(Record):
    """Each message to each recipient."""

    list_display = ("kind", "object", "recipient", "period", "status", "attempts", "claimed_at", "sent_at")
    list_filter = (InDoubt, "status", "kind", "task")
    search_fields = ("recipient", "object")
    actions = ("send_again",)
    date_hierarchy = "created_at"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Without its row, a message could be sent twice; the clean-up removes old ones."""
        return False

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Who may decide that a message goes out again."""
        return request.user.has_perm("core.change_deliveryledger")

    @admin.action(description="Send again what is in doubt or was given up", permissions=["send"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[DeliveryLedger]) -> None:
        """The next run of the task sends them, if they are still due."""
        chosen = queryset.count()
        left = chosen - (again := deliveries.send_again(queryset))
        self.message_user(request, f"{again} will be sent by the next run of their task, if they are still due.")
        if left:
            self.message_user(
                request, f"{left} stay as they are: they are sent, or will be tried again anyway.", level="WARNING"
            )


@admin.register(EmailLog)
class EmailLogAdmin(Record):
    """Each e-mail that somebody asked for."""

    list_display = ("created_at", "email_type", "subject", "status", "attempts", "sent_at")
    list_filter = ("status", "email_type")
    search_fields = ("subject", "recipients")
    date_hierarchy = "created_at"
