"""Applications: listed, made, shown, corrected and deleted."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from applications.access import demand
from applications.api.base import OfApplication
from applications.editing import create_application, delete_application, edit_application
from applications.models import Application
from applications.selectors import listed
from applications.serializers import ApplicationInput, ApplicationOutput, Filters, Verdict
from applications.terms import Terms, validate_terms


class ApplicationList(OfApplication, ListAPIView):
    """The applications that one may see, and new ones."""

    serializer_class = ApplicationOutput

    def get_queryset(self) -> QuerySet[Application]:
        """Those that the query asks for."""
        return listed(self.request.user, **self.given(Filters))

    @extend_schema(operation_id="applications_list", parameters=[Filters])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Applications, the newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="applications_create", request=ApplicationInput, responses={201: ApplicationOutput})
    def post(self, request: Request) -> Response:
        """A new application in the first stage. Who makes it has their part in it."""
        demand(request.user, "create")
        application = create_application(request.user, **self.given(ApplicationInput))
        return Response(ApplicationOutput(application).data, status=HTTP_201_CREATED)


class ApplicationDetail(OfApplication):
    """One application."""

    serializer_class = ApplicationOutput

    def get(self, request: Request, pk: int) -> Response:
        """The application with its people."""
        return Response(ApplicationOutput(self.find("read")).data)

    @extend_schema(request=ApplicationInput, responses=ApplicationOutput)
    def put(self, request: Request, pk: int) -> Response:
        """Correct it. What is left out stays."""
        application = self.find("edit")
        edit_application(application, request.user, **self.given(ApplicationInput, partial=True))
        return Response(ApplicationOutput(application).data)

    @extend_schema(request=ApplicationInput, responses=ApplicationOutput)
    def patch(self, request: Request, pk: int) -> Response:
        """Correct it. What is left out stays."""
        return self.put(request, pk)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Delete it with all that belongs to it; not if money has moved."""
        delete_application(self.find("delete"))
        return Response(status=HTTP_204_NO_CONTENT)


class ValidateSchema(OfApplication):
    """Are these terms usable?"""

    @extend_schema(request=Terms, responses=Verdict)
    def post(self, request: Request) -> Response:
        """Checks what an application would be made of, and makes nothing."""
        errors = validate_terms(request.data)
        return Response({"valid": not errors, "errors": errors})
