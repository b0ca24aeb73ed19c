"""What the API takes and gives about documents and the tasks that generate them."""

from __future__ import annotations

from rest_framework import serializers

from documents.letters import TEMPLATES
from documents.models import Document, DocumentType

LARGEST_ID = 2**63 - 1


class DocumentSerializer(serializers.ModelSerializer[Document]):
    """A document without its content, which is at `download/`."""

    class Meta:
        model = Document
        fields = [
            "id",
            "title",
            "description",
            "document_type",
            "file_name",
            "file_size",
            "file_type",
            "version",
            "previous_version",
            "application",
            "borrower",
            "created_by",
            "created_at",
        ]
        read_only_fields = fields


class DocumentFilterSerializer(serializers.Serializer[None]):
    """Which documents are wanted."""

    application = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_ID)
    borrower = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_ID)
    document_type = serializers.ChoiceField(choices=DocumentType.choices, required=False)


class NewVersionSerializer(serializers.Serializer[None]):
    """The content of a new version."""

    file = serializers.FileField(max_length=255)


class UploadDocumentSerializer(NewVersionSerializer):
    """A file, and what it is."""

    title = serializers.CharField(max_length=255, required=False, allow_blank=True, default="")
    description = serializers.CharField(max_length=5000, required=False, allow_blank=True, default="")
    document_type = serializers.ChoiceField(choices=DocumentType.choices, default=DocumentType.OTHER)


class UploadToSerializer(UploadDocumentSerializer):
    """The same, and to which application it belongs."""

    application = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)


class GenerateSerializer(serializers.Serializer[None]):
    """What is to be generated. Send the same `request_id` again, and it is the same request."""

    application = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)
    document_type = serializers.ChoiceField(choices=[(kind.value, kind.label) for kind in TEMPLATES])
    request_id = serializers.UUIDField(required=False, allow_null=True, default=None)


class AcceptedSerializer(serializers.Serializer[None]):
    """Where the work can be followed: `/api/tasks/<task_id>/`."""

    task_id = serializers.UUIDField()


class TaskStateSerializer(serializers.Serializer[None]):
    """How far a task is: one of Celery's states, or PROGRESS."""

    status = serializers.CharField()
    progress = serializers.IntegerField(min_value=0, max_value=100)
    message = serializers.CharField()
    result = serializers.JSONField(allow_null=True)
