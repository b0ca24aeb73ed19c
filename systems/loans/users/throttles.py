"""How often somebody may try a password."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle


class LoginAttempts(SimpleRateThrottle):
    """So often from one address, by the setting `LOGIN_RATE` (such as "20/min"); without it, as often as they like."""

    scope = "login"

    def get_rate(self) -> str | None:
        """The rate of this moment."""
        return getattr(settings, "LOGIN_RATE", None)

    def get_cache_key(self, request: Request, view: Any) -> str:
        """One count for each address, whatever login it tries."""
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}
