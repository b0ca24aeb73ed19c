"""The entry of a person in the directory: their first application makes it if the office has not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokers.models import BDM, Broker

if TYPE_CHECKING:
    from users.models import User


def broker_of(user: User) -> Broker:
    """The broker that this login belongs to."""
    return Broker.objects.get_or_create(user=user, defaults={"name": str(user), "email": user.email})[0]


def bdm_of(user: User) -> BDM:
    """The manager that this login belongs to."""
    return BDM.objects.get_or_create(user=user, defaults={"name": str(user), "email": user.email})[0]
