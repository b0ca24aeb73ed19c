"""One view, whose block is the outermost of the code under test."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

from shop.models import Note
from shop.tasks import note


@transaction.atomic
def view(request: HttpRequest) -> HttpResponse:
    """Write, and tell once that is certain."""
    Note.objects.create(text="by the view")
    note.delay_on_commit("after the view")
    if "fail" in request.GET:
        raise RuntimeError("in the view")
    return HttpResponse("done")


urlpatterns = [path("", view)]
