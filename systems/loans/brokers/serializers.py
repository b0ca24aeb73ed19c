"""The directory, as the API shows and takes it."""

from __future__ import annotations

from rest_framework import serializers

from brokers.models import BDM, Branch, Broker
from core.fields import Reference
from users.models import Role, User

CONTACT = ["id", "name", "email", "phone", "address"]
HISTORY = ["created_at", "updated_at"]


def login_of(user: User | None, role: Role) -> User | None:
    """The login, if it is of the right kind.

    Raises:
        ValidationError: it belongs to somebody who does something else.
    """
    if user is not None and user.role != role:
        raise serializers.ValidationError(f"{user.email} has the role {user.role!r}; choose a login of role {role!r}.")
    return user


class BranchSerializer(serializers.ModelSerializer[Branch]):
    """An office."""

    class Meta:
        model = Branch
        fields = [*CONTACT, *HISTORY]


class BDMSerializer(serializers.ModelSerializer[BDM]):
    """A business development manager."""

    serializer_related_field = Reference

    class Meta:
        model = BDM
        fields = [*CONTACT, "user", "branch", *HISTORY]

    def validate_user(self, user: User | None) -> User | None:
        """Only a manager's login."""
        return login_of(user, Role.BD)


class BrokerSerializer(serializers.ModelSerializer[Broker]):
    """A broker, and the managers who look after what they bring."""

    serializer_related_field = Reference

    class Meta:
        model = Broker
        fields = [*CONTACT, "company", "user", "branch", "bdms", *HISTORY]

    def validate_user(self, user: User | None) -> User | None:
        """Only a broker's login."""
        return login_of(user, Role.BROKER)
