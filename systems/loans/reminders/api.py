"""Reminders over HTTP: one's own; administrators see all. Clients write none."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ModelViewSet

from reminders.models import Reminder
from reminders.selectors import OPEN, visible_reminders
from reminders.serializers import ReminderSerializer, StatusQuery
from reminders.services import cancel_reminder
from users.models import Role

FILTERS = {"open": OPEN, "sent": Q(is_sent=True), "given_up": Q(given_up=True)}


class WorksHere(BasePermission):
    """Everybody but clients."""

    message = "Reminders are for the office."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Is it one of them?"""
        user = request.user
        return user.is_authenticated and (user.is_admin or user.role != Role.CLIENT)


class ReminderViewSet(ModelViewSet):
    """E-mails that go out later."""

    permission_classes = [WorksHere]
    lookup_value_converter = "int"
    queryset = Reminder.objects.all()
    serializer_class = ReminderSerializer

    def get_queryset(self) -> QuerySet[Reminder]:
        """Those that this person may see."""
        return visible_reminders(self.request.user)

    @extend_schema(parameters=[StatusQuery])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One's reminders, all of them or those in one status."""
        query = StatusQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        return super().list(request, *args, **kwargs)

    def filter_queryset(self, queryset: QuerySet[Reminder]) -> QuerySet[Reminder]:
        """Those in the status that is asked for."""
        wanted = self.request.query_params.get("status") if self.action == "list" else None
        return queryset.filter(FILTERS[wanted]) if wanted else queryset

    def perform_destroy(self, instance: Reminder) -> None:
        """Take it back, unless it was sent."""
        cancel_reminder(instance)
