"""Task names as people give them: the whole name, its tail, or the task itself."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from coldframe.errors import SetupError


def name_of(task: object) -> str:
    """The name that a name or a task object stands for.

    Raises:
        SetupError: It is neither.
    """
    name = task if isinstance(task, str) else getattr(task, "name", None)
    if not isinstance(name, str) or not name:
        raise SetupError(
            f"{task!r} is neither the name of a task nor a task",
            hint="pass the task itself, its name, or the last part of its name",
        )
    return name


def fits(wanted: str, name: str) -> bool:
    """Whether a task's name is the wanted one, or ends in it at a dot."""
    return name == wanted or name.endswith(f".{wanted}")


def full_name(wanted: str, known: Iterable[str]) -> str | None:
    """The one known name that is wanted; None when there is none.

    Raises:
        SetupError: Several names end in it.
    """
    fitting = sorted({name for name in known if fits(wanted, name)})
    if wanted in fitting:
        return wanted
    if len(fitting) > 1:
        raise SetupError(
            f"{wanted!r} is the end of several task names: {', '.join(fitting)}",
            hint=f"give the whole name, as in {fitting[0]!r}",
        )
    return fitting[0] if fitting else None


def nearest_name(wanted: str, known: Iterable[str]) -> str | None:
    """The known name that the wanted one is most likely meant to be; None when none is near."""
    tail = wanted.rpartition(".")[2]
    by_tail: dict[str, str] = {}
    names = sorted(set(known))
    for name in names:
        by_tail.setdefault(name.rpartition(".")[2], name)
    for written, candidates in ((wanted, {name: name for name in names}), (tail, by_tail)):
        near = difflib.get_close_matches(written, candidates, n=1, cutoff=0.75)
        if near:
            return candidates[near[0]]
    return None
