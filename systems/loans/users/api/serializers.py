"""People and logins, as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.serializers import TokenRefreshSerializer
from rest_framework_simplejwt.tokens import RefreshToken

from users.models import Role, User
from users.services import DETAILS


class PersonSerializer(serializers.ModelSerializer[User]):
    """A person, as others see them."""

    class Meta:
        model = User
        fields = ["id", "email", *DETAILS, "role", "is_active", "date_joined"]
        read_only_fields = fields


class DetailsSerializer(serializers.ModelSerializer[User]):
    """What people change about themselves."""

    class Meta:
        model = User
        fields = DETAILS


class RegisterSerializer(DetailsSerializer):
    """A new login."""

    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(write_only=True, max_length=128, trim_whitespace=False)

    class Meta:
        model = User
        fields = ["email", "password", *DETAILS]


class NewPersonSerializer(RegisterSerializer):
    """A new login that an administrator makes."""

    role = serializers.ChoiceField(Role.choices)

    class Meta:
        model = User
        fields = [*RegisterSerializer.Meta.fields, "role"]


class ManagedPersonSerializer(DetailsSerializer):
    """What an administrator changes about others."""

    class Meta:
        model = User
        fields = [*DETAILS, "role", "is_active"]


class LoginSerializer(serializers.Serializer[Any]):
    """Address and password."""

    email = serializers.EmailField(max_length=254, write_only=True)
    password = serializers.CharField(max_length=128, write_only=True, trim_whitespace=False)
    access = serializers.CharField(read_only=True)
    refresh = serializers.CharField(read_only=True)

    def validate(self, attrs: dict[str, str]) -> dict[str, str]:
        """A pair of tokens, for whom address and password are right and who is active."""
        user = authenticate(self.context["request"], email=attrs["email"].lower(), password=attrs["password"])
        if user is None:
            raise AuthenticationFailed("No active login has this address and password.")
        refresh = RefreshToken.for_user(user)
        return {"access": str(refresh.access_token), "refresh": str(refresh)}


class RefreshSerializer(TokenRefreshSerializer):
    """A refresh token, for a new access token."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        """An access token, for whom is still active."""
        try:
            return super().validate(attrs)
        except User.DoesNotExist:
            raise AuthenticationFailed("The login of this token was deleted.") from None
