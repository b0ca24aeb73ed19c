"""Applications, as the API shows and takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Model, QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from applications.models import Application, Stage
from applications.services import allowed_moves
from applications.terms import TERMS, Terms
from borrowers.selectors import visible_borrowers, visible_guarantors
from brokers.models import BDM, Branch, Broker
from core.fields import Id, Reference

MOST_PEOPLE = 100


class Named(serializers.Serializer):
    """Somebody or something that belongs to an application."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class ApplicationOutput(serializers.ModelSerializer[Application]):
    """An application with its people."""

    broker = Named(allow_null=True)
    branch = Named(allow_null=True)
    bd = Named(allow_null=True)
    borrowers = Named(many=True)
    guarantors = Named(many=True)
    in_stage_since = serializers.DateTimeField()
    allowed_moves = serializers.SerializerMethodField()

    class Meta:
        model = Application
        fields = [
            "id",
            "reference_number",
            "stage",
            "stage_last_updated",
            "in_stage_since",
            "allowed_moves",
            "application_type",
            "purpose",
            *TERMS,
            "broker",
            "branch",
            "bd",
            "borrowers",
            "guarantors",
            "signed_by",
            "signature_date",
            "created_by",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_allowed_moves(self, application: Application) -> list[str]:
        """The stages to which somebody who may can move it now."""
        return [str(stage) for stage in allowed_moves(application)]


Context = dict[str, Any]


class Rows(serializers.ListField):
    """Rows by their keys, found with one statement; `among` says which there are."""

    def __init__(self, among: Callable[[Context], QuerySet[Model]], **kwargs: Any) -> None:
        self.among = among
        super().__init__(child=Id(), max_length=MOST_PEOPLE, **kwargs)

    def to_internal_value(self, data: Any) -> list[Model]:
        """The rows; a key without a row is an error, whether it does not exist or is somebody else's."""
        ids = super().to_internal_value(data)
        rows = list(self.among(self.context).filter(pk__in=ids))
        missing = sorted(set(ids) - {row.pk for row in rows})
        if missing:
            raise serializers.ValidationError(f"There is none with the id {', '.join(map(str, missing))}.")
        return rows


def seen_borrowers(context: Context) -> QuerySet[Model]:
    """Those whom the person who asks may see."""
    return visible_borrowers(context["request"].user)


def seen_guarantors(context: Context) -> QuerySet[Model]:
    """Those whom the person who asks may see."""
    return visible_guarantors(context["request"].user)


def own_borrowers(context: Context) -> QuerySet[Model]:
    """Those of the application."""
    return context["application"].borrowers.all()


class ApplicationInput(Terms):
    """What can be said about an application; its stage has an endpoint of its own."""

    serializer_related_field = Reference
    broker = Reference(queryset=Broker.objects.all(), required=False, allow_null=True)
    branch = Reference(queryset=Branch.objects.all(), required=False, allow_null=True)
    bd = Reference(queryset=BDM.objects.all(), required=False, allow_null=True)
    borrower_ids = Rows(seen_borrowers, source="borrowers", required=False)
    guarantor_ids = Rows(seen_guarantors, source="guarantors", required=False)

    class Meta(Terms.Meta):
        fields = [*Terms.Meta.fields, "broker", "branch", "bd", "borrower_ids", "guarantor_ids"]


class Filters(serializers.Serializer):
    """What a list can be narrowed to."""

    stage = serializers.ChoiceField(Stage.choices, required=False)
    broker = Id(required=False)
    bd = Id(required=False)
    search = serializers.CharField(
        required=False, allow_blank=True, max_length=100, help_text="words of reference, purpose or borrower"
    )


class StageInput(serializers.Serializer):
    """Where it is to move."""

    stage = serializers.ChoiceField(Stage.choices)


class BorrowersToAdd(serializers.Serializer):
    """Borrowers whom one may see."""

    borrower_ids = Rows(seen_borrowers, allow_empty=False)


class BorrowersToRemove(serializers.Serializer):
    """Borrowers of the application."""

    borrower_ids = Rows(own_borrowers, allow_empty=False)


class Verdict(serializers.Serializer):
    """Whether terms can be used, and if not, what is wrong with each."""

    valid = serializers.BooleanField()
    errors = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
