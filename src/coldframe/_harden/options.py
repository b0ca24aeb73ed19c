"""What may be said of a scenario, and a word for what makes no sense."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from coldframe.errors import SetupError

SPAN = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>ms|s|m|min|h)?")

UNITS = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def several(given: Any) -> tuple[Any, ...]:
    """One thing is taken for several, of which there is one."""
    return (given,) if isinstance(given, str | Path) or not isinstance(given, Iterable) else tuple(given)


def check_values(options: Mapping[str, Any]) -> None:
    """Refuse what is no value for its option; None says nothing.

    Args:
        options: By name; what is iterated over only once must have been iterated over.

    Raises:
        SetupError: It tells what the option takes.
    """
    for name, value in options.items():
        fits, wanted = _TAKES.get(name, (_anything, ""))
        if value is not None and not fits(value):
            raise SetupError(f"{name}={value!r} makes no sense", hint=f"{name} takes {wanted}")


def to_seconds(budget: float | str | None) -> float | None:
    """A budget in seconds.

    Raises:
        SetupError: It is no span of time.
    """
    if budget is None:
        return None
    if isinstance(budget, int | float) and not isinstance(budget, bool) and budget >= 0:
        return budget
    found = SPAN.fullmatch(budget.strip()) if isinstance(budget, str) else None
    if found is None:
        raise SetupError(f"{budget!r} is no span of time", hint="write it as 30s, 5m or 1.5h")
    return float(found["number"]) * UNITS[found["unit"]]


def _anything(value: object) -> bool:
    return True


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _each(kind: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: all(map(kind, several(value)))


def _is_a(*kinds: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, kinds)


def _has(attribute: str) -> Callable[[object], bool]:
    return lambda value: hasattr(value, attribute)


_TAKES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "promises": (_each(callable), "functions that look at the bench after each run"),
    "setup": (callable, "a function that makes what each run begins with"),
    "reset": (callable, "a function that is called before each run"),
    "progress": (callable, "a function that is called after each run"),
    "faults": (_each(_is_a(str)), "names of families of faults, as 'kills,twice'"),
    "ignore": (_each(_is_a(str)), "names of tables or columns, as 'orders' or 'orders.attempts'"),
    "files": (_each(_is_a(str, Path)), "paths of directories"),
    "databases": (_each(_has("dialect")), "engines of SQLAlchemy; Django's databases are found"),
    "runs": (_is_count, "a whole number of at least 1"),
    "workers": (_is_count, "a whole number of at least 1"),
    "seed": (_is_a(int, str), "a number"),
    "executor": (_has("submit"), "an executor of concurrent.futures"),
    "fail_fast": (_is_a(bool), "True or False"),
    "plan": (_is_a(str), "the end of an id, as '4+kill-process'"),
    "name": (_is_a(str), "a name, as text"),
    "allow": (_each(_is_a(str)), "hosts that may be reached, as 'host' or 'host:port'"),
}
