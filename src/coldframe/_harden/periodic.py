"""Each entry of the beat schedule as a scenario: its task is sent as beat would send it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coldframe._celery.apps import find_app
from coldframe._celery.schedule import entry_names, send_entry

if TYPE_CHECKING:
    from coldframe._bench.bench import Bench

#: A scenario whose name begins like this is an entry of the schedule.
PREFIX = "beat:"


@dataclass(frozen=True)
class PeriodicTask:
    """The task of one entry, as a scenario."""

    entry: str

    def __call__(self, bench: Bench) -> None:
        send_entry(bench.app, self.entry)

    @property
    def name(self) -> str:
        """What the scenario is called."""
        return f"{PREFIX}{self.entry}"


def periodic_tasks(app: Any) -> list[PeriodicTask]:
    """All entries of an app's schedule."""
    return [PeriodicTask(name) for name in entry_names(find_app(app))]
