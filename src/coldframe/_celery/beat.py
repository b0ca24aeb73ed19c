"""Beat on a bench: Celery's own service and schedulers, asleep until the very moment that something is due."""

from __future__ import annotations

from calendar import timegm
from typing import TYPE_CHECKING, Any

from celery.beat import PersistentScheduler, Scheduler, Service
from celery.utils.imports import symbol_by_name
from celery.utils.time import maybe_make_aware

from coldframe._celery.world import CeleryProcess, World
from coldframe._core.events import BeatSent
from coldframe._core.moments import SECOND
from coldframe._core.scheduler import Timer

if TYPE_CHECKING:
    from celery import Celery

#: Beat looks up at least this often, so that a schedule with nothing in it costs nothing.
FOREVER = 365 * 24 * 3600

#: How often a scheduler that keeps its entries in a database looks for changes; django-celery-beat's default.
DATABASE_INTERVAL = 5 * SECOND


class BenchScheduler(Scheduler):
    """The default scheduler without its file: it wakes in the very microsecond that an entry is due.

    Celery's own wakes 10 ms early, creeps up in steps of a millisecond, and compares all entries at each tick.
    """

    def adjust(self, n: Any, drift: float = 0.0) -> Any:
        return n

    def _when(self, entry: Any, next_time_to_run: Any, mktime: Any = timegm) -> float:
        now = maybe_make_aware(entry.default_now())
        return float(round(mktime(now.utctimetuple()) + now.microsecond / 1e6 + (next_time_to_run or 0), 6))

    def schedules_equal(self, old_schedules: Any, new_schedules: Any) -> bool:
        if old_schedules is None or len(old_schedules) != len(new_schedules):
            return old_schedules is new_schedules
        return all(
            name in new_schedules and new_schedules[name].schedule is entry.schedule
            for name, entry in old_schedules.items()
        )


class Beat:
    """One beat process.

    Args:
        world: The bench that it lives in.
        app: The app whose schedule it keeps.
        scheduler: A scheduler class or its path; the app's own setting otherwise.
    """

    def __init__(self, world: World, app: Celery, scheduler: Any = None) -> None:
        self.world = world
        self.app = app
        self.process = CeleryProcess("beat", pid=world.next_pid(), app=app if len(world.apps) > 1 else None)
        self.scheduler_class = _scheduler_class(app, scheduler)
        self.watches_database = not issubclass(self.scheduler_class, BenchScheduler)
        self._look_timer: Timer | None = None
        world.beats.append(self)
        self.fiber = world.scheduler.spawn(self.process, self._run)

    def _run(self) -> None:
        service = Service(self.app, max_interval=FOREVER, scheduler_cls=self.scheduler_class)
        service.remote_control = False
        self.service = service
        self._record_sendings(service.scheduler)
        service.start()

    def _record_sendings(self, scheduler: Any) -> None:
        apply_async = scheduler.apply_async
        world = self.world

        def recorded(entry: Any, *args: Any, **kwargs: Any) -> Any:
            result = apply_async(entry, *args, **kwargs)
            world.trace.append(
                BeatSent(world.scheduler.now, str(entry.name), entry.task, getattr(result, "id", None))
            )
            return result

        scheduler.apply_async = recorded

    def look_again(self) -> None:
        """Have a scheduler with a database look for changes, as it would within its interval."""
        if self.watches_database and (self._look_timer is None or self._look_timer.cancelled):
            scheduler = self.world.scheduler
            self._look_timer = scheduler.call_at(
                scheduler.now + DATABASE_INTERVAL, lambda: scheduler.wake(self.fiber)
            )

    def stop(self) -> None:
        """End the process."""
        self.world.scheduler.kill(self.process)


def _scheduler_class(app: Celery, scheduler: Any) -> type:
    chosen = symbol_by_name(scheduler or app.conf.beat_scheduler or PersistentScheduler)
    return BenchScheduler if chosen is PersistentScheduler else chosen
