"""Moves from stage to stage in the admin: by the state machine, and told as any other."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from applications.access import may
from applications.models import FALLEN_THROUGH, Application, Stage
from applications.moves import move
from applications.services import allowed_moves
from core.errors import BusinessError

OUT = {Stage.DECLINED: "Decline", Stage.WITHDRAWN: "Withdraw"}


class StageMoves(admin.ModelAdmin):
    """Buttons on the page of an application, and actions for several."""

    actions = ("move_to_next_stage", "decline", "withdraw")

    def has_move_permission(self, request: HttpRequest) -> bool:
        """Who may change applications, and moves them by the table of the API."""
        return self.has_change_permission(request) and may(request.user, "update_stage")

    def get_urls(self) -> list[URLPattern]:
        """One more address: where the buttons lead."""
        view = self.admin_site.admin_view(self.move_view)
        return [path("<int:pk>/move/", view, name="applications_application_move"), *super().get_urls()]

    @method_decorator(require_POST)
    def move_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Move one application, and come back to its page."""
        application = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_move_permission(request):
            raise PermissionDenied("Your role moves no application to another stage.")
        self._move(request, application, request.POST.get("stage", ""))
        return redirect("admin:applications_application_change", pk)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        """The page of an application, with a button for each move that is possible."""
        application = kwargs.get("obj")
        if application is not None and self.has_move_permission(request):
            context["moves"] = [
                {
                    "value": stage.value,
                    "text": OUT.get(stage, f"Move to {stage.label}"),
                    "is_out": stage in FALLEN_THROUGH,
                }
                for stage in allowed_moves(application)
            ]
        return super().render_change_form(request, context, **kwargs)

    @admin.action(description="Move to the next stage", permissions=["move"])
    def move_to_next_stage(self, request: HttpRequest, queryset: QuerySet[Application]) -> None:
        """Each of them one stage forward."""
        for application in queryset:
            forward = [stage for stage in allowed_moves(application) if stage not in FALLEN_THROUGH]
            self._move(request, application, forward[0] if forward else "")

    @admin.action(description="Decline", permissions=["move"])
    def decline(self, request: HttpRequest, queryset: QuerySet[Application]) -> None:
        """No loan for these."""
        for application in queryset:
            self._move(request, application, Stage.DECLINED)

    @admin.action(description="Withdraw", permissions=["move"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Application]) -> None:
        """These were taken back."""
        for application in queryset:
            self._move(request, application, Stage.WITHDRAWN)

    def _move(self, request: HttpRequest, application: Application, to_stage: str) -> None:
        try:
            change = move(application, to_stage, request.user)
        except BusinessError as error:
            self.message_user(request, error.message, messages.ERROR)
        else:
            self.message_user(request, f"{application} is now in stage {change.get_to_stage_display()}.")
