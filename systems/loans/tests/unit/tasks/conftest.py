"""A mail server that does as it is told, also in virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from tests import mailbox as server


@pytest.fixture
def mailbox(settings: Any) -> server.Mailbox:
    settings.EMAIL_BACKEND = server.BACKEND
    return server.fresh()
