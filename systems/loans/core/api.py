"""What every endpoint of the API has in common: pages, and answers that explain what was wrong."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as ModelInvalid
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import exception_handler

from core.errors import BusinessError


class Pages(PageNumberPagination):
    """Pages of 25, or of what the caller asks for."""

    page_size_query_param = "page_size"
    max_page_size = 200


def explain(error: Exception, context: dict[str, Any]) -> Response | None:
    """A broken rule is the caller's to mend: a 4xx with a message, as REST framework's own errors are."""
    if isinstance(error, BusinessError):
        return Response({"detail": error.message}, status=error.status)
    if isinstance(error, ModelInvalid):
        error = ValidationError(as_serializer_error(error))
    return exception_handler(error, context)
