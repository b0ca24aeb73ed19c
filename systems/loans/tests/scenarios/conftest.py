"""What the promises need: a mail server that can misbehave, and two workers."""

from __future__ import annotations

from typing import Any

import pytest

from tests import mailbox as server


@pytest.fixture
def mailbox(settings: Any) -> server.Mailbox:
    """The mail server of this test."""
    settings.EMAIL_BACKEND = server.BACKEND
    return server.fresh()
