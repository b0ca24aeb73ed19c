"""Upload a bank's file of payments, and follow how it is booked: for administrators and accounts."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView, RetrieveAPIView, get_object_or_404
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from core.enqueue import after_commit
from documents.models import BadLine, RepaymentImport
from documents.money_serializers import (
    BadLineSerializer,
    ImportDetailSerializer,
    ImportSerializer,
    UploadSerializer,
)
from documents.services import start_bank_import
from documents.tasks import import_repayments
from users.models import Role


class BooksPayments(BasePermission):
    """Administrators and accounts."""

    message = "Only administrators and accounts may import payments."

    def has_permission(self, request: Request, view: Any) -> bool:
        """A bank's file is about all applications, so it is nobody's own."""
        return request.user.is_admin or request.user.role == Role.ACCOUNTS


class ImportList(ListAPIView):
    """The bank's files, the latest first."""

    queryset = RepaymentImport.objects.all()
    serializer_class = ImportSerializer
    permission_classes = [IsAuthenticated, BooksPayments]
    parser_classes = [MultiPartParser]

    @extend_schema(request=UploadSerializer, responses={202: ImportSerializer})
    def post(self, request: Request) -> Response:
        """Upload a file. It is booked in the background; its own address tells how far that is."""
        given = UploadSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        source = start_bank_import(given.validated_data["file"], request.user)
        after_commit(import_repayments, source.pk)
        return Response(ImportSerializer(source).data, status.HTTP_202_ACCEPTED)


class ImportDetail(RetrieveAPIView):
    """How far a file was read, and its first bad lines."""

    queryset = RepaymentImport.objects.all()
    serializer_class = ImportDetailSerializer
    permission_classes = [IsAuthenticated, BooksPayments]


class BadLineList(ListAPIView):
    """All bad lines of a file, in its order."""

    queryset = BadLine.objects.none()
    serializer_class = BadLineSerializer
    permission_classes = [IsAuthenticated, BooksPayments]

    def get_queryset(self) -> QuerySet[BadLine]:
        """Of this file."""
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return get_object_or_404(RepaymentImport, pk=self.kwargs["pk"]).complaints.all()
