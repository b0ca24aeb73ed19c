"""Logins: get tokens, register, look after oneself; administrators look after others."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.generics import RetrieveAPIView
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet
from rest_framework_simplejwt.views import TokenViewBase

from users import services
from users.api.serializers import (
    DetailsSerializer,
    LoginSerializer,
    ManagedPersonSerializer,
    NewPersonSerializer,
    PersonSerializer,
    RefreshSerializer,
    RegisterSerializer,
)
from users.models import User
from users.throttles import LoginAttempts


class LoginView(TokenViewBase):
    """Tokens for an address and a password."""

    serializer_class = LoginSerializer
    throttle_classes = [LoginAttempts]


class RefreshView(TokenViewBase):
    """A new access token for a refresh token."""

    serializer_class = RefreshSerializer


class RegisterView(APIView):
    """A client's login, which somebody makes for themselves."""

    authentication_classes: list[type] = []
    permission_classes: list[type] = []
    throttle_classes = [LoginAttempts]

    @extend_schema(request=RegisterSerializer, responses={201: PersonSerializer})
    def post(self, request: Request) -> Response:
        """Make it."""
        form = RegisterSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = services.register(**form.validated_data)
        return Response(PersonSerializer(user).data, status=status.HTTP_201_CREATED)


class MeView(RetrieveAPIView):
    """Whoever asks."""

    serializer_class = PersonSerializer

    def get_object(self) -> User:
        """That is the one with the token."""
        return self.request.user

    @extend_schema(request=DetailsSerializer, responses=PersonSerializer)
    def patch(self, request: Request) -> Response:
        """Change one's own name or telephone number."""
        form = DetailsSerializer(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        return Response(PersonSerializer(services.change_details(request.user, **form.validated_data)).data)


class IsAdministrator(BasePermission):
    """Only administrators."""

    message = "Only administrators manage logins."

    def has_permission(self, request: Request, view: Any) -> bool:
        """May this person?"""
        return request.user.is_admin


class PeopleViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[User]):
    """All logins. They are deactivated and never deleted: what people did keeps their name."""

    queryset = User.objects.all()
    serializer_class = PersonSerializer
    permission_classes = [IsAuthenticated, IsAdministrator]
    lookup_value_converter = "int"

    @extend_schema(request=NewPersonSerializer, responses={201: PersonSerializer})
    def create(self, request: Request) -> Response:
        """Make a login for somebody."""
        form = NewPersonSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = services.create_person(request.user, **form.validated_data)
        return Response(PersonSerializer(user).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=ManagedPersonSerializer, responses=PersonSerializer)
    def partial_update(self, request: Request, pk: int) -> Response:
        """Change what somebody is called, what they do, and whether they may log in."""
        form = ManagedPersonSerializer(data=request.data, partial=True)
        user = self.get_object()
        form.is_valid(raise_exception=True)
        return Response(PersonSerializer(services.manage(user, request.user, **form.validated_data)).data)
