"""Reminders in the administration."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from core.errors import BusinessError
from reminders import services
from reminders.models import Reminder


class ReminderForm(forms.ModelForm):
    """The rules of the API hold here, too."""

    writer: Any = None
    recipient_email = forms.EmailField(required=False, help_text="for another address; else it is looked up")

    def clean(self) -> dict[str, Any]:
        """Look up who gets it, and complain if nobody can be reached."""
        values = super().clean() or self.cleaned_data
        if self.errors:
            return values
        changed = {name: values[name] for name in self.changed_data}
        before = {name: values.get(name) for name in services.RECIPIENT}
        try:
            checked = services.checked(self.writer, changed if self.instance.pk else values, before)
        except BusinessError as error:
            raise forms.ValidationError(error.message) from error
        self.instance.recipient_user = checked.get("recipient_user", self.instance.recipient_user)
        return {**values, **checked}


@admin.register(Reminder)
class ReminderAdmin(admin.ModelAdmin):
    """What was sent stays as it was; what was given up can be tried again."""

    form = ReminderForm
    list_display = ["send_datetime", "subject", "recipient_email", "status", "attempts", "sent_at", "created_by"]
    list_filter = ["is_sent", "given_up", "recipient_type"]
    list_select_related = ["created_by"]
    search_fields = ["subject", "recipient_email", "created_by__email"]
    date_hierarchy = "send_datetime"
    autocomplete_fields = ["send_as_user", "reply_to_user"]
    raw_id_fields = ["related_application", "related_borrower"]
    readonly_fields = ["status", "sent_at", "tried_at", "attempts", "error_message", "created_by", "created_at"]
    exclude = ["recipient_user", "is_sent", "given_up"]
    actions = ["try_again"]

    def get_form(self, request: HttpRequest, obj: Reminder | None = None, **options: Any) -> Any:
        """A form that knows who writes."""
        return type("FormOfWriter", (super().get_form(request, obj, **options),), {"writer": request.user})

    def has_change_permission(self, request: HttpRequest, obj: Reminder | None = None) -> bool:
        """As long as it was neither sent nor given up."""
        return super().has_change_permission(request, obj) and not (obj and (obj.is_sent or obj.given_up))

    def save_model(self, request: HttpRequest, obj: Reminder, form: ReminderForm, change: Any) -> None:
        """Remember who wrote it; change it only if it did not go out meanwhile."""
        if not change:
            obj.created_by = request.user
            obj.save()
            return
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        try:
            services.change_reminder(obj, request.user, **changes)
        except BusinessError as error:
            self.message_user(request, error.message, messages.ERROR)

    @admin.action(description="Try again what was given up or is in doubt", permissions=["change"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Reminder]) -> None:
        """The next run sends them."""
        count = services.try_again(queryset)
        self.message_user(request, f"{count} reminders will be tried at the next full hour.", messages.SUCCESS)
