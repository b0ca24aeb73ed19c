"""A move from stage to stage as a person makes it: by the API, and in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from applications.models import StageChange
from applications.services import change_stage
from applications.tasks import send_application_status_notification
from core.enqueue import after_commit

if TYPE_CHECKING:
    from applications.models import Application
    from users.models import User


def move(application: Application, to_stage: str, by: User) -> StageChange:
    """Change the stage, and tell those whom it concerns once that is committed.

    Raises:
        BusinessError: the move is not made, and nobody is told.
    """
    change = change_stage(application, to_stage, by)
    after_commit(send_application_status_notification, application.pk, str(change.to_stage))
    return change
