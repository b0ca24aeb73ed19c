"""Notes, as the API shows and takes them."""

from __future__ import annotations

from rest_framework import serializers

from applications.models import Application
from applications.selectors import visible_applications
from borrowers.models import Borrower
from borrowers.selectors import visible_borrowers
from core.fields import Id, Moment, Reference
from documents.models import Note


class NoteSerializer(serializers.ModelSerializer[Note]):
    """A note."""

    class Meta:
        model = Note
        fields = [
            "id",
            "application",
            "borrower",
            "title",
            "content",
            "remind_date",
            "remind_sent_at",
            "is_internal",
            "created_by",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class NoteText(serializers.Serializer[None]):
    """What can be changed of a note. Without an offset, the moment is local time of the business."""

    title = serializers.CharField(required=False, allow_blank=True, max_length=255)
    content = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    remind_date = Moment(required=False, allow_null=True)
    is_internal = serializers.BooleanField(required=False)


class NewNote(NoteText):
    """A note about an application, a borrower, or both."""

    application = Reference(queryset=Application.objects.none(), required=False, allow_null=True)
    borrower = Reference(queryset=Borrower.objects.none(), required=False, allow_null=True)
    is_internal = serializers.BooleanField(default=True)

    def get_fields(self) -> dict[str, serializers.Field]:
        """Only what the person may see can be named."""
        fields = super().get_fields()
        if user := self.context.get("user"):
            fields["application"].queryset = visible_applications(user)
            fields["borrower"].queryset = visible_borrowers(user)
        return fields


class NoteFilter(serializers.Serializer[None]):
    """Which notes are asked for."""

    application = Id(required=False)
    borrower = Id(required=False)
