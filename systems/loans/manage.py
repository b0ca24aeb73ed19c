#!/usr/bin/env python
"""Django's command line for the loan CRM: `python manage.py demo` shows everything running."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_backend.settings")
    execute_from_command_line(sys.argv)
