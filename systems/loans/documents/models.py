"""Papers, money and notes that belong to an application. There is one model of each."""

from __future__ import annotations

import uuid
from datetime import date

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from core.clock import today

DUE_SOON_DAYS = 7


def creator() -> models.ForeignKey:
    """Who made it; kept when that person leaves."""
    return models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")


class Note(models.Model):
    """Something to remember, and perhaps to be reminded of."""

    title = models.CharField(max_length=255, blank=True)
    content = models.TextField(blank=True)
    remind_date = models.DateTimeField(null=True, blank=True)
    remind_sent_at = models.DateTimeField(null=True, blank=True, editable=False)
    is_internal = models.BooleanField("for the office only", default=True)
    application = models.ForeignKey(
        "applications.Application", models.CASCADE, null=True, blank=True, related_name="notes"
    )
    borrower = models.ForeignKey("borrowers.Borrower", models.CASCADE, null=True, blank=True, related_name="notes")
    created_by = creator()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["remind_date"])]

    def __str__(self) -> str:
        return self.title or self.content[:40]


class DocumentType(models.TextChoices):
    """What a paper is. The first three can be generated."""

    APPLICATION_FORM = "application_form", "Application form"
    INDICATIVE_LETTER = "indicative_letter", "Indicative letter"
    FORMAL_APPROVAL = "formal_approval", "Formal approval"
    IDENTIFICATION = "identification", "Identification"
    INCOME = "income", "Proof of income"
    VALUATION = "valuation", "Valuation"
    SIGNED = "signed", "Signed document"
    OTHER = "other", "Other"


class Document(models.Model):
    """A file, in one of its versions. Versions of the same paper are a chain."""

    title = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    document_type = models.CharField(max_length=40, choices=DocumentType, default=DocumentType.OTHER)
    file = models.FileField(upload_to="documents/%Y/%m/", max_length=255)
    file_name = models.CharField(max_length=255, blank=True)
    file_size = models.PositiveBigIntegerField(default=0)
    file_type = models.CharField(max_length=100, blank=True)
    chain = models.UUIDField(default=uuid.uuid4, editable=False)
    version = models.PositiveIntegerField(default=1)
    previous_version = models.OneToOneField("self", models.SET_NULL, null=True, blank=True, related_name="next_version")
    generation_key = models.CharField(max_length=320, unique=True, null=True, blank=True, editable=False)
    application = models.ForeignKey(
        "applications.Application", models.CASCADE, null=True, blank=True, related_name="documents"
    )
    borrower = models.ForeignKey("borrowers.Borrower", models.CASCADE, null=True, blank=True, related_name="documents")
    created_by = creator()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["chain", "version"], name="a_version_exists_once")]

    def __str__(self) -> str:
        return f"{self.title} v{self.version}"


class Fee(models.Model):
    """A sum that is due once."""

    class Kind(models.TextChoices):
        """What it is for."""

        APPLICATION = "application", "Application fee"
        VALUATION = "valuation", "Valuation fee"
        LEGAL = "legal", "Legal fee"
        SETTLEMENT = "settlement", "Settlement fee"
        OTHER = "other", "Other fee"

    fee_type = models.CharField(max_length=20, choices=Kind, default=Kind.OTHER)
    description = models.TextField(blank=True)
    amount = models.DecimalField(max_digits=12, decimal_places=2, validators=[MinValueValidator(0)])
    due_date = models.DateField(null=True, blank=True)
    paid_date = models.DateField(null=True, blank=True)
    payment_key = models.CharField(max_length=100, blank=True)
    invoice = models.FileField(upload_to="invoices/%Y/%m/", blank=True, max_length=255)
    application = models.ForeignKey("applications.Application", models.CASCADE, related_name="fees")
    created_by = creator()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["due_date", "pk"]

    def __str__(self) -> str:
        return f"{self.get_fee_type_display()} {self.amount}"


class Repayment(models.Model):
    """One instalment. Which of its reminders went out is written here; to whom, in the delivery ledger."""

    amount = models.DecimalField(max_digits=12, decimal_places=2, validators=[MinValueValidator(0)])
    due_date = models.DateField()
    paid_date = models.DateField(null=True, blank=True)
    paid_amount = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    payment_key = models.CharField(max_length=100, blank=True)
    invoice = models.FileField(upload_to="invoices/%Y/%m/", blank=True, max_length=255)
    application = models.ForeignKey("applications.Application", models.CASCADE, related_name="repayments")
    reminder_sent = models.BooleanField(default=False)
    reminder_sent_at = models.DateTimeField(null=True, blank=True)
    overdue_3_day_sent = models.BooleanField(default=False)
    overdue_3_day_sent_at = models.DateTimeField(null=True, blank=True)
    overdue_7_day_sent = models.BooleanField(default=False)
    overdue_7_day_sent_at = models.DateTimeField(null=True, blank=True)
    overdue_10_day_sent = models.BooleanField(default=False)
    overdue_10_day_sent_at = models.DateTimeField(null=True, blank=True)
    created_by = creator()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["due_date", "pk"]
        indexes = [models.Index(fields=["paid_date", "due_date"])]

    def __str__(self) -> str:
        return f"{self.amount} due {self.due_date}"

    @property
    def status(self) -> str:
        """`paid`, `overdue_N_days`, `due_soon_N_days` or `scheduled`, as of today in the office."""
        return self.status_on(today())

    def status_on(self, day: date) -> str:
        """The same, as of another day. On the day it is due, it is not overdue."""
        if self.paid_date is not None:
            return "paid"
        days = (self.due_date - day).days
        if days < 0:
            return f"overdue_{-days}_days"
        return f"due_soon_{days}_days" if days <= DUE_SOON_DAYS else "scheduled"


class Ledger(models.Model):
    """What happened to the money of an application. Written in one place: `documents.ledger`."""

    class Kind(models.TextChoices):
        """What happened."""

        FEE_CREATED = "fee_created", "Fee created"
        FEE_PAID = "fee_paid", "Fee paid"
        REPAYMENT_SCHEDULED = "repayment_scheduled", "Repayment scheduled"
        REPAYMENT_RECEIVED = "repayment_received", "Repayment received"
        ADJUSTMENT = "adjustment", "Adjustment"

    application = models.ForeignKey("applications.Application", models.CASCADE, related_name="ledger")
    transaction_type = models.CharField(max_length=20, choices=Kind)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    transaction_date = models.DateTimeField()
    description = models.TextField(blank=True)
    related_fee = models.ForeignKey(Fee, models.SET_NULL, null=True, blank=True, related_name="ledger")
    related_repayment = models.ForeignKey(Repayment, models.SET_NULL, null=True, blank=True, related_name="ledger")
    created_by = creator()

    class Meta:
        verbose_name = "ledger entry"
        verbose_name_plural = "ledger entries"
        ordering = ["-transaction_date", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["related_fee", "transaction_type"],
                condition=Q(related_fee__isnull=False),
                name="a_fee_is_booked_once",
            ),
            models.UniqueConstraint(
                fields=["related_repayment", "transaction_type"],
                condition=Q(related_repayment__isnull=False),
                name="a_repayment_is_booked_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.transaction_type} {self.amount}"


class DocumentJob(models.Model):
    """Somebody asked for a document. Its id is the id of the task, so the same request is never made twice."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    application = models.ForeignKey("applications.Application", models.CASCADE, related_name="document_jobs")
    document_type = models.CharField(max_length=40, choices=DocumentType)
    requested_by = creator()
    created_at = models.DateTimeField(auto_now_add=True)
    picked_up_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    document = models.ForeignKey(Document, models.SET_NULL, null=True, blank=True, related_name="+")
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["finished_at", "created_at"])]

    def __str__(self) -> str:
        return f"{self.document_type} for application {self.application_id}"


class RepaymentImport(models.Model):
    """A bank's file of payments, and how far it was read."""

    class Status(models.TextChoices):
        """Where the import stands."""

        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    file = models.FileField(upload_to="imports/%Y/%m/", max_length=255)
    file_name = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.WAITING)
    lines_read = models.PositiveIntegerField(default=0)
    booked = models.PositiveIntegerField(default=0)
    known_before = models.PositiveIntegerField(default=0)
    bad_lines = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    created_by = creator()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["status", "updated_at"])]

    def __str__(self) -> str:
        return f"import {self.pk}: {self.status}"


class BankTransaction(models.Model):
    """A payment that the bank reported. The bank's reference makes sure that it is booked once."""

    reference = models.CharField(max_length=100, unique=True)
    repayment = models.ForeignKey(Repayment, models.CASCADE, related_name="bank_transactions")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    paid_on = models.DateField()
    source = models.ForeignKey(RepaymentImport, models.CASCADE, related_name="transactions")
    line = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.reference


class BadLine(models.Model):
    """A line of a bank's file that could not be booked, with its number and the reason."""

    source = models.ForeignKey(RepaymentImport, models.CASCADE, related_name="complaints")
    line = models.PositiveIntegerField()
    text = models.TextField()
    reason = models.TextField()

    class Meta:
        ordering = ["line"]
        constraints = [models.UniqueConstraint(fields=["source", "line"], name="a_bad_line_is_reported_once")]

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"
