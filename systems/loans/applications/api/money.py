"""Fees, repayments and the ledger of an application."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED

from applications.api.base import OfApplication
from core.clock import today
from core.fields import Day, Id
from documents.fees import add_fee
from documents.models import Fee, Ledger, Repayment
from documents.money_serializers import FeeSerializer, LedgerSerializer, RepaymentSerializer
from documents.payments import add_repayment, record_payment
from documents.schedule import generate_repayment_schedule


class Sum(serializers.DecimalField):
    """An amount of money."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(max_digits=12, decimal_places=2, **kwargs)


class FeeInput(serializers.Serializer):
    """A sum that is due once."""

    fee_type = serializers.ChoiceField(Fee.Kind.choices)
    amount = Sum()
    due_date = Day(required=False, allow_null=True, default=None)
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True, default="")


class RepaymentInput(serializers.Serializer):
    """An instalment."""

    amount = Sum()
    due_date = Day()


class PaymentInput(serializers.Serializer):
    """What was paid, and when. The same `request_id` twice is one payment."""

    repayment_id = Id()
    payment_amount = Sum(required=False, allow_null=True, default=None, help_text="all that is due, if left out")
    payment_date = Day(required=False, allow_null=True, default=None, help_text="today, if left out")
    request_id = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")


class ScheduleInput(serializers.Serializer):
    """When the loan starts."""

    start_date = Day(
        required=False, allow_null=True, default=None, help_text="the estimated settlement or today, if left out"
    )


class AddFee(OfApplication):
    """A fee of an application."""

    @extend_schema(request=FeeInput, responses={201: FeeSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Charge a fee."""
        application = self.find("add_fee")
        fee = add_fee(application, by=request.user, **self.given(FeeInput))
        return Response(FeeSerializer(fee).data, status=HTTP_201_CREATED)


class AddRepayment(OfApplication):
    """An instalment of an application."""

    @extend_schema(request=RepaymentInput, responses={201: RepaymentSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Add an instalment by hand."""
        application = self.find("add_repayment")
        repayment = add_repayment(application, by=request.user, **self.given(RepaymentInput))
        return Response(RepaymentSerializer(repayment).data, status=HTTP_201_CREATED)


class RecordPayment(OfApplication):
    """A payment of an instalment."""

    @extend_schema(request=PaymentInput, responses=RepaymentSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Record that an instalment was paid; the same request again changes nothing."""
        application = self.find("record_payment")
        given = self.given(PaymentInput)
        repayment = get_object_or_404(application.repayments, pk=given["repayment_id"])
        day = given["payment_date"] or today()
        paid = record_payment(repayment, day, given["payment_amount"], given["request_id"], request.user)
        return Response(RepaymentSerializer(paid).data)


class GenerateSchedule(OfApplication):
    """The repayment schedule of an application."""

    pagination_class = None  # it is answered as a whole

    @extend_schema(request=ScheduleInput, responses={201: RepaymentSerializer(many=True)})
    def post(self, request: Request, pk: int) -> Response:
        """Make the instalments that are still to come, in place of the unpaid ones."""
        application = self.find("generate_schedule")
        made = generate_repayment_schedule(application, request.user, self.given(ScheduleInput)["start_date"])
        return Response(RepaymentSerializer(made, many=True).data, status=HTTP_201_CREATED)


class Fees(OfApplication, ListAPIView):
    """The fees of an application."""

    serializer_class = FeeSerializer

    def get_queryset(self) -> QuerySet[Fee]:
        """All of them."""
        return self.find("read").fees.all()


class Repayments(OfApplication, ListAPIView):
    """The instalments of an application."""

    serializer_class = RepaymentSerializer

    def get_queryset(self) -> QuerySet[Repayment]:
        """All of them."""
        return self.find("read").repayments.all()


class LedgerEntries(OfApplication, ListAPIView):
    """What happened to the money of an application."""

    serializer_class = LedgerSerializer

    def get_queryset(self) -> QuerySet[Ledger]:
        """All of them."""
        return self.find("read").ledger.all()
