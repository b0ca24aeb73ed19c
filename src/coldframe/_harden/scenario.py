"""What a user wants to see survive: a function that starts work, and promises about how it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from coldframe._harden.names import own_name

if TYPE_CHECKING:
    from coldframe._bench.bench import Bench

#: Looks at the bench after a run, and raises an `AssertionError` if the promise was not kept.
Promise = Callable[["Bench"], object]

#: Where a function that is marked as a scenario keeps what was said of it: keywords of `coldframe.harden`.
MARK = "__coldframe_scenario__"


@dataclass(frozen=True)
class Scenario:
    """A scenario, ready to be run.

    Attributes:
        name: What it is called by, as in `shop.scenarios:pay`.
        play: Starts the work; called with the bench.
        app: The Celery app, or its path.
        promises: What must be kept; without any, the run must end as the untouched one did.
        options: For the bench: `start`, `profile`, `seed`, `allow`.
        ignore: Tables, or columns as `orders.attempts`, that need not be the same.
        prepare: More parts of the outside that are put back: directories, SQLAlchemy engines.
        reset: Called before each run.
        setup: Called once, at the first moment of a run, before the world is remembered that each run begins with.
    """

    name: str
    play: Callable[[Bench], object]
    app: Any
    promises: tuple[Promise, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()
    databases: tuple[Any, ...] = ()
    files: tuple[Any, ...] = ()
    reset: Callable[[], object] | None = None
    setup: Callable[[], object] | None = None


def name_of(play: Callable[..., object]) -> str:
    """What a function is called by: `package.module:function`; also if nobody could import it by that."""
    return own_name(play) or f"{play.__module__}:{getattr(play, '__qualname__', type(play).__qualname__)}"


def said_of(play: object) -> dict[str, Any] | None:
    """What a function was marked with; None if it is not marked as a scenario."""
    found = getattr(play, MARK, None)
    return found if isinstance(found, dict) else None
