"""What was sent to whom: the one place that keeps a message from being sent twice."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class DeliveryLedger(models.Model):
    """One message to one recipient. It is claimed before it is sent, so that it is never sent twice.

    A claim that is never confirmed is a message in doubt: its worker died while it was sent. It is not sent again by
    itself; the office sees it in the admin, and decides.
    """

    class Status(models.TextChoices):
        """Where the message stands."""

        PENDING = "pending"
        CLAIMED = "claimed"
        SENT = "sent"
        FAILED = "failed"

    task = models.CharField(max_length=80)
    object = models.CharField(max_length=80, help_text="such as repayment:17")
    kind = models.CharField(max_length=40, help_text="such as overdue_3")
    recipient = models.CharField(max_length=254)
    period = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "delivery"
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["task", "object", "kind", "recipient", "period"], name="a_message_is_delivered_once"
            ),
        ]
        indexes = [models.Index(fields=["status", "claimed_at"])]

    def __str__(self) -> str:
        return f"{self.kind} of {self.object} to {self.recipient}: {self.status}"


class EmailLog(models.Model):
    """A single e-mail that somebody asked for, from queued to sent."""

    class Status(models.TextChoices):
        """Where the e-mail stands."""

        QUEUED = "queued"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"

    message_key = models.CharField(max_length=100, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    notification = models.ForeignKey("users.Notification", models.SET_NULL, null=True, blank=True, related_name="+")
    email_type = models.CharField(max_length=40, default="general")
    subject = models.CharField(max_length=255)
    body = models.TextField()
    recipients = models.JSONField(default=list)
    status = models.CharField(max_length=8, choices=Status, default=Status.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.subject} ({self.status})"
