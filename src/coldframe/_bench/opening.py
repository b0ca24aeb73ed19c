"""Opens a bench: builds the world, swaps it in under the app, and can undo every step."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from coldframe._bench.armed import Armed, Recent
from coldframe._bench.driving import Driver
from coldframe._bench.recording import Recording
from coldframe._broker.broker import Broker
from coldframe._broker.profiles import Profile
from coldframe._celery import apps as celery_apps
from coldframe._celery import swap, worker_state, world
from coldframe._celery.discards import record_discards
from coldframe._celery.logs import record_task_logs
from coldframe._celery.patches import patch_results, refuse_other_apps
from coldframe._celery.stores import Stores
from coldframe._celery.world import CeleryProcess, World
from coldframe._core.captured import Captured
from coldframe._core.clock import VirtualTime, keeps_real_time
from coldframe._core.entropy import SeededEntropy
from coldframe._core.events import Discarded, Finished, Published
from coldframe._core.fibers import Process
from coldframe._core.interrupts import Interrupts
from coldframe._core.moments import to_micros
from coldframe._core.references import Replacement
from coldframe._core.scheduler import Scheduler
from coldframe._core.selector import AsyncioWaits
from coldframe._core.trace import Trace
from coldframe._effects.faults import Saboteur
from coldframe._effects.gate import Gate
from coldframe._effects.http_service import Service
from coldframe._effects.write_lock import WriteLocks
from coldframe._looking.tally import Counts
from coldframe.errors import AlreadyOpen, SetupError

if TYPE_CHECKING:
    from celery import Celery

#: A Monday morning. Fixed, because the same test must see the same time tomorrow.
DEFAULT_START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def parse_start(start: datetime | str | None) -> int:
    """The first moment of a bench in microseconds since the epoch.

    Raises:
        SetupError: When it is no moment, or has no time zone.
    """
    return parse_moment(DEFAULT_START if start is None else start, "start")


def parse_moment(given: datetime | str, what: str = "moment") -> int:
    """An aware datetime or its ISO form in microseconds since the epoch.

    Raises:
        SetupError: When it is no moment, or has no time zone.
    """
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else given
    except ValueError as error:
        raise SetupError(
            f"the {what} {given!r} is no moment in ISO form: {error}",
            hint="write it as '2026-03-29T00:00+01:00'",
        ) from error
    if not isinstance(moment, datetime):
        raise SetupError(
            f"the {what} {given!r} is no moment",
            hint="pass an aware datetime, or its ISO form: '2026-03-29T00:00+01:00'",
        )
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise SetupError(
            f"the {what} {given!r} has no time zone, so it is no exact moment",
            hint=f"add the offset: '{moment.isoformat()}+00:00', or pass an aware datetime",
        )
    return to_micros(moment)


class OpenBench:
    """The open state of a bench: everything that exists only between enter and exit."""

    def __init__(
        self,
        apps: tuple[Celery, ...],
        *,
        start: int,
        profile: str | Profile | None,
        seed: int,
        draws: int,
        store: Trace,
        allow: tuple[str, ...],
        own_connections: bool,
        driver_options: dict[str, Any],
    ) -> None:
        refuse_second_bench()
        self.own_connections = own_connections
        self.stack = ExitStack()
        with ExitStack() as undo:
            undo.callback(self.stack.close)
            self._build(apps, start, profile, seed, store, driver_options)
            self._interrupts = Interrupts(self.scheduler)
            self.stack.callback(self._interrupts.restore)
            self._interrupts.install()
            with self._interrupts.held():
                self._swap_in(f"{seed}/{draws}" if draws else seed, allow, own_connections=own_connections)
            undo.pop_all()

    def app(self, named: Celery | str | None) -> Celery:
        """An app of this bench: itself, by its path, or the first one.

        Raises:
            SetupError: When it is not on this bench.
        """
        chosen = celery_apps.find_app(named) if named is not None else self.world.apps[0]
        if chosen not in self.world.apps:
            raise SetupError(
                f"the app {chosen.main!r} is not on this bench",
                hint="pass it to the bench, too: Bench(app, other)",
            )
        return chosen

    def close(self) -> None:
        """End everything that runs, and put everything back."""
        with self._interrupts.held():
            self.stack.close()
            self.recording.release()

    def _build(
        self,
        apps: tuple[Celery, ...],
        start: int,
        profile: str | Profile | None,
        seed: int,
        store: Trace,
        driver_options: dict[str, Any],
    ) -> None:
        chosen = celery_apps.profile_for(apps[0], profile)
        self.test_process = CeleryProcess("test", pid=0, stores=Stores(apps))
        shuffle = random.Random(seed) if seed else None
        self.scheduler = Scheduler(start, shuffle, self.test_process)
        self.recording = Recording(store)
        self.broker = Broker(chosen, self.scheduler, self.recording)
        self.world = World(self.scheduler, self.broker, self.recording, apps)
        self.gate = self.world.gate = Gate(self.world)
        self.write_locks = WriteLocks(self.scheduler)
        self.recent = Recent()
        self.broker.on_published = self.recent.remember
        self.saboteur = Saboteur(self.world, self.gate, self.recent.get)
        #: What waits for its effect, to break it.
        self.armed: list[Armed] = []
        self.http_service = Service()
        self.driver = Driver(self.world, **driver_options)
        self.driver.lock_waits.append(self.write_locks.waits)
        self.recording.listen(Published, self.driver.note_published)
        self.recording.listen(Discarded, self.driver.note_discarded)
        self.counts = Counts()
        for kind in (Published, Finished, Discarded):
            self.recording.listen(kind, self.counts.add)
        self.broker.publish_context = self._publish_context
        self.in_transaction: Callable[[], bool] = lambda: False
        #: More functions to be replaced wherever code captured them by name, each with what takes its place.
        self.captured: list[Replacement] = []
        self.declared = {id(app): celery_apps.declared_queues(app) for app in apps}

    def _swap_in(self, seed: int | str, allow: tuple[str, ...], *, own_connections: bool) -> None:
        from coldframe._effects import adapters, django, network

        stack = self.stack
        world.enter(self.world)
        stack.callback(world.leave, self.world)
        swap.put_on_bench(stack, self.world)
        self.test_process.enter()
        patch_results(stack, self.world, self.driver.waiting, self.driver.observe)
        if not allow:
            refuse_other_apps(stack, self.world)
        record_discards(self.world)
        record_task_logs(stack, self.world)
        self.guard = network.guard(stack, self.world, allow)
        django.join_in(stack, self, own_connections=own_connections)
        adapters.join_in(stack, self)
        clock = VirtualTime(self.scheduler)
        entropy = SeededEntropy(seed)
        pairs = [
            *clock.replacements(),
            *entropy.replacements(),
            *worker_state.replacements(),
            *swap.ProcessEndings(self.world).replacements(),
            *self.captured,
        ]
        for part in (Captured(pairs, keeps_real_time), clock, entropy, AsyncioWaits(self.scheduler)):
            stack.callback(part.restore)
            part.install()
        stack.callback(self._end_fibers)

    def _publish_context(self) -> tuple[str, str | None, bool]:
        attempt = self.world.attempt()
        task_id = attempt.task_id if attempt is not None else None
        return self.world.process.name, task_id, self.in_transaction()

    def _end_fibers(self) -> None:
        self.driver.close()
        processes: list[Process] = [beat.process for beat in self.world.beats]
        for node in self.world.nodes.values():
            processes.append(node.process)
            processes.extend(child.process for child in (node.pool.children if node.pool else ()))
        self.scheduler.close(processes)


def refuse_second_bench() -> None:
    """Only one bench can be open in a process: there is only one time.

    Raises:
        AlreadyOpen: When there is one.
    """
    if world.current() is not None:
        raise AlreadyOpen(
            "a bench was opened while another one is open, and a process has only one time",
            hint="close the first one before; to run several apps on one bench, pass them together: Bench(app, other)",
        )
