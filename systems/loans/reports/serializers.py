"""What one may ask of the figures, and what the answers look like."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from rest_framework import serializers

from applications.models import Stage
from core.clock import today
from core.fields import FIRST_DAY, Day
from core.periods import Period
from reports.models import Report

LONGEST = timedelta(days=3660)


class PeriodQuery(serializers.Serializer):
    """From which day to which, and as what."""

    start = Day(required=False, help_text="the first day")
    end = Day(required=False, help_text="the last day; today if it is not given")
    export = serializers.ChoiceField(choices=["csv", "xlsx"], required=False, help_text="as a file")

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        """Put both ends together to a period of at most ten years."""
        data["period"] = self.period(data.get("start"), data.get("end"))
        return data

    def period(self, start: date | None, end: date | None) -> Period | None:
        """The last twelve months, unless something else was said."""
        end = end or today()
        start = start or max(FIRST_DAY, date(end.year - 1, end.month, 1))
        if start > end:
            raise serializers.ValidationError({"start": f"It must not be after the end, {end}."})
        if end - start > LONGEST:
            raise serializers.ValidationError({"start": "Ask for at most ten years at a time."})
        return Period(start, end)


class ComplianceQuery(PeriodQuery):
    """The same, and by which periods."""

    by = serializers.ChoiceField(choices=["month", "week"], default="month")


class VolumeQuery(ComplianceQuery):
    """The same, and of whom."""

    group = serializers.ChoiceField(choices=["broker", "bd", "stage"], default="stage")


class StatusQuery(PeriodQuery):
    """Of the applications that were made in a period, or of all."""

    def period(self, start: date | None, end: date | None) -> Period | None:
        """All, unless something else was said."""
        if start is None and end is None:
            return None
        return super().period(start or max(FIRST_DAY, (end or today()) - LONGEST), end)


def _amount() -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=18, decimal_places=2)


def _rate() -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=4, decimal_places=1, allow_null=True, help_text="per cent")


class PeriodStart(serializers.Serializer):
    """Which month or week a row is about."""

    period = serializers.DateField(help_text="the first day of the month or week")


class ComplianceTotal(serializers.Serializer):
    """How well was repaid."""

    due = serializers.IntegerField()
    due_amount = _amount()
    paid_on_time = serializers.IntegerField()
    paid_late = serializers.IntegerField()
    paid_amount = _amount()
    unpaid = serializers.IntegerField()
    unpaid_amount = _amount()
    not_yet_due = serializers.IntegerField()
    on_time_rate = _rate()
    paid_rate = _rate()


class ComplianceRow(PeriodStart, ComplianceTotal):
    """How well was repaid of what was due in one month or week."""


class VolumeTotal(serializers.Serializer):
    """How much came in."""

    applications = serializers.IntegerField()
    amount = _amount()


class GroupName(PeriodStart):
    """And of whom, or in which stage."""

    group_id = serializers.IntegerField(allow_null=True)
    group = serializers.CharField(allow_null=True)


class VolumeRow(GroupName, VolumeTotal):
    """How much came in during one month or week, of one broker or manager, or in one stage."""


class StageName(serializers.Serializer):
    """Which stage a row is about."""

    stage = serializers.ChoiceField(choices=Stage.choices)


class StatusRow(StageName, VolumeTotal):
    """How much is in one stage, and since when."""

    mean_days_in_stage = serializers.DecimalField(max_digits=8, decimal_places=1, allow_null=True)
    longest_days_in_stage = serializers.DecimalField(max_digits=8, decimal_places=1, allow_null=True)


class ComplianceAnswer(serializers.Serializer):
    """Repayment compliance."""

    start = serializers.DateField()
    end = serializers.DateField()
    rows = ComplianceRow(many=True)
    total = ComplianceTotal()


class VolumeAnswer(serializers.Serializer):
    """Application volume."""

    start = serializers.DateField()
    end = serializers.DateField()
    rows = VolumeRow(many=True)
    total = VolumeTotal()


class StatusAnswer(serializers.Serializer):
    """Application status."""

    start = serializers.DateField(allow_null=True)
    end = serializers.DateField(allow_null=True)
    rows = StatusRow(many=True)
    total = VolumeTotal()


class ReportSerializer(serializers.ModelSerializer):
    """A stored report."""

    data = serializers.DictField()

    class Meta:
        model = Report
        fields = ["id", "kind", "period_start", "period_end", "data", "created_at"]
