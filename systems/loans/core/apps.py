"""The app that all others stand on."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register

from core.checks import ready_for_production


class CoreConfig(AppConfig):
    """Adds this system's own questions to `manage.py check --deploy`."""

    name = "core"

    def ready(self) -> None:
        """Called once, when all apps are loaded."""
        register(ready_for_production, Tags.security, deploy=True)
