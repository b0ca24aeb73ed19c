"""One run of a scenario: untouched, or broken as a plan says."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from coldframe._bench.bench import Bench
from coldframe._core.events import Event, Refused
from coldframe._core.moments import SECOND
from coldframe._effects.faults import Break, Saboteur
from coldframe._harden.ending import Ending, ended_in_vain, sent_outside
from coldframe._harden.normal import of_a_run
from coldframe._harden.plans import Plan
from coldframe._harden.project import run_setup
from coldframe._harden.redis import Redis
from coldframe._harden.scenario import Scenario
from coldframe._harden.state import State
from coldframe._harden.touches import Place, Places
from coldframe.errors import ColdframeError, WorkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from coldframe._broker.broker import Broker
    from coldframe._effects.gate import Gate

#: A run that is broken may try again and again: this many tries in a row are taken for endless.
LONGEST_CHAIN = 60

#: The set-up draws random numbers of its own: a run would draw the ids once more that rows of the set-up have.
SET_UP_DRAWS = -1

#: What is made from the time is another when a message comes again: in life, it never comes at the same moment.
COMES_AGAIN_AFTER = SECOND


@dataclass(frozen=True, slots=True)
class Played:
    """What one run was.

    Attributes:
        plan: What was broken.
        places: What passed the gate.
        ending: What it came to.
        never_fired: What was planned and did not come about.
        trace: All that happened.
    """

    plan: Plan
    places: tuple[Place, ...]
    ending: Ending
    never_fired: tuple[Break, ...]
    trace: tuple[Event, ...]


def play(
    scenario: Scenario,
    state: State,
    plan: Plan = (),
    watch: Callable[[Gate], object] | None = None,
    *,
    draws: int = 0,
    later: int = 0,
) -> Played:
    """Put the world back, run the scenario, break what the plan says, and see what it came to.

    Args:
        scenario: What is run.
        state: What is put back.
        plan: What is broken.
        watch: Told of the gate before anything has passed it.
        draws: Another number lets tasks draw other random numbers.
        later: How many microseconds after the set-up the run begins.
    """
    state.put_back()
    bench = _bench(scenario, connections="own")
    bench._draws = draws  # noqa: SLF001 - harden stands above the bench
    trouble = ""
    broken: tuple[str, ...] = ()
    with bench:
        # Celery tells of one of its settings at each connection that is cut; the bench puts all filters back.
        warnings.filterwarnings("ignore", module=r"celery\.worker\b")
        opened = bench._now_open  # noqa: SLF001 - harden stands above the bench
        state.redis.fill(opened.world)
        opened.scheduler.move_to(opened.scheduler.now + later)
        began = bench.now
        places = Places(opened.gate)
        if watch is not None:
            watch(opened.gate)
        saboteur = Saboteur(opened.world, opened.gate, opened.recent.get, plan, meanwhile=COMES_AGAIN_AFTER)
        try:
            raised = _start(scenario, bench, is_broken=bool(plan))
            _finish(bench)
        except WorkError as error:
            trouble = _first_line(error)
        else:
            broken = (*raised, *_broken_promises(scenario, bench, is_broken=bool(plan)))
        waiting = _left_in(opened.broker)
        ended = bench.now
        expected = list(opened.driver.expected)
    trace = tuple(bench.trace)
    with of_a_run(began.timestamp(), ended.timestamp()):
        rows, said = state.rows(), sent_outside(trace)
    ending = Ending(
        rows=rows,
        columns=state.columns(),
        sent=Counter({what: len(details) for what, details in said.items()}),
        said=said,
        waiting=waiting,
        in_vain=ended_in_vain(trace, expected),
        trouble=trouble,
        broken=broken,
    )
    return Played(plan, places.all(), ending, tuple(saboteur.never_fired), trace)


def _left_in(broker: Broker) -> Counter[str]:
    """The tasks whose messages nobody has taken, or acked."""
    messages = (*(message for _queue, message in broker.waiting()), *(held.message for held in broker.unacked()))
    return Counter(message.task or "a message" for message in messages)


def set_up(scenario: Scenario, redis: Redis) -> None:
    """Make what each run begins with, at the first moment of a run; what is sent meanwhile goes nowhere."""
    if scenario.setup is not None:
        bench = _bench(scenario, connections="shared")
        bench._draws = SET_UP_DRAWS  # noqa: SLF001 - harden stands above the bench
        with bench:
            run_setup(scenario.setup)
            redis.keep(bench._now_open.world)  # noqa: SLF001


def _bench(scenario: Scenario, *, connections: Literal["own", "shared"]) -> Bench:
    options = {"longest_chain": LONGEST_CHAIN, **scenario.options}
    return Bench(scenario.app, connections=connections, failures="collect", unread="collect", **options)


def _finish(bench: Bench) -> None:
    """Beat stops, so that the run can come to an end."""
    world = bench._now_open.world  # noqa: SLF001
    for beat in list(world.beats):
        beat.stop()
    bench.drain()


def _start(scenario: Scenario, bench: Bench, *, is_broken: bool) -> tuple[str, ...]:
    """Call the scenario; what it raises because its run was broken, as a task's error that it waits for, is told."""
    try:
        scenario.play(bench)
    except Exception as error:
        is_own = not isinstance(error, ColdframeError) or isinstance(error, AssertionError)
        if not (is_broken and is_own):
            raise
        return (f"the scenario raised {_told(error)}",)
    return ()


def _broken_promises(scenario: Scenario, bench: Bench, *, is_broken: bool) -> Iterable[str]:
    """What was not kept; in a broken run a row that a promise looks for may not be there."""
    for promise in scenario.promises:
        try:
            kept = promise(bench)
        except AssertionError as error:
            yield _first_line(error) or _title(promise)
        except ColdframeError:
            raise
        except Exception as error:
            if not is_broken:
                raise
            yield f"{_title(promise).rstrip('.')}: it raised {_told(error)}"
        else:
            if kept is False:
                yield _title(promise)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {_first_line(error)}".rstrip(": ")


def _title(promise: object) -> str:
    doc = getattr(promise, "__doc__", None)
    name = getattr(promise, "__name__", repr(promise))
    return doc.strip().splitlines()[0] if doc else name.replace("_", " ")


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def refused_hosts(trace: Iterable[Event]) -> list[str]:
    """The hosts that were reached for and may not be."""
    return sorted({event.address for event in trace if isinstance(event, Refused)})
