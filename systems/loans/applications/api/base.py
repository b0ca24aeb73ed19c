"""What the endpoints of an application have in common."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.serializers import BaseSerializer

from applications.access import demand
from applications.models import Application
from applications.selectors import visible_applications


class OfApplication(GenericAPIView):
    """An endpoint of one application: 404 for whom it does not exist, 403 for who may see it but not do this."""

    queryset = Application.objects.none()

    def find(self, action: str) -> Application:
        """The application of this address, for somebody who may do that with it."""
        mine = visible_applications(self.request.user).select_related("broker", "branch", "bd")
        application = get_object_or_404(mine, pk=self.kwargs["pk"])
        demand(self.request.user, action)
        return application

    def given(
        self, form: type[BaseSerializer[Any]], *, partial: bool = False, application: Application | None = None
    ) -> dict[str, Any]:
        """What was sent, if it is as the form wants it."""
        sent = self.request.query_params if self.request.method == "GET" else self.request.data
        filled = form(data=sent, partial=partial, context={"request": self.request, "application": application})
        if not filled.is_valid():
            raise ValidationError(filled.errors)
        return dict(filled.validated_data)
