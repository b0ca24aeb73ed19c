"""Redis: when kombu's workers look for messages whose visibility timeout has passed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from coldframe._core.moments import SECOND, seconds_to_micros

if TYPE_CHECKING:
    from coldframe._broker.connection import Connection
    from coldframe._broker.profiles import Redis
    from coldframe._core.fibers import Timer
    from coldframe._core.scheduler import Scheduler


class Restores:
    """Plans the one scan that will find something next; the many that find nothing are left out.

    Each connection that consumes looks when it begins, and then at each interval times throttle.

    Args:
        scheduler: Where the timer is set.
        profile: With the visibility timeout, the interval and the throttle.
        restore: Called at a scan with the moment up to which unacknowledged messages were delivered.
    """

    def __init__(self, scheduler: Scheduler, profile: Redis, restore: Callable[[int], None]) -> None:
        self._scheduler = scheduler
        self._visibility = seconds_to_micros(profile.visibility_timeout)
        interval = seconds_to_micros(profile.restore_interval) if profile.restore_interval > 0 else 10 * SECOND
        self._period = interval * (profile.restore_throttle or 1)
        self._restore = restore
        self._began: dict[Connection, int] = {}
        self._oldest: int | None = None
        self.timer: Timer | None = None

    @property
    def possible(self) -> bool:
        """True if a connection is there that will restore."""
        return bool(self._began)

    def begin(self, connection: Connection) -> None:
        """A connection consumes from now on."""
        if connection not in self._began:
            self._began[connection] = self._scheduler.now
            self._scan()
            self._replan()

    def end(self, connection: Connection) -> None:
        """A connection consumes no longer."""
        if self._began.pop(connection, None) is not None:
            self._replan()

    def plan(self, oldest: int) -> None:
        """Set the timer for a message that was delivered at a moment and is the oldest that is unacknowledged."""
        self._oldest = oldest
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self._began:
            # In life a message arrives a little after its consumer began: the scan at that very distance misses it.
            due = oldest + self._visibility + 1
            moment = min(self._scan_after(due, began) for began in self._began.values())
            self.timer = self._scheduler.call_at(moment, self._scan)

    def plan_again(self, moments: Iterable[int]) -> None:
        """Set the timer for the oldest of what is still unacknowledged, if there is any."""
        oldest = next(iter(moments), None)
        if oldest is None:
            self._oldest = None
        else:
            self.plan(oldest)

    def _replan(self) -> None:
        if self._oldest is not None:
            self.plan(self._oldest)

    def _scan_after(self, due: int, began: int) -> int:
        """The first scan of a connection that began at a moment, at or after what is due and not in the past."""
        wait = max(due, self._scheduler.now) - began
        return began + -(-wait // self._period) * self._period

    def _scan(self) -> None:
        self.timer = None
        self._restore(self._scheduler.now - self._visibility)
