"""Notes and documents of an application."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED

from applications.access import may
from applications.api.base import OfApplication
from core.fields import Moment
from documents.document_serializers import DocumentSerializer, UploadDocumentSerializer
from documents.files import upload
from documents.models import Document, Note
from documents.note_serializers import NoteSerializer
from documents.notes import add_note


class NoteInput(serializers.Serializer):
    """Something to remember, and perhaps to be reminded of."""

    title = serializers.CharField(max_length=255)
    content = serializers.CharField(max_length=10_000, required=False, allow_blank=True, default="")
    remind_date = Moment(required=False, allow_null=True, default=None)
    is_internal = serializers.BooleanField(default=True, help_text="not shown to clients")


class AddNote(OfApplication):
    """A note on an application."""

    @extend_schema(request=NoteInput, responses={201: NoteSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Write a note."""
        application = self.find("add_note")
        note = add_note(application, by=request.user, **self.given(NoteInput))
        return Response(NoteSerializer(note).data, status=HTTP_201_CREATED)


class UploadDocument(OfApplication):
    """A paper of an application."""

    parser_classes = [MultiPartParser]

    @extend_schema(request=UploadDocumentSerializer, responses={201: DocumentSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Upload a file."""
        application = self.find("upload_document")
        document = upload(application, by=request.user, **self.given(UploadDocumentSerializer))
        return Response(DocumentSerializer(document).data, status=HTTP_201_CREATED)


class Notes(OfApplication, ListAPIView):
    """The notes on an application; clients see those that are not internal."""

    serializer_class = NoteSerializer

    def get_queryset(self) -> QuerySet[Note]:
        """Those that this person may read."""
        notes = self.find("read").notes.all()
        return notes if may(self.request.user, "add_note") else notes.filter(is_internal=False)


class Documents(OfApplication, ListAPIView):
    """The papers of an application, in all their versions."""

    serializer_class = DocumentSerializer

    def get_queryset(self) -> QuerySet[Document]:
        """All of them."""
        return self.find("read").documents.all()
