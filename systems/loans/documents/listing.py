"""Lists of the API that can be narrowed down by query parameters, which are checked as input is."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.generics import ListAPIView
from rest_framework.serializers import Serializer

#: What a parameter means; all others are the name of a column.
LOOKUPS = {"due_from": "due_date__gte", "due_to": "due_date__lte"}


class Narrowed(ListAPIView):
    """A list with a serializer of its parameters."""

    filter_serializer: type[Serializer[None]]

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows that are asked for.

        Raises:
            ValidationError: a parameter makes no sense.
        """
        wanted = self.filter_serializer(data=self.request.query_params.dict())
        wanted.is_valid(raise_exception=True)
        values = dict(wanted.validated_data)
        if "paid" in values:
            values["paid_date__isnull"] = not values.pop("paid")
        return super().filter_queryset(queryset).filter(**{LOOKUPS.get(name, name): values[name] for name in values})
