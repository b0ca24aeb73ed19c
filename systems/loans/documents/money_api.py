"""Fees, repayments and the ledger: whoever sees an application sees its money; its manager records what was paid."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.generics import GenericAPIView, RetrieveAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from applications.access import demand
from documents.listing import Narrowed
from documents.models import Fee, Ledger, Repayment
from documents.money_serializers import (
    FeeSerializer,
    LedgerFilter,
    LedgerSerializer,
    MarkPaidSerializer,
    MoneyFilter,
    PaymentSerializer,
    RepaymentSerializer,
)
from documents.selectors import visible_fees, visible_ledger, visible_repayments
from documents.services import mark_fee_paid, record_payment


class Fees:
    """The fees that a person may see."""

    queryset = Fee.objects.none()

    def get_queryset(self) -> QuerySet[Fee]:
        """All others do not exist for them."""
        return visible_fees(self.request.user)


class Repayments:
    """The instalments that a person may see."""

    queryset = Repayment.objects.none()

    def get_queryset(self) -> QuerySet[Repayment]:
        """All others do not exist for them."""
        return visible_repayments(self.request.user)


@extend_schema_view(get=extend_schema(parameters=[MoneyFilter]))
class FeeList(Fees, Narrowed):
    """Fees, the one that is due first first."""

    serializer_class = FeeSerializer
    filter_serializer = MoneyFilter


class FeeDetail(Fees, RetrieveAPIView):
    """A fee."""

    serializer_class = FeeSerializer


class FeeMarkPaid(Fees, GenericAPIView):
    """Record that a fee was paid."""

    serializer_class = MarkPaidSerializer

    @extend_schema(responses=FeeSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """The same request again changes nothing; another one for a paid fee is refused with 409."""
        fee = get_object_or_404(self.get_queryset(), pk=pk)
        demand(request.user, "record_payment")
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        fee = mark_fee_paid(fee, values["paid_date"], values["key"], request.user)
        return Response(FeeSerializer(fee).data)


@extend_schema_view(get=extend_schema(parameters=[MoneyFilter]))
class RepaymentList(Repayments, Narrowed):
    """Instalments, the one that is due first first."""

    serializer_class = RepaymentSerializer
    filter_serializer = MoneyFilter


class RepaymentDetail(Repayments, RetrieveAPIView):
    """An instalment."""

    serializer_class = RepaymentSerializer


class RepaymentMarkPaid(Repayments, GenericAPIView):
    """Record that an instalment was paid."""

    serializer_class = PaymentSerializer

    @extend_schema(responses=RepaymentSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """The same request again changes nothing; another payment of a paid instalment is refused with 409."""
        row = get_object_or_404(self.get_queryset(), pk=pk)
        demand(request.user, "record_payment")
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        row = record_payment(row, values["paid_date"], values["amount"], values["key"], request.user)
        return Response(RepaymentSerializer(row).data)


@extend_schema_view(get=extend_schema(parameters=[LedgerFilter]))
class LedgerList(Narrowed):
    """What happened to the money, the latest first."""

    queryset = Ledger.objects.none()
    serializer_class = LedgerSerializer
    filter_serializer = LedgerFilter

    def get_queryset(self) -> QuerySet[Ledger]:
        """Of the applications that the person may see."""
        return visible_ledger(self.request.user)
