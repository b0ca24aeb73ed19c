"""Notes: the office writes them; a client reads those that are not only for the office."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from applications.access import demand
from documents.listing import Narrowed
from documents.models import Note
from documents.note_serializers import NewNote, NoteFilter, NoteSerializer, NoteText
from documents.selectors import visible_notes
from documents.services import add_note, edit_note


class Notes:
    """The notes that a person may see."""

    queryset = Note.objects.none()
    serializer_class = NoteSerializer

    def get_queryset(self) -> QuerySet[Note]:
        """All others do not exist for them."""
        return visible_notes(self.request.user)


@extend_schema_view(get=extend_schema(parameters=[NoteFilter]))
class NoteList(Notes, Narrowed):
    """Notes, the latest first."""

    filter_serializer = NoteFilter

    @extend_schema(request=NewNote, responses={201: NoteSerializer})
    def post(self, request: Request) -> Response:
        """Write a note about an application, a borrower, or both."""
        demand(request.user, "add_note")
        given = NewNote(data=request.data, context={"user": request.user})
        given.is_valid(raise_exception=True)
        empty = {"application": None, "title": "", "content": ""}
        note = add_note(**{**empty, **given.validated_data}, by=request.user)
        return Response(NoteSerializer(note).data, status.HTTP_201_CREATED)


class NoteDetail(Notes, GenericAPIView):
    """A note."""

    @extend_schema(responses=NoteSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Read it."""
        return Response(NoteSerializer(get_object_or_404(self.get_queryset(), pk=pk)).data)

    @extend_schema(request=NoteText, responses=NoteSerializer)
    def patch(self, request: Request, pk: int) -> Response:
        """Change what is given; another `remind_date` means another reminder."""
        note = get_object_or_404(self.get_queryset(), pk=pk)
        demand(request.user, "add_note")
        given = NoteText(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        return Response(NoteSerializer(edit_note(note, **given.validated_data)).data)
