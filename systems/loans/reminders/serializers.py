"""Reminders, as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from applications.models import Application
from applications.selectors import visible_applications
from borrowers.models import Borrower
from borrowers.selectors import visible_borrowers
from core.fields import Moment, Reference
from reminders import services
from reminders.models import Reminder


class ReminderSerializer(serializers.ModelSerializer[Reminder]):
    """An e-mail that is to go out later."""

    serializer_related_field = Reference
    send_datetime = Moment()
    recipient_email = serializers.EmailField(
        required=False, allow_blank=True, max_length=254, help_text="for another address; else it is looked up"
    )
    related_application = Reference(queryset=Application.objects.none(), required=False, allow_null=True)
    related_borrower = Reference(queryset=Borrower.objects.none(), required=False, allow_null=True)
    status = serializers.ChoiceField(choices=["waiting", "failing", "sent", "given_up"], read_only=True)

    class Meta:
        model = Reminder
        fields = [
            "id",
            "recipient_type",
            "recipient_email",
            "send_datetime",
            "subject",
            "email_body",
            "send_as_user",
            "reply_to_user",
            "related_application",
            "related_borrower",
            "status",
            "sent_at",
            "attempts",
            "error_message",
            "created_by",
            "created_at",
        ]
        read_only_fields = ["sent_at", "attempts", "error_message", "created_by", "created_at"]

    def get_fields(self) -> dict[str, serializers.Field]:
        """Only what the person may see can be named."""
        fields = super().get_fields()
        if "request" in self.context:
            user = self.context["request"].user
            fields["related_application"].queryset = visible_applications(user)
            fields["related_borrower"].queryset = visible_borrowers(user)
        return fields

    def create(self, values: dict[str, Any]) -> Reminder:
        """Write one."""
        return services.create_reminder(self.context["request"].user, **values)

    def update(self, reminder: Reminder, values: dict[str, Any]) -> Reminder:
        """Change one."""
        return services.change_reminder(reminder, self.context["request"].user, **values)


class StatusQuery(serializers.Serializer):
    """Which reminders are asked for."""

    status = serializers.ChoiceField(choices=["open", "sent", "given_up"], required=False)
