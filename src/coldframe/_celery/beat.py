"""Beat on a bench: Celery's own service and schedulers, asleep until the very moment that something is due."""

from __future__ import annotations

import sys
from calendar import timegm
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from difflib import get_close_matches
from heapq import heapify
from typing import TYPE_CHECKING, Any

from celery.beat import PersistentScheduler, Scheduler, Service, event_t
from celery.utils.imports import load_extension_class_names, symbol_by_name
from celery.utils.time import maybe_make_aware

from coldframe._celery.stores import Stores
from coldframe._celery.world import CeleryProcess, World
from coldframe._core.events import BeatSent
from coldframe._core.fibers import Timer
from coldframe._core.moments import SECOND
from coldframe.errors import ColdframeError, SetupError

if TYPE_CHECKING:
    from celery import Celery

    from coldframe._core.fibers import Process

#: Beat looks up at least this often, so that a schedule with nothing in it costs nothing.
FOREVER = 365 * 24 * 3600

#: How often, in seconds, a scheduler that keeps its entries in a database looks for changes, and how often it
#: reads all of them again: django-celery-beat's own.
LOOKS_EVERY, READS_ALL_EVERY = 5, 300


class ExactScheduler(Scheduler):
    """Wakes in the very microsecond that an entry is due; Celery's own wakes 10 ms early and then creeps up."""

    def adjust(self, n: Any, drift: float = 0.0) -> Any:
        return n

    def populate_heap(self, event_t: Any = event_t, heapify: Any = heapify) -> None:
        """What is due together goes in the order of its names; with Celery's own, by where entries lie in memory."""
        super().populate_heap(event_t, heapify)
        ranks = {name: rank for rank, name in enumerate(sorted(map(str, self.schedule)))}
        heap: list[Any] = [event._replace(priority=ranks[str(event.entry.name)]) for event in self._heap or ()]
        heapify(heap)
        self._heap: list[Any] = heap

    def _when(self, entry: Any, next_time_to_run: Any, mktime: Any = timegm) -> float:
        now = maybe_make_aware(entry.default_now())
        return float(round(mktime(now.utctimetuple()) + now.microsecond / 1e6 + (next_time_to_run or 0), 6))


class BenchScheduler(ExactScheduler):
    """The default scheduler without its file, which does not compare all entries at each tick."""

    beat: Beat

    def setup_schedule(self) -> None:
        """In the order of the scheduler with the file: the other way round, Celery drops its own clean-up again.

        The file is there when beat starts once more: it knows when each entry was last sent.
        """
        self.schedule.update(self.beat.world.shelves.get(self.app.main, {}))
        self.merge_inplace(self.app.conf.beat_schedule)
        self.install_default_entries(self.schedule)

    def merge_inplace(self, b: Any) -> None:
        super().merge_inplace(self._kept(b))

    def update_from_dict(self, dict_: Any) -> None:
        super().update_from_dict(self._kept(dict_))

    def _kept(self, entries: Any) -> Any:
        return {name: entry for name, entry in entries.items() if self.beat.keeps(name)}

    def names(self) -> Any:
        return self.app.conf.beat_schedule

    def schedules_equal(self, old_schedules: Any, new_schedules: Any) -> bool:
        if old_schedules is None or len(old_schedules) != len(new_schedules):
            return old_schedules is new_schedules
        return all(
            name in new_schedules and new_schedules[name].schedule is entry.schedule
            for name, entry in old_schedules.items()
        )


class BenchDatabaseScheduler(ExactScheduler):
    """Put before django-celery-beat's scheduler: it asks the database only when somebody wrote to its tables.

    Because it does not read everything again every five minutes, it knows all entries from the start, also those
    that are due in many hours.
    """

    beat: Beat

    #: Whether the database may have changed since it was last read.
    is_stale = True

    @property
    def schedule(self) -> Any:
        if not self.is_stale:
            return self._schedule
        self.is_stale = False
        return super().schedule

    def enabled_models_qs(self) -> Any:
        enabled, only = self.Model.objects.enabled(), self.beat.only
        return enabled if only is None else enabled.filter(name__in=only)

    def names(self) -> Any:
        return self.Model.objects.enabled().values_list("name", flat=True)

    def schedule_changed(self) -> bool:
        """Also when the time of the last change moved back: the test wrote to the tables before it opened the bench."""
        before = self._last_timestamp
        return bool(super().schedule_changed()) or (before is not None and self._last_timestamp != before)

    def all_as_schedule(self) -> Any:
        entries = super().all_as_schedule()
        now = datetime.now(UTC)  # noqa: TID251 - virtual time
        for entry in entries.values():
            if maybe_make_aware(entry.last_run_at) > now:
                entry.last_run_at = entry.model.last_run_at = entry._default_now()
        return entries

    def is_due(self, entry: Any) -> Any:
        due = super().is_due(entry)
        if entry.model.one_off or not entry.model.enabled:
            self.beat.look_after(READS_ALL_EVERY)
        return due

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        super().apply_entry(entry, producer)
        if self._dirty:
            self.beat.wake_after(self.sync_every + self.beat.looks_every)

    def sync(self) -> None:
        """At the end of a bench there is no world left to write to."""
        if self.beat.world.scheduler.can_park:
            super().sync()

    def tables(self) -> tuple[str, set[str]]:
        """The table that tells of changes, and those of the entries."""
        model = self.Model._meta
        related = {field.related_model._meta.db_table for field in model.fields if field.is_relation}
        return self.Changes._meta.db_table, {model.db_table, *related}


class Beat:
    """One beat process.

    Args:
        world: The bench that it lives in.
        app: The app whose schedule it keeps.
        scheduler: A scheduler class or its path; the app's own setting otherwise.
        only: The names of the entries that it keeps; all others are as if they were not there.
    """

    def __init__(self, world: World, app: Celery, scheduler: Any = None, only: Collection[str] | None = None) -> None:
        self.world = world
        self.app = app
        self.only = None if only is None else sorted({only} if isinstance(only, str) else set(only))
        current_app = app if len(world.apps) > 1 else None
        self.process = CeleryProcess("beat", pid=world.next_pid(), app=current_app, stores=Stores(world.apps))
        self.scheduler_class = _scheduler_class(self, app, scheduler)
        self.looks_every = app.conf.beat_max_loop_interval or LOOKS_EVERY
        self.scheduler: Any = None
        self._planned: dict[float, Timer] = {}
        world.beats.append(self)
        self.fiber = world.scheduler.spawn(self.process, self._run)

    def keeps(self, name: str) -> bool:
        """Whether an entry of the schedule is among those that it keeps."""
        return self.only is None or name in self.only

    def _run(self) -> None:
        try:
            service = self._service()
        except ColdframeError:
            raise
        except Exception as error:
            self.process.alive = False
            self.world.beats.remove(self)
            raise SetupError(
                f"beat cannot start: {type(error).__name__}: {error}",
                hint="correct the entry of beat_schedule, or the scheduler, that the error names",
            ) from error
        service.start()

    def _service(self) -> Service:
        service = Service(self.app, max_interval=FOREVER, scheduler_cls=self.scheduler_class)
        service.remote_control = False
        self.scheduler = service.scheduler
        self._see_everything_anew()
        self._check_names()
        # Else it would be kept for ever, and write to the database when the interpreter exits.
        finalizer = getattr(self.scheduler, "_finalize", None)
        if finalizer is not None:
            finalizer.cancel()
        self._record_sendings(self.scheduler)
        return service

    def _check_names(self) -> None:
        for name in self.only or ():
            if name not in self.scheduler.schedule:
                there = sorted(self.scheduler.names())
                near = get_close_matches(name, there, n=1, cutoff=0.0)
                raise SetupError(
                    f"beat was to keep only {name!r}, but the schedule has no entry of that name",
                    hint=f"did you mean {near[0]!r}? The entries are: {', '.join(there)}"
                    if near
                    else "the schedule is empty: is beat_schedule set, or are the entries in the database?",
                )

    def _record_sendings(self, scheduler: Any) -> None:
        apply_async = scheduler.apply_async
        world = self.world

        def recorded(entry: Any, *args: Any, **kwargs: Any) -> Any:
            result = apply_async(entry, *args, **kwargs)
            world.trace.append(BeatSent(world.scheduler.now, str(entry.name), entry.task, getattr(result, "id", None)))
            return result

        scheduler.apply_async = recorded

    def look_again(self) -> None:
        """Something happened: a scheduler with a store of its own that cannot be watched looks for changes."""
        if not issubclass(self.scheduler_class, BenchScheduler | BenchDatabaseScheduler):
            self.look_after(self.looks_every)

    def look_after(self, seconds: float) -> None:
        """Have the scheduler look for changes in its store after a span, unless it will have done so by then."""
        self._call_after(seconds, self._look)

    def wake_after(self, seconds: float) -> None:
        """Have the scheduler write down what it has to, if it has not by then."""
        self._call_after(seconds, self._wake)

    def _call_after(self, seconds: float, callback: Callable[[], None]) -> None:
        scheduler = self.world.scheduler
        planned = self._planned.get(seconds)
        if planned is None or planned.cancelled:
            self._planned[seconds] = scheduler.call_at(scheduler.now + round(seconds * SECOND), callback)

    def note_write(self, sql: str, by: Process) -> None:
        """A statement wrote to the project's database: if it named the tables of the schedule, look at them."""
        if not isinstance(self.scheduler, BenchDatabaseScheduler):
            return
        changes, tables = self.scheduler.tables()
        if changes in sql:
            self._see_everything_anew()
            self.look_after(self.looks_every)
        elif by is not self.process and any(table in sql for table in tables):
            self.look_after(READS_ALL_EVERY)

    def note_rollback(self) -> None:
        """What beat has read may be undone."""
        if isinstance(self.scheduler, BenchDatabaseScheduler):
            self.look_after(self.looks_every)

    def _look(self) -> None:
        self._see_everything_anew()
        self._wake()

    def _wake(self) -> None:
        self.world.scheduler.wake(self.fiber)

    def _see_everything_anew(self) -> None:
        if isinstance(self.scheduler, BenchDatabaseScheduler):
            self.scheduler.is_stale = True

    def stop(self) -> None:
        """End the process; what it wrote down for the next one stays."""
        if isinstance(self.scheduler, BenchScheduler):
            self.world.shelves[self.app.main] = dict(self.scheduler.schedule)
        self.world.scheduler.kill(self.process)
        self.world.beats.remove(self)


def _scheduler_class(beat: Beat, app: Celery, scheduler: Any) -> type:
    chosen = _chosen(scheduler or app.conf.beat_scheduler or PersistentScheduler)
    if chosen is PersistentScheduler:
        return type("BenchScheduler", (BenchScheduler,), {"beat": beat})
    django = sys.modules.get("django_celery_beat.schedulers")
    if django is not None and issubclass(chosen, django.DatabaseScheduler):
        ours: type = BenchDatabaseScheduler
    else:
        ours = ExactScheduler
        if beat.only is not None:
            raise SetupError(
                f"only=... works with Celery's default scheduler and django-celery-beat's, not with {chosen.__name__}",
                hint="leave it out, or pass scheduler='celery.beat:PersistentScheduler'",
            )
    return type(chosen.__name__, (ours, chosen), {"beat": beat})


def _chosen(scheduler: Any) -> type:
    aliases = {}
    if isinstance(scheduler, str) and scheduler.isidentifier():
        aliases = dict(load_extension_class_names("celery.beat_schedulers"))
    try:
        chosen = symbol_by_name(scheduler, aliases=aliases)
    except (AttributeError, ImportError, ValueError) as error:
        raise SetupError(
            f"the scheduler {scheduler!r} of beat does not import: {error}",
            hint="correct beat_scheduler or bench.beat(scheduler=...): a class, or its path in the form "
            "'django_celery_beat.schedulers:DatabaseScheduler'",
        ) from error
    if not (isinstance(chosen, type) and issubclass(chosen, Scheduler)):
        raise SetupError(
            f"the scheduler {scheduler!r} of beat is no subclass of celery.beat.Scheduler",
            hint="pass the class itself, not an instance of it, nor a function",
        )
    return chosen
