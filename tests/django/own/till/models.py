"""What is in the till."""

from __future__ import annotations

from django.db import models


class Account(models.Model):
    """What somebody has."""

    balance = models.IntegerField(default=100)
