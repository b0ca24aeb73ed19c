"""The outside services of a bench: which request is answered by what."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from coldframe._effects.http_answers import Answer
from coldframe._effects.http_asked import Asked
from coldframe._effects.http_urls import UrlPattern

ANY_METHOD = "*"

#: How many declared addresses a refusal lists.
TOLD = 5


@dataclass(slots=True, eq=False)
class Planned:
    """An answer that was declared.

    Attributes:
        answer: Makes it from the request and the name of the task that asks.
        times: For how many requests; without a number once, or for ever if none is declared after it.
        fails: The name of a failure that takes the place of an answer.
        used: How many requests it was for.
    """

    answer: Callable[[Asked, str | None], Answer]
    times: int | None = None
    fails: str = ""
    used: int = 0


@dataclass(slots=True, eq=False)
class Declared:
    """What answers the requests with one method for one address, in a row."""

    method: str
    pattern: UrlPattern
    planned: list[Planned] = field(default_factory=list)

    def __str__(self) -> str:
        given = self.pattern.given
        return f"{self.method} {given if isinstance(given, str) else given.pattern}"

    def matches(self, method: str, url: str) -> bool:
        """Whether a request is meant."""
        return self.method in (ANY_METHOD, method) and self.pattern.matches(url)

    def next(self) -> Planned | None:
        """What the next request gets; None when all is used up."""
        last = self.planned[-1]
        for planned in self.planned:
            times = planned.times
            if times is None and planned is not last:
                times = 1
            if times is None or planned.used < times:
                return planned
        return None


class Service:
    """All outside services of a bench together."""

    def __init__(self) -> None:
        self._declared: list[Declared] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing was declared."""
        return not self._declared

    def declare(self, method: str, url: str | re.Pattern[str], planned: Planned) -> None:
        """Plan one more answer for requests with a method and an address."""
        method = method.upper()
        for declared in self._declared:
            if declared.method == method and declared.pattern.given == url:
                declared.planned.append(planned)
                return
        self._declared.append(Declared(method, UrlPattern(url), [planned]))

    def find(self, method: str, url: str) -> Planned | None:
        """What would answer a request now: an exact address goes before a pattern, and what came last before others."""
        found: Planned | None = None
        rank = -1
        for declared in self._matching(method, url):
            planned = declared.next()
            if planned is not None and declared.pattern.rank >= rank:
                found, rank = planned, declared.pattern.rank
        return found

    def why_not(self, method: str, url: str) -> str:
        """Why nothing answers a request, in words: what was declared instead."""
        used = sum(planned.used for declared in self._matching(method, url) for planned in declared.planned)
        if used:
            return f"its declared answers were used up by {used} before"
        told = [str(declared) for declared in self._declared]
        more = f" and {len(told) - TOLD} more" if len(told) > TOLD else ""
        return f"declared are {', '.join(told[:TOLD])}{more}" if told else ""

    def _matching(self, method: str, url: str) -> list[Declared]:
        return [declared for declared in self._declared if declared.matches(method, url)]
