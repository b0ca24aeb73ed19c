"""Who borrows, and who stands surety."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Borrower(models.Model):
    """A person or a company that borrows. May have a login of its own."""

    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    company_name = models.CharField(max_length=255, blank=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    address = models.TextField(blank=True)
    date_of_birth = models.DateField(null=True, blank=True)
    annual_income = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="borrower_profile"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["last_name", "first_name", "company_name", "pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """How to address the borrower."""
        return self.company_name or f"{self.first_name} {self.last_name}".strip() or f"borrower {self.pk}"

    @property
    def mail_address(self) -> str:
        """Where mail reaches the borrower: the login if there is one, else the address on file, else nowhere."""
        return (self.user.email if self.user and self.user.is_active else "") or self.email


class Guarantor(models.Model):
    """Somebody who pays if the borrower does not."""

    name = models.CharField(max_length=255)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    borrower = models.ForeignKey(Borrower, models.SET_NULL, null=True, blank=True, related_name="guarantors")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name
