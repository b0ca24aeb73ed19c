"""The pipeline: applications by stage, and moving one to another."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from applications.models import Application
from applications.moves import move as make_move
from applications.selectors import visible_applications
from applications.services import allowed_moves
from core.errors import BusinessError
from web import selectors
from web.access import demand, office
from web.answers import done, found_list, page_or_part, sent_data, way_back
from web.forms import MoveForm, PipelineFilter


@office
@require_safe
def pipeline(request: HttpRequest) -> HttpResponse:
    """The board."""
    form = PipelineFilter(request.GET)
    context = {"filter": form, "board": selectors.board(request.user, **form.values())}
    return found_list(request, "web/pipeline.html", "web/_board.html", context)


@office
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask to which stage an application shall move, and move it there."""
    application = get_object_or_404(visible_applications(request.user), pk=pk)
    demand(request.user, "update_stage")
    form = MoveForm(sent_data(request), application=application, moves=allowed_moves(application))
    back = way_back(request, reverse("web:pipeline"))
    status = 200 if request.method != "POST" else 400
    if form.is_valid():
        try:
            return _moved(request, application, form.cleaned_data["to_stage"], back)
        except BusinessError as error:
            form.add_error(None, error.message)
            status = error.status
    context = {"application": application, "form": form, "back": back}
    return page_or_part(request, "web/move.html", "web/_move.html", context, status)


def _moved(request: HttpRequest, application: Application, to_stage: str, back: str) -> HttpResponse:
    change = make_move(application, to_stage, request.user)
    return done(request, f"{application} is now in {change.get_to_stage_display()}.", "stage-changed", back)
