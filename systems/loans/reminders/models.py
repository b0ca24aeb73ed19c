"""Reminders that people write themselves, to be mailed at a moment of their choice."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Reminder(models.Model):
    """An e-mail that is to go out later. After some attempts it is given up, with the reason."""

    class RecipientType(models.TextChoices):
        """Who gets it."""

        CLIENT = "client", "Client"
        BD = "bd", "Business development"
        BROKER = "broker", "Broker"
        CUSTOM = "custom", "Another address"

    recipient_type = models.CharField(max_length=10, choices=RecipientType, default=RecipientType.CUSTOM)
    recipient_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    recipient_email = models.EmailField()
    send_datetime = models.DateTimeField()
    subject = models.CharField(max_length=255)
    email_body = models.TextField()
    send_as_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    reply_to_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    is_sent = models.BooleanField(default=False)
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="without those at which the mail server was down")
    tried_at = models.DateTimeField(null=True, blank=True)
    given_up = models.BooleanField(default=False)
    error_message = models.TextField(blank=True)
    related_application = models.ForeignKey(
        "applications.Application", models.CASCADE, null=True, blank=True, related_name="reminders"
    )
    related_borrower = models.ForeignKey(
        "borrowers.Borrower", models.CASCADE, null=True, blank=True, related_name="reminders"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["send_datetime", "pk"]
        indexes = [models.Index(fields=["is_sent", "given_up", "send_datetime"])]

    def __str__(self) -> str:
        return f"{self.subject} to {self.recipient_email}"

    @property
    def status(self) -> str:
        """`sent`, `given_up`, `failing` (and tried again) or `waiting`."""
        if self.is_sent:
            return "sent"
        if self.given_up:
            return "given_up"
        return "failing" if self.tried_at else "waiting"
