"""How far a background task is: clients ask for their own, the office for those of its applications."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404
from django_celery_results.models import TaskResult
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from documents.document_serializers import TaskStateSerializer
from documents.jobs import state_of, visible_jobs


class TaskState(APIView):
    """One task."""

    @extend_schema(responses=TaskStateSerializer)
    def get(self, request: Request, task_id: UUID) -> Response:
        """Its state, in per cent and in words, and its result when it is done."""
        job = visible_jobs(request.user).select_related("document").filter(pk=task_id).first()
        if job is None and not (request.user.is_admin and TaskResult.objects.filter(task_id=str(task_id)).exists()):
            raise Http404
        return Response(TaskStateSerializer(state_of(task_id, job)).data)
