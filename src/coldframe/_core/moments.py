"""Moments of virtual time: whole microseconds since the epoch, so that nothing ever rounds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """The microseconds between the epoch and an aware datetime."""
    return (moment - EPOCH) // MICROSECOND


def to_datetime(micros: int) -> datetime:
    """The moment, as an aware datetime in UTC."""
    return EPOCH + timedelta(microseconds=micros)


def seconds_to_micros(seconds: float) -> int:
    """A span in seconds as whole microseconds; never less than one for a span above zero.

    A remainder that rounds to nothing would make a waiting loop spin without progress.
    """
    micros = round(seconds * SECOND)
    return 1 if micros == 0 and seconds > 0 else micros
