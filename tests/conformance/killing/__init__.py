"""Specimens on a real prefork worker that is killed with SIGKILL before one of their lines.

Its settings are in `killing.settings`; whoever starts a process names them in the environment.
"""

from __future__ import annotations

import django

django.setup()
