"""Notifications: the list behind the bell, and the key to the WebSocket that keeps it live."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event
from rest_framework_simplejwt.tokens import AccessToken

from users.models import Notification
from users.notices import mark_all_read, mark_read, unread_count
from web.access import belongs_to_office, office, with_policy
from web.answers import page_or_part, wants_part, way_back
from web.forms import ReadForm

LATEST = 20
#: The page asks for the next token before this one ends.
TOKEN_LIFE = timedelta(minutes=5)


@office
@require_safe
def notifications(request: HttpRequest) -> HttpResponse:
    """The latest notifications."""
    return _listed(request)


@office
@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """Mark one notification as read (`id`), or all of them."""
    form = ReadForm(request.POST)
    if not form.is_valid():
        return HttpResponse("Which notification? Send its id, or no id for all of them.", status=400)
    if form.cleaned_data["id"] is None:
        mark_all_read(request.user)
    else:
        mark_read(request.user, [form.cleaned_data["id"]])
    if not wants_part(request):
        return redirect(way_back(request, "web:notifications"))
    return trigger_client_event(_listed(request), "unread", {"count": unread_count(request.user)})


@with_policy
@require_safe
def token(request: HttpRequest) -> JsonResponse:
    """A short-lived access token, with which the page opens its WebSocket."""
    if not request.user.is_authenticated or not belongs_to_office(request.user):
        return JsonResponse({"detail": "Log in first."}, status=401)
    access = AccessToken.for_user(request.user)
    access.set_exp(lifetime=TOKEN_LIFE)
    return JsonResponse({"token": str(access), "expires_in": TOKEN_LIFE.total_seconds()})


def _listed(request: HttpRequest) -> HttpResponse:
    rows = Notification.objects.filter(user=request.user)[:LATEST]
    return page_or_part(request, "web/notifications.html", "web/_notifications.html", {"notifications": rows})
