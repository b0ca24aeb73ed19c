"""What is answered where no view answers: a page for people, JSON for callers of the API."""

from __future__ import annotations

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

API = "/api/"
TOO_MUCH = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)


def refused(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400, or 413: Django does not even read it."""
    if not request.path.startswith(API):
        return defaults.bad_request(request, exception)
    if isinstance(exception, TOO_MUCH):
        return JsonResponse({"detail": "The request is too large, or has too many fields; send less."}, status=413)
    return JsonResponse({"detail": "The request cannot be read."}, status=400)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    if request.path.startswith(API):
        return JsonResponse({"detail": "Not found."}, status=404)
    return defaults.page_not_found(request, exception)


def failed(request: HttpRequest) -> HttpResponse:
    """500."""
    if request.path.startswith(API):
        return JsonResponse({"detail": "Something failed on our side. We were told; please try again."}, status=500)
    return defaults.server_error(request)
