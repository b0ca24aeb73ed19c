"""Borrowers and guarantors: each person works with those of their own applications."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.permissions import SAFE_METHODS, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ModelViewSet

from borrowers.models import Borrower, Guarantor
from borrowers.selectors import visible_borrowers, visible_guarantors
from borrowers.serializers import BorrowerSerializer, GuarantorSerializer
from borrowers.services import delete_borrower
from users.models import Role

#: What each role may do besides reading; an administrator may do everything.
MAY = {"POST": {Role.BD, Role.BROKER}, "PUT": {Role.BD, Role.BROKER}, "PATCH": {Role.BD, Role.BROKER}, "DELETE": set()}


class OfficeWrites(BasePermission):
    """Whoever sees a row may read it; managers and brokers enter and correct; administrators also delete."""

    message = "Managers and brokers enter and correct; only administrators delete."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether a row exists for this person comes first: `has_object_permission` says the rest."""
        return request.method != "POST" or self._may(request)

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        """May this person do that with what they see?"""
        return self._may(request)

    def _may(self, request: Request) -> bool:
        if request.method in SAFE_METHODS or request.user.is_admin:
            return True
        return request.user.role in MAY.get(request.method, set())


class People(ModelViewSet):
    """What the two have in common."""

    permission_classes = [IsAuthenticated, OfficeWrites]
    lookup_value_converter = "int"

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Remember who entered it: that person may see it from now on."""
        serializer.save(created_by=self.request.user)


class BorrowerViewSet(People):
    """Who borrows."""

    queryset = Borrower.objects.all()
    serializer_class = BorrowerSerializer

    def get_queryset(self) -> QuerySet[Borrower]:
        """Whom this person may see."""
        return visible_borrowers(self.request.user)

    def perform_destroy(self, instance: Borrower) -> None:
        """Only when no application needs the borrower."""
        delete_borrower(instance)


class GuarantorViewSet(People):
    """Who stands surety."""

    queryset = Guarantor.objects.all()
    serializer_class = GuarantorSerializer

    def get_queryset(self) -> QuerySet[Guarantor]:
        """Whom this person may see."""
        return visible_guarantors(self.request.user)
