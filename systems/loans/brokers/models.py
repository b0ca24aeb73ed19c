"""Who brings the business, and who looks after it."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Contact(models.Model):
    """What all of them have: an address at which they can be reached, and a history."""

    name = models.CharField(max_length=255)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    address = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class Branch(Contact):
    """An office."""

    class Meta(Contact.Meta):
        verbose_name_plural = "branches"


class BDM(Contact):
    """A business development manager, who looks after applications. May have a login of their own."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="bdm_profile"
    )
    branch = models.ForeignKey(Branch, models.SET_NULL, null=True, blank=True, related_name="bdms")

    class Meta(Contact.Meta):
        verbose_name = "BDM"
        verbose_name_plural = "BDMs"


class Broker(Contact):
    """Somebody who brings applications."""

    company = models.CharField(max_length=255, blank=True)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="broker_profile"
    )
    branch = models.ForeignKey(Branch, models.SET_NULL, null=True, blank=True, related_name="brokers")
    bdms = models.ManyToManyField(BDM, blank=True, related_name="brokers")
