"""Fees, repayments, the ledger and the bank's files, as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.clock import today
from core.fields import Day, Id
from documents.models import BadLine, Fee, Ledger, Repayment, RepaymentImport

SHOWN_COMPLAINTS = 100


class FeeSerializer(serializers.ModelSerializer[Fee]):
    """A fee."""

    class Meta:
        model = Fee
        fields = ["id", "application", "fee_type", "description", "amount", "due_date", "paid_date", "created_at"]
        read_only_fields = fields


class RepaymentSerializer(serializers.ModelSerializer[Repayment]):
    """An instalment; `status` is `paid`, `overdue_N_days`, `due_soon_N_days` or `scheduled`."""

    status = serializers.CharField(read_only=True)

    class Meta:
        model = Repayment
        fields = ["id", "application", "amount", "due_date", "paid_date", "paid_amount", "status", "created_at"]
        read_only_fields = fields


class LedgerSerializer(serializers.ModelSerializer[Ledger]):
    """Something that happened to the money of an application."""

    class Meta:
        model = Ledger
        fields = [
            "id",
            "application",
            "transaction_type",
            "amount",
            "transaction_date",
            "description",
            "related_fee",
            "related_repayment",
        ]
        read_only_fields = fields


class MarkPaidSerializer(serializers.Serializer[None]):
    """When it was paid. Requests with the same `key` are one: send a new one for each payment, and again on a doubt."""

    paid_date = Day(required=False, default=today)
    key = serializers.CharField(required=False, default="", allow_blank=True, max_length=100)


class PaymentSerializer(MarkPaidSerializer):
    """When it was paid, and how much; without an amount, what is due."""

    amount = serializers.DecimalField(required=False, default=None, max_digits=12, decimal_places=2, min_value=0)


class MoneyFilter(serializers.Serializer[None]):
    """Which rows are asked for."""

    application = Id(required=False)
    paid = serializers.BooleanField(required=False)
    due_from = Day(required=False)
    due_to = Day(required=False)


class LedgerFilter(serializers.Serializer[None]):
    """Which entries are asked for."""

    application = Id(required=False)
    transaction_type = serializers.ChoiceField(required=False, choices=Ledger.Kind.choices)


class BadLineSerializer(serializers.ModelSerializer[BadLine]):
    """A line that could not be booked."""

    class Meta:
        model = BadLine
        fields = ["line", "reason", "text"]
        read_only_fields = fields


class ImportSerializer(serializers.ModelSerializer[RepaymentImport]):
    """A bank's file, and how far it was read."""

    class Meta:
        model = RepaymentImport
        fields = [
            "id",
            "file_name",
            "status",
            "lines_read",
            "booked",
            "known_before",
            "bad_lines",
            "error",
            "created_at",
            "finished_at",
        ]
        read_only_fields = fields


class ImportDetailSerializer(ImportSerializer):
    """The same with its first bad lines; all of them are at `bad-lines/`."""

    complaints = serializers.SerializerMethodField()

    class Meta(ImportSerializer.Meta):
        fields = [*ImportSerializer.Meta.fields, "complaints"]
        read_only_fields = fields

    @extend_schema_field(BadLineSerializer(many=True))
    def get_complaints(self, source: RepaymentImport) -> list[dict[str, Any]]:
        """The first bad lines."""
        return BadLineSerializer(source.complaints.all()[:SHOWN_COMPLAINTS], many=True).data


class UploadSerializer(serializers.Serializer[None]):
    """A bank's file: CSV whose first line names the columns reference, date, amount, and application or repayment."""

    file = serializers.FileField()
