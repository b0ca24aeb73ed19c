"""Fields of the API that take whatever anybody sends, and answer with a message."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from rest_framework import serializers

#: The days that the business can mean. A year 20266 is a slip of the finger.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)
LARGEST_ID = 2**63 - 1


class Id(serializers.IntegerField):
    """The key of a row."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=LARGEST_ID, **kwargs)


class Reference(serializers.PrimaryKeyRelatedField):
    """Another row by its key, which must be a whole number that a key can be."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(pk_field=Id(), **kwargs)


class Day(serializers.DateField):
    """A day, within reason."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators = [*self.validators, MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)]


class Moment(serializers.DateTimeField):
    """A moment, within reason; without an offset it is local time of the business."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        first, last = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (FIRST_DAY, LAST_DAY))
        self.validators = [*self.validators, MinValueValidator(first), MaxValueValidator(last)]

    def enforce_timezone(self, value: datetime) -> datetime:
        """Local time, if there is no offset; a moment at the very end of the calendar has none."""
        try:
            return super().enforce_timezone(value)
        except OverflowError:
            raise serializers.ValidationError("This moment is beyond the calendar.") from None
