"""People, what they are told, and how they want to be told."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models

from users import push


class Role(models.TextChoices):
    """What a person does here."""

    ADMIN = "admin", "Administrator"
    BD = "bd", "Business development"
    BROKER = "broker", "Broker"
    CLIENT = "client", "Client"
    ACCOUNTS = "accounts", "Accounts"


class PeopleManager(UserManager["User"]):
    """People are known by their e-mail address; a user name is only a name."""

    def create_user(self, email: str = "", password: str | None = None, **fields: Any) -> User:
        """A person who may log in."""
        return self._save(email, password, {"is_staff": False, "is_superuser": False, **fields})

    def create_superuser(self, email: str = "", password: str | None = None, **fields: Any) -> User:
        """A person who may do everything."""
        fields = {"role": Role.ADMIN, **fields, "is_staff": True, "is_superuser": True}
        return self._save(email, password, fields)

    def _save(self, email: str, password: str | None, fields: dict[str, Any]) -> User:
        if not email:
            raise ValueError("a user needs an e-mail address: it is the login")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractUser):
    """A person who logs in, with an e-mail address."""

    username = models.CharField(max_length=150, blank=True)
    email = models.EmailField(unique=True)
    role = models.CharField(max_length=10, choices=Role, default=Role.CLIENT)
    phone = models.CharField(max_length=40, blank=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: list[str] = []

    objects = PeopleManager()

    class Meta:
        ordering = ["email"]

    def __str__(self) -> str:
        return self.get_full_name() or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save it; the address in small letters, as the login compares it. Who is not active loses their sockets."""
        self.email = self.email.lower()
        super().save(*args, **kwargs)
        if not self.is_active:
            push.access_ended(self.pk)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete it, and close its sockets."""
        pk = self.pk
        deleted = super().delete(*args, **kwargs)
        push.access_ended(pk)
        return deleted

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Administrators may use all of Django's admin."""
        return (self.is_active and self.is_admin) or super().has_perm(perm, obj)

    def has_module_perms(self, app_label: str) -> bool:
        """Administrators see every app in Django's admin."""
        return (self.is_active and self.is_admin) or super().has_module_perms(app_label)

    @property
    def is_admin(self) -> bool:
        """May this person see and do everything?"""
        return self.is_superuser or self.role == Role.ADMIN


class NotificationType(models.TextChoices):
    """What a notification is about."""

    APPLICATION_STATUS = "application_status", "Application status"
    REPAYMENT_UPCOMING = "repayment_upcoming", "Repayment upcoming"
    REPAYMENT_OVERDUE = "repayment_overdue", "Repayment overdue"
    NOTE_REMINDER = "note_reminder", "Note reminder"
    DOCUMENT_UPLOADED = "document_uploaded", "Document uploaded"
    SIGNATURE_REQUIRED = "signature_required", "Signature required"
    SYSTEM = "system", "System"


class Notification(models.Model):
    """Something that a person is told in the application. The same thing is told once: `dedupe_key`."""

    user = models.ForeignKey(User, models.CASCADE, related_name="notifications")
    title = models.CharField(max_length=255)
    message = models.TextField()
    notification_type = models.CharField(max_length=20, choices=NotificationType, default=NotificationType.SYSTEM)
    related_object_id = models.PositiveBigIntegerField(null=True, blank=True)
    related_object_type = models.CharField(max_length=40, blank=True)
    is_read = models.BooleanField(default=False)
    dedupe_key = models.CharField(max_length=150, unique=True, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["user", "is_read", "created_at"])]

    def __str__(self) -> str:
        return f"{self.title} (to {self.user_id})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save it, and show after the commit what is new: itself, or the count."""
        is_new = self._state.adding
        super().save(*args, **kwargs)
        if is_new:
            push.created(self)
        else:
            push.count_changed(self.user_id)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete it, and show the count after the commit."""
        deleted = super().delete(*args, **kwargs)
        push.count_changed(self.user_id)
        return deleted


class NotificationPreference(models.Model):
    """How one person wants to be told what. Each channel is a choice of its own."""

    user = models.OneToOneField(User, models.CASCADE, related_name="notification_preference")
    application_status_in_app = models.BooleanField(default=True)
    application_status_email = models.BooleanField(default=True)
    repayment_upcoming_in_app = models.BooleanField(default=True)
    repayment_upcoming_email = models.BooleanField(default=True)
    repayment_overdue_in_app = models.BooleanField(default=True)
    repayment_overdue_email = models.BooleanField(default=True)
    note_reminder_in_app = models.BooleanField(default=True)
    note_reminder_email = models.BooleanField(default=True)
    document_uploaded_in_app = models.BooleanField(default=True)
    document_uploaded_email = models.BooleanField(default=False)
    signature_required_in_app = models.BooleanField(default=True)
    signature_required_email = models.BooleanField(default=True)
    system_in_app = models.BooleanField(default=True)
    system_email = models.BooleanField(default=False)
    daily_digest = models.BooleanField(default=False)
    weekly_digest = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"preferences of {self.user_id}"

    def wants(self, notification_type: str, channel: str) -> bool:
        """Does this person want to be told about this (`in_app`, `email`)?"""
        return bool(getattr(self, f"{notification_type}_{channel}"))
