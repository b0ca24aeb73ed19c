"""Documents over HTTP: list, upload, versions, download, generate. Only administrators delete."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import RetrieveDestroyAPIView, get_object_or_404
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from applications.selectors import visible_applications
from core.enqueue import after_commit
from core.errors import NotPermitted
from documents import document_serializers as shapes
from documents import files
from documents.generation import request_document
from documents.listing import Narrowed
from documents.models import Document
from documents.selectors import visible_documents
from documents.tasks import generate_document_async


def validated(serializer: type[shapes.serializers.Serializer[None]], request: Request) -> dict[str, object]:
    """What was sent, checked."""
    given = serializer(data=request.data)
    given.is_valid(raise_exception=True)
    return given.validated_data


@extend_schema_view(get=extend_schema(parameters=[shapes.DocumentFilterSerializer]))
class DocumentList(Narrowed):
    """The documents that one may see."""

    queryset = Document.objects.none()
    serializer_class = shapes.DocumentSerializer
    filter_serializer = shapes.DocumentFilterSerializer
    parser_classes = [MultiPartParser]

    def get_queryset(self) -> QuerySet[Document]:
        """Those that this person may see, the latest first."""
        return visible_documents(self.request.user)

    @extend_schema(request=shapes.UploadToSerializer, responses={201: shapes.DocumentSerializer})
    def post(self, request: Request) -> Response:
        """Upload a file to an application."""
        given = validated(shapes.UploadToSerializer, request)
        application = get_object_or_404(visible_applications(request.user), pk=given.pop("application"))
        document = files.upload(application, given.pop("file"), request.user, **given)
        return Response(shapes.DocumentSerializer(document).data, status.HTTP_201_CREATED)


class DocumentDetail(RetrieveDestroyAPIView):
    """One document."""

    queryset = Document.objects.none()
    serializer_class = shapes.DocumentSerializer

    def get_queryset(self) -> QuerySet[Document]:
        """Those that this person may see."""
        return visible_documents(self.request.user)

    def perform_destroy(self, instance: Document) -> None:
        """Deleting is for administrators."""
        if not self.request.user.is_admin:
            raise NotPermitted("Only administrators delete documents; upload a new version instead.")
        files.remove(instance)


class DocumentNewVersion(APIView):
    """The next version of a document."""

    parser_classes = [MultiPartParser]

    @extend_schema(request=shapes.NewVersionSerializer, responses={201: shapes.DocumentSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Upload it. 409 when there is a newer version than the one that it is to follow."""
        document = get_object_or_404(visible_documents(request.user), pk=pk)
        given = validated(shapes.NewVersionSerializer, request)
        following = files.new_version(document, given["file"], request.user)
        return Response(shapes.DocumentSerializer(following).data, status.HTTP_201_CREATED)


class DocumentDownload(APIView):
    """The content of a document."""

    @extend_schema(responses={(200, "*/*"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int) -> FileResponse:
        """As a file with its own name, never shown within a page of ours."""
        document = get_object_or_404(visible_documents(request.user), pk=pk)
        return FileResponse(
            files.open_file(document),
            as_attachment=True,
            filename=document.file_name or f"document-{document.pk}",
            content_type=document.file_type or "application/octet-stream",
        )


class DocumentGenerate(APIView):
    """Documents that are made from what is known of an application."""

    @extend_schema(request=shapes.GenerateSerializer, responses={202: shapes.AcceptedSerializer})
    def post(self, request: Request) -> Response:
        """Ask for one. It is made in the background; follow it at `/api/tasks/<task_id>/`."""
        given = validated(shapes.GenerateSerializer, request)
        application = get_object_or_404(visible_applications(request.user), pk=given["application"])
        job = request_document(application, given["document_type"], request.user, given["request_id"])
        if job.finished_at is None:
            after_commit(
                generate_document_async, application.pk, job.document_type, request.user.pk, task_id=str(job.pk)
            )
        return Response({"task_id": job.pk}, status.HTTP_202_ACCEPTED)
