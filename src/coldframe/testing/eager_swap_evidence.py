"""What is known of both runs of a test, and one difference between them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from coldframe._core.events import Event
from coldframe._core.plain import stable_repr
from coldframe._looking.messages import Message
from coldframe._looking.wording import shorten

if TYPE_CHECKING:
    from celery import Celery

    from coldframe.testing.eager_swap_log import EagerLog

VALUE_WIDTH = 60


@dataclass(frozen=True, slots=True)
class Fact:
    """One difference between eager mode and the bench.

    Attributes:
        kind: What eager mode hid, in two or three words.
        text: What happened, with the names of the task and whatever else it was about.
        next_step: What to do about it.
        task: The task that it was about.
    """

    kind: str
    text: str
    next_step: str
    task: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of both runs of a test.

    Attributes:
        unread: The queues that no node reads and in which messages wait.
        read: The queues that the nodes read.
        now: The virtual moment at which the test ended.
        committed: How many `on_commit` callbacks ran.
        refused: What was raised where the test sent something.
    """

    log: EagerLog
    events: tuple[Event, ...]
    waiting: tuple[Message, ...]
    unread: frozenset[str]
    read: tuple[str, ...]
    now: datetime
    apps: tuple[Celery, ...]
    committed: int
    refused: tuple[Exception, ...]

    def knows(self, task: str | None) -> bool:
        """Whether a task is the project's own."""
        return any(task in app.tasks for app in self.apps)


def in_short(value: object) -> str:
    """A value as it would be written, cut to fit into a line."""
    return shorten(stable_repr(value), VALUE_WIDTH)
