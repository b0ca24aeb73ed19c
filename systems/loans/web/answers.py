"""How a view answers: with a page, or with the part of it that HTMX asked for."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import replace_url, trigger_client_event


def page_or_part(
    request: HttpRequest, page: str, part: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """The whole page for a browser, its changing part for HTMX; both from the same template of the part."""
    return render(request, part if wants_part(request) else page, context, status=status)


def wants_part(request: HttpRequest) -> bool:
    """Does HTMX ask, and not to restore a whole page?"""
    return bool(request.htmx) and not request.htmx.history_restore_request


def found_list(request: HttpRequest, page: str, part: str, context: dict[str, Any]) -> HttpResponse:
    """A list that is searched while one types: the browser's way back leaves the search, not its last letter."""
    response = page_or_part(request, page, part, context)
    if wants_part(request) and _goes_on_typing(shown=request.htmx.current_url_abs_path or "", asked=request.GET):
        replace_url(response, request.get_full_path())
    return response


def _goes_on_typing(shown: str, asked: QueryDict) -> bool:
    before, after = QueryDict(urlsplit(shown).query).dict(), asked.dict()
    both_search = bool(before.pop("q", "")) and bool(after.pop("q", ""))
    return both_search and before == after


def done(request: HttpRequest, message: str, event: str, back: str) -> HttpResponse:
    """It worked: a browser goes back to where it was; HTMX shows the message, and the parts concerned hear `event`."""
    messages.success(request, message)
    if not wants_part(request):
        return redirect(back)
    return trigger_client_event(render(request, "web/_done.html"), event)


def sent_data(request: HttpRequest) -> QueryDict | None:
    """What was sent with a form; None when it is only asked for."""
    return request.POST if request.method == "POST" else None


def way_back(request: HttpRequest, default: str) -> str:
    """Where the person came from (`next`), if that is on this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if ours else default


def not_found(request: HttpRequest, why: str) -> HttpResponse:
    """There is no such thing any more, and this is why."""
    return render(request, "404.html", {"why": why}, status=404)
