"""A loan application, from the first inquiry to the end of the loan."""

from __future__ import annotations

from datetime import date, datetime

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.crypto import get_random_string


class Stage(models.TextChoices):
    """Where an application stands."""

    INQUIRY = "inquiry", "Inquiry"
    PRE_APPROVAL = "pre_approval", "Pre-approval"
    VALUATION = "valuation", "Valuation"
    FORMAL_APPROVAL = "formal_approval", "Formal approval"
    SETTLEMENT = "settlement", "Settlement"
    FUNDED = "funded", "Funded"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"


#: The way of an application that goes well.
PATH = (
    Stage.INQUIRY,
    Stage.PRE_APPROVAL,
    Stage.VALUATION,
    Stage.FORMAL_APPROVAL,
    Stage.SETTLEMENT,
    Stage.FUNDED,
)
CLOSED = (Stage.FUNDED, Stage.DECLINED, Stage.WITHDRAWN)
#: No loan comes of these, so nothing is due.
FALLEN_THROUGH = (Stage.DECLINED, Stage.WITHDRAWN)


class Frequency(models.TextChoices):
    """How often a loan is repaid."""

    WEEKLY = "weekly", "Weekly"
    FORTNIGHTLY = "fortnightly", "Fortnightly"
    MONTHLY = "monthly", "Monthly"
    QUARTERLY = "quarterly", "Quarterly"
    ANNUALLY = "annually", "Annually"


def new_reference() -> str:
    """A reference number that can be read out on the telephone: no letters that look like digits."""
    return "APP-" + get_random_string(8, "ABCDEFGHJKLMNPQRSTUVWXYZ23456789")


class Application(models.Model):
    """A request for a loan."""

    reference_number = models.CharField(max_length=20, unique=True, default=new_reference)
    stage = models.CharField(max_length=20, choices=Stage, default=Stage.INQUIRY)
    stage_last_updated = models.DateTimeField(null=True, blank=True, editable=False)
    application_type = models.CharField(max_length=40, blank=True)
    purpose = models.TextField(blank=True)
    loan_amount = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(1000)]
    )
    loan_term = models.PositiveSmallIntegerField(
        "loan term in months", null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(360)]
    )
    interest_rate = models.DecimalField(
        "interest rate in % a year",
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(30)],
    )
    repayment_frequency = models.CharField(max_length=12, choices=Frequency, default=Frequency.MONTHLY)
    estimated_settlement_date = models.DateField(
        null=True,
        blank=True,
        validators=[MinValueValidator(date(1900, 1, 1)), MaxValueValidator(date(2199, 12, 31))],
    )
    broker = models.ForeignKey("brokers.Broker", models.SET_NULL, null=True, blank=True, related_name="applications")
    branch = models.ForeignKey("brokers.Branch", models.SET_NULL, null=True, blank=True, related_name="applications")
    bd = models.ForeignKey(
        "brokers.BDM", models.SET_NULL, null=True, blank=True, related_name="applications", verbose_name="BDM"
    )
    borrowers = models.ManyToManyField("borrowers.Borrower", blank=True, related_name="applications")
    guarantors = models.ManyToManyField("borrowers.Guarantor", blank=True, related_name="applications")
    signed_by = models.CharField(max_length=255, blank=True)
    signature_date = models.DateField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["stage", "stage_last_updated"])]

    def __str__(self) -> str:
        return self.reference_number

    @property
    def is_closed(self) -> bool:
        """Is there nothing more to decide?"""
        return self.stage in CLOSED

    @property
    def in_stage_since(self) -> datetime:
        """When it came to its stage; one that never moved came there when it was made."""
        return self.stage_last_updated or self.created_at


class StageChange(models.Model):
    """A move from one stage to another: the audit trail, and what remains to be told (`notified_at` is empty)."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="stage_changes")
    from_stage = models.CharField(max_length=20, choices=Stage)
    to_stage = models.CharField(max_length=20, choices=Stage)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    changed_at = models.DateTimeField()
    notified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-changed_at", "-pk"]
        indexes = [models.Index(fields=["changed_at"])]

    def __str__(self) -> str:
        return f"{self.application_id}: {self.from_stage} to {self.to_stage}"


class ActiveLoan(models.Model):
    """A loan that was paid out, and runs until it expires."""

    application = models.OneToOneField(Application, models.CASCADE, related_name="active_loan")
    settlement_date = models.DateField()
    loan_expiry_date = models.DateField()
    interest_payment_due_dates = models.JSONField(default=list, blank=True, help_text="days, as 2026-03-31")
    is_active = models.BooleanField(default=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["loan_expiry_date", "pk"]

    def __str__(self) -> str:
        return f"loan of application {self.application_id} until {self.loan_expiry_date}"
