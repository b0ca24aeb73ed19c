"""Who may do what with an application that they see: the table of the API, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import NotPermitted
from users.models import Role

if TYPE_CHECKING:
    from users.models import User

ADMIN_ONLY = frozenset({Role.ADMIN})
MANAGERS = ADMIN_ONLY | {Role.BD}
KEEPERS = ADMIN_ONLY | {Role.BROKER}
OFFICE = MANAGERS | KEEPERS
EVERYBODY = OFFICE | {Role.CLIENT}

TABLE = {
    "create": EVERYBODY,
    "read": EVERYBODY,
    "edit": KEEPERS,
    "delete": KEEPERS,
    "update_stage": MANAGERS,
    "add_borrowers": OFFICE,
    "remove_borrowers": OFFICE,
    "add_note": OFFICE,
    "upload_document": EVERYBODY,
    "signature": EVERYBODY,
    "add_fee": MANAGERS,
    "add_repayment": MANAGERS,
    "record_payment": MANAGERS,
    "generate_schedule": MANAGERS,
}


def may(user: User, action: str) -> bool:
    """May this person do that, with an application that they see?"""
    return user.is_admin or user.role in TABLE[action]


def demand(user: User, action: str) -> None:
    """Go on only if this person may do that.

    Raises:
        NotPermitted: they may not.
    """
    if not may(user, action):
        roles = ", ".join(role.label.lower() for role in Role if role in TABLE[action])
        raise NotPermitted(f"Your role may not do this ({action}); these may: {roles}.")
