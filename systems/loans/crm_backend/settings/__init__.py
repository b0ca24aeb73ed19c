"""What `DJANGO_SETTINGS_MODULE=crm_backend.settings` means: the same for a laptop and for production."""

from __future__ import annotations

from .base import *
