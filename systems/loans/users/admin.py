"""People and notifications, for the office."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from core.errors import BusinessError
from users import notices, services
from users.models import Notification, NotificationPreference, NotificationType, Role, User

admin.site.unregister(Group)  # roles say who may do what


class PreferenceInline(admin.StackedInline):
    """How the person wants to be told what."""

    model = NotificationPreference
    can_delete = False
    fieldsets = (
        ("In the application", {"fields": [f"{kind}_in_app" for kind in NotificationType.values]}),
        ("By e-mail", {"fields": [f"{kind}_email" for kind in NotificationType.values]}),
        ("Digests", {"fields": ["daily_digest", "weekly_digest"]}),
    )


class NewPersonForm(AdminUserCreationForm):
    """A new login."""

    class Meta:
        model = User
        fields = ("email",)

    def clean_email(self) -> str:
        """The address in small letters; there is one login for each."""
        email = self.cleaned_data["email"].lower()
        if User.objects.filter(email=email).exists():
            self.add_error("email", f"There is a login with the address {email} already.")
        return email


@admin.register(User)
class PersonAdmin(UserAdmin):
    """Logins. They are deactivated and never deleted: what people did keeps their name."""

    list_display = ("email", "first_name", "last_name", "role", "phone", "is_active", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("email", "first_name", "last_name", "phone")
    ordering = ("email",)
    filter_horizontal = ()
    inlines = (PreferenceInline,)
    actions = ("deactivate", "activate")
    add_form = NewPersonForm
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "phone")}),
        ("Rights", {"fields": ("role", "is_active", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "usable_password", "password1", "password2")}),
        ("Person", {"fields": ("first_name", "last_name", "phone", "role")}),
    )

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        """There are preferences as soon as there is a person."""
        return self.inlines if obj else ()

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Nobody changes their own rights, and only superusers make superusers."""
        fixed = ("last_login", "date_joined")
        if obj is not None and obj.pk == request.user.pk:
            return (*fixed, "role", "is_active", "is_superuser")
        return fixed if request.user.is_superuser else (*fixed, "is_superuser")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A superuser is changed by superusers only."""
        above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not above and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody is deleted."""
        return False

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001
        """Save it; the role says who comes in here."""
        obj.is_staff = obj.is_superuser or obj.role == Role.ADMIN
        super().save_model(request, obj, form, change)

    @admin.action(description="Deactivate: no login, and open sockets close", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Let them no longer in."""
        self._each(request, queryset.filter(is_active=True), services.deactivate, "deactivated")

    @admin.action(description="Activate", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Let them in again."""
        self._each(request, queryset.filter(is_active=False), services.activate, "activated")

    def _each(self, request: HttpRequest, people: QuerySet[User], do: Any, what: str) -> None:
        done = 0
        for user in people:
            try:
                do(user, request.user)
            except BusinessError as error:
                self.message_user(request, error.message, level="ERROR")
            else:
                self.log_change(request, user, what)
                done += 1
        self.message_user(request, f"{done} people {what}.")


@admin.register(Notification)
class NotificationAdmin(admin.ModelAdmin):
    """What people were told. One that is added here appears at once in the browser of its person."""

    list_display = ("created_at", "user", "notification_type", "title", "is_read")
    list_filter = ("notification_type", "is_read")
    list_select_related = ("user",)
    search_fields = ("title", "message", "user__email")
    autocomplete_fields = ("user",)
    date_hierarchy = "created_at"
    actions = ("mark_read",)
    fields = ("user", "notification_type", "title", "message", "is_read")

    def get_readonly_fields(self, request: HttpRequest, obj: Notification | None = None) -> tuple[str, ...]:
        """What was told is not rewritten."""
        return self.fields[:-1] if obj else ("is_read",)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        """Delete them, and show the new counts."""
        notices.remove(queryset)

    @admin.action(description="Mark as read", permissions=["change"])
    def mark_read(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        """Mark them, and show the new counts."""
        people = User.objects.filter(pk__in=queryset.order_by().values("user"))
        marked = sum(
            notices.mark_read(user, queryset.filter(user=user).values_list("pk", flat=True)) for user in people
        )
        self.message_user(request, f"{marked} notifications marked as read.")
