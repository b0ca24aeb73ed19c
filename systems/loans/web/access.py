"""Who may see the pages, and what a browser may do with a page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django_htmx.http import HttpResponseClientRedirect

from applications import access
from core.errors import NotPermitted
from users.models import Role

if TYPE_CHECKING:
    from users.models import User

View = Callable[..., HttpResponse]

OFFICE = (Role.ADMIN, Role.BD, Role.BROKER, Role.ACCOUNTS)
#: Everything comes from this server, and nothing is written into a page that a browser would run.
POLICY = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)


def belongs_to_office(user: User) -> bool:
    """Are the pages for this person?"""
    return user.is_admin or user.role in OFFICE


def with_policy(view: View) -> View:
    """Send a page with its security policy, and keep it out of caches."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    return never_cache(guarded)


def office(view: View) -> View:
    """A page for the people of the office: others log in first, or are told kindly that it is not for them."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return _to_login(request)
        if not belongs_to_office(request.user):
            return render(request, "web/client.html", status=403)
        return view(request, *args, **kwargs)

    return with_policy(guarded)


def demand(user: User, action: str) -> None:
    """Go on only if this person may do that with an application that they see.

    Raises:
        PermissionDenied: they may not.
    """
    try:
        access.demand(user, action)
    except NotPermitted as error:
        raise PermissionDenied(error.message) from error


def admins_only(view: View) -> View:
    """A page for administrators; use it inside `office`."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_admin:
            raise PermissionDenied("This page is for administrators.")
        return view(request, *args, **kwargs)

    return guarded


def _to_login(request: HttpRequest) -> HttpResponse:
    if request.htmx:  # a fragment has no room for the login page: the whole page goes there
        return HttpResponseClientRedirect(reverse("web:login"))
    return redirect_to_login(request.get_full_path())
