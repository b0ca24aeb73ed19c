"""A morning in the office, and a mail server that does as it is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import time_machine
from django.core.mail import send_mail

from core.clock import zone
from core.mailing import Sender
from tests import mailbox as server


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Coordinates]:
    """It is Monday, 16 March 2026, seven o'clock in Sydney; time stands still unless a test moves it."""
    with time_machine.travel(datetime(2026, 3, 16, 7, tzinfo=zone()), tick=False) as traveller:
        yield traveller


@pytest.fixture
def mailbox(settings: Any) -> server.Mailbox:
    settings.EMAIL_BACKEND = server.BACKEND
    return server.fresh()


@pytest.fixture
def send(mailbox: server.Mailbox) -> Sender:
    """How a service mails: one message, through Django, to that server."""

    def send_one(*, subject: str, message: str, recipient_list: list[str]) -> int:
        return send_mail(subject, message, None, recipient_list)

    return send_one
