"""What happens to borrowers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from borrowers.models import Borrower
from core.errors import Conflict

if TYPE_CHECKING:
    from users.models import User


def borrower_of(user: User) -> Borrower:
    """The borrower that this login belongs to; the first application of a client makes it."""
    name = {"first_name": user.first_name[:100], "last_name": user.last_name[:100]}
    return Borrower.objects.get_or_create(user=user, defaults={**name, "email": user.email, "phone": user.phone})[0]


def delete_borrower(borrower: Borrower) -> None:
    """Forget a borrower whom no application needs.

    Raises:
        Conflict: an application does.
    """
    needed_by = borrower.applications.order_by("pk").first()
    if needed_by is not None:
        raise Conflict(f"{borrower} belongs to {needed_by}; remove the borrower from it first.")
    borrower.delete()
