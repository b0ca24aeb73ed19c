"""The figures over HTTP: administrators see all, managers and brokers what is theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from applications.selectors import scope_of
from core.clock import today
from reports import selectors, serializers
from reports.exports import XLSX, export
from reports.models import Report
from users.models import Role

Figure = tuple[Iterable[selectors.Row], Callable[[], selectors.Row]]


class MayReadFigures(BasePermission):
    """Administrators, managers and brokers."""

    message = "Reports are for administrators, managers and brokers."

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Is it one of them?"""
        user = request.user
        return user.is_authenticated and (user.is_admin or user.role in (Role.BD, Role.BROKER))


class IsAdministrator(BasePermission):
    """Administrators only."""

    message = "Stored reports are for administrators."

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Is it one?"""
        return request.user.is_authenticated and request.user.is_admin


def described(query: type[Serializer], answer: type[Serializer]) -> Any:
    """Tell the API's description what goes in, and in which forms it comes out."""
    files = {(200, "text/csv"): OpenApiTypes.STR, (200, XLSX): OpenApiTypes.BINARY}
    return extend_schema(parameters=[query], responses={(200, "application/json"): answer, **files})


class Figures(APIView):
    """What the three have in common."""

    permission_classes = [MayReadFigures]
    name: str
    query: type[Serializer]
    answer: type[Serializer]
    row: type[Serializer]

    def answer_to(self, request: Request) -> HttpResponseBase:
        """The figures as JSON, or as a file."""
        query = self.query(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        rows, total = self.figures(asked)
        if kind := asked.get("export"):
            return export(request, kind, self.name, list(self.row().fields), rows)
        period = asked["period"]
        ends = {"start": period and period.first, "end": period and period.last}
        return Response(self.answer({**ends, "rows": list(rows), "total": total()}).data)

    def figures(self, asked: dict[str, Any]) -> Figure:
        """The rows, and how to get all of them together."""
        raise NotImplementedError


class RepaymentCompliance(Figures):
    """How well is repaid: for each month or week, what was due, paid in time, paid late, and not paid."""

    name = "repayment-compliance"
    query, answer, row = serializers.ComplianceQuery, serializers.ComplianceAnswer, serializers.ComplianceRow

    @described(query, answer)
    def get(self, request: Request) -> HttpResponseBase:
        """How well is repaid."""
        return self.answer_to(request)

    def figures(self, asked: dict[str, Any]) -> Figure:
        """Instalments that are due today are not overdue."""
        due = selectors.due_in(asked["period"], scope_of(self.request.user, "application__"))
        days = {"paid_until": today(), "overdue_before": today()}
        return selectors.compliance(due, asked["by"], **days), partial(selectors.compliance_total, due, **days)


class ApplicationVolume(Figures):
    """How many applications came in: for each month or week, of each broker or manager, or in each stage."""

    name = "application-volume"
    query, answer, row = serializers.VolumeQuery, serializers.VolumeAnswer, serializers.VolumeRow

    @described(query, answer)
    def get(self, request: Request) -> HttpResponseBase:
        """How many applications came in."""
        return self.answer_to(request)

    def figures(self, asked: dict[str, Any]) -> Figure:
        """Of the applications that this person may see."""
        made = selectors.made_in(asked["period"], scope_of(self.request.user))
        return selectors.volume(made, asked["by"], asked["group"]), partial(selectors.volume_total, made)


class ApplicationStatus(Figures):
    """Where the applications stand: how many are in each stage, for how much, and how long."""

    name = "application-status"
    query, answer, row = serializers.StatusQuery, serializers.StatusAnswer, serializers.StatusRow

    @described(query, answer)
    def get(self, request: Request) -> HttpResponseBase:
        """Where the applications stand."""
        return self.answer_to(request)

    def figures(self, asked: dict[str, Any]) -> Figure:
        """Of the applications that this person may see."""
        made = selectors.made_in(asked["period"], scope_of(self.request.user))
        return selectors.status(made), partial(selectors.volume_total, made)


@extend_schema_view(get=extend_schema(operation_id="stored_reports_list"))
class StoredReports(generics.ListAPIView):
    """The reports of past weeks and months."""

    permission_classes = [IsAdministrator]
    serializer_class = serializers.ReportSerializer
    queryset = Report.objects.all()


@extend_schema_view(get=extend_schema(operation_id="stored_reports_retrieve"))
class StoredReport(generics.RetrieveAPIView):
    """The report of one week or month."""

    permission_classes = [IsAdministrator]
    serializer_class = serializers.ReportSerializer
    queryset = Report.objects.all()
