"""Reports that were made for a period, and stay as they were."""

from __future__ import annotations

from django.db import models


class Report(models.Model):
    """What was so in a period. There is one for each."""

    class Kind(models.TextChoices):
        """What it tells."""

        WEEKLY = "weekly", "Weekly report"
        MONTHLY_COMPLIANCE = "monthly_compliance", "Monthly compliance check"

    kind = models.CharField(max_length=20, choices=Kind)
    period_start = models.DateField()
    period_end = models.DateField(help_text="the last day of the period")
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-period_start", "kind"]
        constraints = [models.UniqueConstraint(fields=["kind", "period_start"], name="a_period_is_reported_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.period_start} to {self.period_end}"
