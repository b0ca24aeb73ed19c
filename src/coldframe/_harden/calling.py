"""`coldframe.harden(...)`: what users call."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Executor
from functools import cache, partial
from inspect import signature
from typing import TYPE_CHECKING, Any

from coldframe._harden import parallel, planning
from coldframe._harden.exploring import Explorer, Limits, Progress
from coldframe._harden.options import check_values, several, to_seconds
from coldframe._harden.plans import plan_from_text
from coldframe._harden.results import Result
from coldframe._harden.scenario import Promise, Scenario, name_of, said_of
from coldframe.errors import SetupError

if TYPE_CHECKING:
    from coldframe._bench.bench import Bench

#: What a scenario has of which nothing is said, neither in the call nor where it is marked.
DEFAULTS: dict[str, Any] = {"promises": (), "ignore": (), "files": (), "databases": (), "runs": 5_000, "seed": 0}

#: What a bench takes here; its other arguments are harden's own affair.
BENCH_OPTIONS = ("start", "profile", "allow", "longest_chain", "stuck_after")


def harden(
    scenario: Callable[[Bench], object],
    promises: Iterable[Promise] | Promise | None = None,
    *,
    app: Any = None,
    setup: Callable[[], object] | None = None,
    faults: Iterable[str] | str | None = None,
    ignore: Iterable[str] | None = None,
    files: Iterable[Any] | None = None,
    databases: Iterable[Any] | None = None,
    reset: Callable[[], object] | None = None,
    budget: float | str | None = None,
    runs: int | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    seed: int | None = None,
    fail_fast: bool | None = None,
    plan: str | None = None,
    progress: Progress | None = None,
    name: str | None = None,
    **options: Any,
) -> Result:
    """Run a scenario untouched, then broken at every place, and tell what broke.

    Example:
        >>> harden(lambda bench: remind.delay(7), app=app).check()           # doctest: +SKIP

    Args:
        scenario: Starts the work; called with the bench. What it starts is run to its end.
        promises: Called with the bench after each run; an `AssertionError` or `False` breaks the promise. Without any,
            each run must end as the untouched one did: the same rows, the same messages to the outside, nothing left.
        app: The Celery app, or its path.
        setup: Called once, at the first moment of a run, before the world is remembered that each run begins with.
        faults: The families to try, of `kills`, `twice`, `overlaps`, `failures`, `broker`, `pairs`, `database`.
        ignore: Tables, or columns as `"orders.attempts"`, that need not be the same.
        files: Directories whose files are put back between runs; Django's `MEDIA_ROOT` is found.
        databases: SQLAlchemy engines that are put back between runs; Django's databases are found.
        reset: Called before each run, for what else must be put back.
        budget: How long it may take: seconds, or `"30s"`, `"5m"`.
        runs: How many broken runs there may be; 5,000 by default.
        workers: How many processes run at the same time: forked ones; or, with an executor, how many it has.
        executor: Runs the broken runs elsewhere; another process imports the scenario and all that belongs to it.
        seed: Decides which pairs of faults are tried first.
        fail_fast: End with the first run that breaks.
        plan: Run only this plan, as it stands at the end of an id: `"4+kill-process"`.
        progress: Called after each run with its report, and how many plans there are.
        name: What the scenario is called; by default `module:function`.
        **options: For the bench: `start`, `profile`, `allow`, `longest_chain`, `stuck_after`.

    What is not given here is taken from `@coldframe.scenario(...)`, if the function is marked with it.

    Returns:
        All runs with their verdicts; `result.check()` raises unless each of them held.

    Raises:
        ScenarioError: It cannot be hardened: it fails untouched, is not deterministic, or does nothing.
    """
    given = dict(locals())
    explorer = prepare(given.pop("scenario"), **given.pop("options"), **given)
    return explorer.explore()


def prepare(play: Callable[[Bench], object], **given: Any) -> Explorer:
    """What explores a scenario: with what is given, and what the function was marked with.

    Raises:
        SetupError: An option is unknown or makes no sense, or there is no app.
    """
    if not callable(play):
        raise SetupError(
            f"a scenario is a function that starts work, not {play!r}",
            hint="pass it itself: harden(lambda bench: remind.delay(7), app=app)",
        )
    check_options(given, "harden")
    said = {**(said_of(play) or {}), **{name: value for name, value in given.items() if value is not None}}
    chosen = DEFAULTS | {name: tuple(value) if isinstance(value, Iterator) else value for name, value in said.items()}
    check_values(chosen)
    scenario = _scenario(play, chosen)
    workers = chosen.get("workers") or 1
    if scenario.files and (workers > 1 or chosen.get("executor") is not None):
        raise SetupError(
            f"the files in {', '.join(map(str, scenario.files))} are put back where they are, and {scenario.name} "
            "would use them in several processes at the same time",
            hint="run it in one process: workers=1",
        )
    plan = chosen.get("plan")
    explorer = Explorer(
        scenario,
        families=planning.check_families(chosen.get("faults")),
        limits=Limits(to_seconds(chosen.get("budget")), chosen["runs"], bool(chosen.get("fail_fast"))),
        seed=chosen["seed"],
        elsewhere=_elsewhere(chosen.get("executor"), chosen.get("workers")),
        only=None if plan is None else plan_from_text(plan),
    )
    if chosen.get("progress") is not None:
        explorer.progress = chosen["progress"]
    return explorer


def _scenario(play: Callable[[Bench], object], chosen: dict[str, Any]) -> Scenario:
    name = chosen.get("name") or name_of(play)
    if chosen.get("app") is None:
        raise SetupError(
            f"the app of the scenario {name} is not known", hint='name it: harden(..., app="proj.celery:app")'
        )
    promises = chosen["promises"]
    return Scenario(
        name=name,
        play=play,
        app=chosen["app"],
        promises=(promises,) if callable(promises) else tuple(promises),
        options={option: chosen[option] for option in BENCH_OPTIONS if option in chosen},
        ignore=frozenset(several(chosen["ignore"])),
        databases=several(chosen["databases"]),
        files=several(chosen["files"]),
        reset=chosen.get("reset"),
        setup=chosen.get("setup"),
    )


def _elsewhere(executor: Executor | None, workers: int | None) -> Any:
    if executor is not None:
        return partial(parallel.lent, executor=executor, workers=workers)
    return partial(parallel.forked, workers=workers) if workers is not None and workers > 1 else None


@cache
def known_options() -> tuple[str, ...]:
    """What can be said of a scenario."""
    return (*(name for name in signature(harden).parameters if name not in ("scenario", "options")), *BENCH_OPTIONS)


def check_options(options: Iterable[str], who: str, but: Collection[str] = ()) -> None:
    """Refuse words that harden does not know, or that make no sense here.

    Raises:
        SetupError: It names the nearest one that it knows.
    """
    known = [name for name in known_options() if name not in but]
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"did you mean {near[0]!r}? " if near else ""
            raise SetupError(f"{who} has no option {name!r}", hint=f"{meant}It takes: {', '.join(known)}")
