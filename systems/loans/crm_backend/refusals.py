"""What an address answers that is nowhere, or that failed: a page for people, JSON for callers of the API."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

API = "/api/"


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
