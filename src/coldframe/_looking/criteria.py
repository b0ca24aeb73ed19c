"""What is wanted of a message or a run, and in words how one that is there differs from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Protocol, Self, TypedDict, Unpack

from coldframe._core.plain import stable_repr
from coldframe._looking.wording import moment, shorten, span
from coldframe.errors import SetupError


class Unset(Enum):
    """The type of `UNSET`."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return self.value


UNSET = Unset.UNSET
"""Stands for what was not given, where None has a meaning."""

SECOND = timedelta(seconds=1)
SHOWN = 40


class Criteria(TypedDict, total=False):
    """What can be asked of a message."""

    args: Any
    kwargs: Any
    queue: Any
    eta: datetime | timedelta | None
    within: timedelta


class Called(Protocol):
    """Whatever has the arguments of a task: a message or a run."""

    @property
    def args(self) -> tuple[Any, ...]: ...
    @property
    def kwargs(self) -> dict[str, Any]: ...
    @property
    def queue(self) -> str | None: ...


class Due(Called, Protocol):
    """Whatever also has a moment at which it is due."""

    @property
    def eta(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class WantedCall:
    """What is wanted of the arguments and the queue."""

    args: Any = UNSET
    kwargs: Any = UNSET
    queue: Any = UNSET

    def __post_init__(self) -> None:
        if self.args is not UNSET and not isinstance(self.args, (tuple, list)):
            raise SetupError(
                f"args={self.args!r} is neither a tuple nor a list", hint="write args=(7,) for one argument"
            )
        if self.kwargs is not UNSET and not isinstance(self.kwargs, Mapping):
            raise SetupError(f"kwargs={self.kwargs!r} is no dict", hint="write kwargs={'dry_run': True}")

    def differences_of(self, there: Called, unread: frozenset[str] = frozenset()) -> Iterator[str]:
        """Each difference in words, lazily."""
        if self.queue is not UNSET and self.queue != there.queue:
            note = ", which no node reads" if there.queue in unread else ""
            yield f"wrong queue: it is in {there.queue!r}{note}"
        if self.args is not UNSET and not same(self.args, there.args):
            yield f"other arguments: args is {_short(there.args)}, not {_short(tuple(self.args))}"
        if self.kwargs is not UNSET:
            yield from (f"other arguments: {text}" for text in _missing(self.kwargs, there.kwargs, "kwargs"))

    def described(self) -> Iterator[str]:
        """Each thing that is wanted, in words."""
        if self.args is not UNSET:
            yield f"args={_short(tuple(self.args))}"
        if self.kwargs is not UNSET:
            yield f"kwargs={_short(dict(self.kwargs))}"
        if self.queue is not UNSET:
            yield f"queue={self.queue!r}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of a message."""

    call: WantedCall
    eta: Any
    within: timedelta

    @classmethod
    def of(cls, *, now: datetime | None, **criteria: Unpack[Criteria]) -> Self:
        """Build it from what the caller gave.

        Raises:
            SetupError: Something given makes no sense.
        """
        within = criteria.get("within", SECOND)
        call = WantedCall(criteria.get("args", UNSET), criteria.get("kwargs", UNSET), criteria.get("queue", UNSET))
        if not isinstance(within, timedelta) or within < timedelta(0):
            raise SetupError(f"within={within!r} is no span", hint="write within=timedelta(seconds=5)")
        return cls(call, _due(criteria.get("eta", UNSET), now), within)

    def matches(self, message: Due) -> bool:
        """Whether the message is as wanted."""
        return next(self.differences_of(message), None) is None

    def differences_of(self, message: Due, unread: frozenset[str] = frozenset()) -> Iterator[str]:
        """Each difference in words, lazily."""
        yield from self.call.differences_of(message, unread)
        if self.eta is UNSET or self.eta == message.eta:
            return
        if message.eta is None:
            yield "it has no eta"
        elif not isinstance(self.eta, datetime):
            yield f"it has an eta: {moment(message.eta)}"
        elif abs(message.eta - self.eta) > self.within:
            late = message.eta > self.eta
            yield f"eta {span(message.eta - self.eta)} {'later' if late else 'earlier'}: {moment(message.eta)}"

    def described(self) -> Iterator[str]:
        """Each thing that is wanted, in words."""
        yield from self.call.described()
        if isinstance(self.eta, datetime):
            yield f"eta={moment(self.eta)} within {span(self.within)}"
        elif self.eta is not UNSET:
            yield f"eta={self.eta!r}"


def same(wanted: Any, there: Any) -> bool:
    """Whether two values are equal, where a tuple equals the list that JSON makes of it."""
    if isinstance(wanted, (list, tuple)) and isinstance(there, (list, tuple)):
        return len(wanted) == len(there) and all(map(same, wanted, there))
    if isinstance(wanted, Mapping) and isinstance(there, Mapping):
        return wanted.keys() == there.keys() and all(same(value, there[key]) for key, value in wanted.items())
    return bool(wanted == there)


def _missing(wanted: Mapping[Any, Any], there: Mapping[Any, Any], path: str) -> Iterator[str]:
    """What of the wanted dict, at every depth, is not in the other one."""
    for key, value in wanted.items():
        here = f"{path}[{key!r}]"
        if key not in there:
            yield f"there is no {here}"
        elif isinstance(value, Mapping) and isinstance(there[key], Mapping):
            yield from _missing(value, there[key], here)
        elif not same(value, there[key]):
            yield f"{here} is {_short(there[key])}, not {_short(value)}"


def _due(eta: Any, now: datetime | None) -> Any:
    if isinstance(eta, timedelta):
        if now is None:
            raise SetupError(f"eta={eta!r} counts from now, which is not known here", hint="pass now= as well")
        return now + eta
    if isinstance(eta, datetime) and eta.tzinfo is None:
        raise SetupError(
            f"eta={eta!r} has no time zone", hint="give an aware datetime, as in datetime(2026, 3, 29, 3, tzinfo=UTC)"
        )
    return eta


def _short(value: object) -> str:
    return shorten(stable_repr(value), SHOWN)
