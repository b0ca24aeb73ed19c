from __future__ import annotations

from django.db import models


class Order(models.Model):
    customer = models.EmailField()
    state = models.CharField(max_length=20, default="new")
    tries = models.IntegerField(default=0)


class Note(models.Model):
    text = models.CharField(max_length=200)
