"""What is sold."""

from __future__ import annotations

from django.db import models


class Order(models.Model):
    """An order with a number of its own."""

    number = models.IntegerField(unique=True)
    state = models.CharField(max_length=20, default="new")


class Note(models.Model):
    """A line that a task or a callback left behind."""

    text = models.CharField(max_length=100)
    written_at = models.DateTimeField(auto_now_add=True)
