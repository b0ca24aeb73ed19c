"""The directory of branches, managers and brokers: the office reads it, administrators keep it."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ModelViewSet

from brokers.models import BDM, Branch, Broker
from brokers.serializers import BDMSerializer, BranchSerializer, BrokerSerializer
from users.models import Role


class OfficeReads(BasePermission):
    """Everybody but clients may read, and administrators may write."""

    message = "The office keeps its directory: everybody in it reads it, administrators change it."

    def has_permission(self, request: Request, view: Any) -> bool:
        """May this person?"""
        return request.user.is_admin or (request.method in SAFE_METHODS and request.user.role != Role.CLIENT)


class Directory(ModelViewSet):
    """What the three have in common."""

    permission_classes = [IsAuthenticated, OfficeReads]
    lookup_value_converter = "int"

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Remember who entered it."""
        serializer.save(created_by=self.request.user)


class BranchViewSet(Directory):
    """The offices."""

    queryset = Branch.objects.all()
    serializer_class = BranchSerializer


class BDMViewSet(Directory):
    """The business development managers."""

    queryset = BDM.objects.all()
    serializer_class = BDMSerializer


class BrokerViewSet(Directory):
    """The brokers."""

    queryset = Broker.objects.prefetch_related("bdms")
    serializer_class = BrokerSerializer
