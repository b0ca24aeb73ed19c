from __future__ import annotations

from django.db import models


class Visit(models.Model):
    patient = models.CharField(max_length=50)
    state = models.CharField(max_length=20, default="planned")
    reminded = models.IntegerField(default=0)
    changed_at = models.DateTimeField(auto_now=True)


class Entry(models.Model):
    text = models.CharField(max_length=100)
