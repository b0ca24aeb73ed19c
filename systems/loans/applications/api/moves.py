"""What one does with an application: move it, add people to it, sign it."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED

from applications.api.base import OfApplication
from applications.moves import move
from applications.picture import MAX_CHARACTERS
from applications.serializers import ApplicationOutput, BorrowersToAdd, BorrowersToRemove, StageInput
from applications.services import add_borrowers, remove_borrowers
from applications.signature import sign
from core.fields import Day
from documents.document_serializers import DocumentSerializer


class SignatureInput(serializers.Serializer):
    """Who signed, when, and the picture of the signature."""

    signed_by = serializers.CharField(max_length=255)
    signature_date = Day(required=False, allow_null=True, default=None, help_text="today, if left out")
    signature_data = serializers.CharField(max_length=MAX_CHARACTERS, help_text="a PNG or JPEG as base64 or data URL")


class UpdateStage(OfApplication):
    """Where an application stands."""

    @extend_schema(request=StageInput, responses=ApplicationOutput)
    def post(self, request: Request, pk: int) -> Response:
        """Move it one stage forward, or out. Those whom it concerns are told."""
        application = self.find("update_stage")
        move(application, self.given(StageInput)["stage"], request.user)
        return Response(ApplicationOutput(application).data)


class AddBorrowers(OfApplication):
    """More borrowers."""

    @extend_schema(request=BorrowersToAdd, responses=ApplicationOutput)
    def post(self, request: Request, pk: int) -> Response:
        """Add borrowers; one who is there already stays."""
        application = self.find("add_borrowers")
        add_borrowers(application, self.given(BorrowersToAdd)["borrower_ids"])
        return Response(ApplicationOutput(application).data)


class RemoveBorrowers(OfApplication):
    """Fewer borrowers."""

    @extend_schema(request=BorrowersToRemove, responses=ApplicationOutput)
    def post(self, request: Request, pk: int) -> Response:
        """Remove borrowers of this application."""
        application = self.find("remove_borrowers")
        remove_borrowers(application, self.given(BorrowersToRemove, application=application)["borrower_ids"])
        return Response(ApplicationOutput(application).data)


class Signature(OfApplication):
    """The signature under an application."""

    @extend_schema(request=SignatureInput, responses={201: DocumentSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Sign it, once. The picture becomes a document."""
        application = self.find("signature")
        given = self.given(SignatureInput)
        document = sign(application, given["signature_data"], given["signed_by"], given["signature_date"], request.user)
        return Response(DocumentSerializer(document).data, status=HTTP_201_CREATED)
