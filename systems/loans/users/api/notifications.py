"""What people are told: their own notifications, and how they want to be told."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from users import notices, services
from users.models import Notification, NotificationPreference, NotificationType


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    """A notification, as the WebSocket shows it, too."""

    class Meta:
        model = Notification
        fields = [
            *("id", "title", "message", "notification_type", "related_object_id", "related_object_type"),
            *("is_read", "created_at"),
        ]
        read_only_fields = fields


class PreferenceSerializer(serializers.ModelSerializer[NotificationPreference]):
    """Which channel for which type, and which digests."""

    class Meta:
        model = NotificationPreference
        exclude = ["id", "user"]


class WhichSerializer(serializers.Serializer[Any]):
    """Which notifications are asked for."""

    is_read = serializers.BooleanField(required=False, allow_null=True, default=None)
    type = serializers.ChoiceField(NotificationType.choices, required=False)


class CountSerializer(serializers.Serializer[Any]):
    """How many are not read."""

    count = serializers.IntegerField()


class MarkedSerializer(CountSerializer):
    """How many were marked just now, and how many are not read."""

    marked = serializers.IntegerField()


class NotificationViewSet(ListModelMixin, GenericViewSet[Notification]):
    """One's own notifications; those of others do not exist, for administrators neither."""

    queryset = Notification.objects.none()
    serializer_class = NotificationSerializer
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[Notification]:
        """Only one's own."""
        return Notification.objects.filter(user=self.request.user)

    @extend_schema(parameters=[WhichSerializer])
    def list(self, request: Request) -> Response:
        """The latest first; `is_read` and `type` choose among them."""
        return super().list(request)

    def filter_queryset(self, queryset: QuerySet[Notification]) -> QuerySet[Notification]:
        """Those that were asked for."""
        if self.action != "list":
            return queryset
        which = WhichSerializer(data=self.request.query_params.dict())
        which.is_valid(raise_exception=True)
        wanted = {"is_read": which.validated_data["is_read"], "notification_type": which.validated_data.get("type")}
        return queryset.filter(**{name: value for name, value in wanted.items() if value is not None})

    @extend_schema(request=None, responses=NotificationSerializer)
    @action(detail=True, methods=["post"], url_path="mark-read")
    def mark_read(self, request: Request, pk: int) -> Response:
        """Mark one as read. To do so again changes nothing."""
        notification = self.get_object()
        notices.mark_read(request.user, [notification.pk])
        notification.refresh_from_db()
        return Response(NotificationSerializer(notification).data)

    @extend_schema(request=None, responses=MarkedSerializer)
    @action(detail=False, methods=["post"], url_path="mark-all")
    def mark_all(self, request: Request) -> Response:
        """Mark all as read."""
        marked = notices.mark_all_read(request.user)
        return Response({"marked": marked, "count": notices.unread_count(request.user)})

    @extend_schema(responses=CountSerializer)
    @action(detail=False)
    def unread_count(self, request: Request) -> Response:
        """How many are not read."""
        return Response({"count": notices.unread_count(request.user)})


class PreferenceView(APIView):
    """How one wants to be told what."""

    @extend_schema(responses=PreferenceSerializer)
    def get(self, request: Request) -> Response:
        """Which channel for which type."""
        return Response(PreferenceSerializer(notices.preferences_of(request.user)).data)

    @extend_schema(request=PreferenceSerializer, responses=PreferenceSerializer)
    def put(self, request: Request) -> Response:
        """Choose; what is not mentioned stays as it is."""
        form = PreferenceSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return Response(PreferenceSerializer(services.choose_notifications(request.user, **form.validated_data)).data)
