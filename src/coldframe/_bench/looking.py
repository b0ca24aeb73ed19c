"""What a bench shows: messages, attempts, the story, and assertions on them. All of it is read from the trace."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Unpack

from coldframe._bench import message_files
from coldframe._celery.apps import celery_version
from coldframe._celery.bodies import decode_body
from coldframe._core.trace import MemoryTrace, Trace
from coldframe._looking import assertions, messages, tally, timeline
from coldframe._looking import runs as looking_runs
from coldframe._looking.criteria import UNSET
from coldframe._looking.inbox import Further, Inbox
from coldframe._looking.mail import Mail
from coldframe._looking.messages import Message
from coldframe._looking.runs import Run
from coldframe._looking.tally import Tally
from coldframe.errors import hides_frames

__tracebackhide__ = hides_frames


class Looking:
    """The part of a bench that is also there after it was closed."""

    def __init__(self) -> None:
        self._store: Trace = MemoryTrace()
        self._known: frozenset[str] = frozenset()
        #: The ids of the messages that the test has looked at while they waited.
        self._looked_at: set[str] = set()

    def _unread(self) -> frozenset[str]:
        """The queues that no node reads and in which messages wait."""
        return frozenset()

    def _last_moment(self) -> datetime:
        """Now, or when the bench was closed."""
        raise NotImplementedError

    @property
    def trace(self) -> Trace:
        """The record of all that happened; it stays readable after the bench is closed."""
        return self._store

    def queued(
        self,
        task: Any = None,
        *,
        args: Any = UNSET,
        kwargs: Any = UNSET,
        queue: Any = UNSET,
        eta: Any = UNSET,
        within: timedelta = timedelta(seconds=1),
    ) -> list[Message]:
        """The task messages that have been sent and not started, oldest first.

        Args:
            task: A task, its name, or the end of its name.
            args: The positional arguments, all of them.
            kwargs: Some of the keyword arguments; nested dictionaries match in part, too.
            queue: The queue that it went to.
            eta: When it is due: an aware datetime, a timedelta from now, or None for at once.
            within: How far the ETA may be off.
        """
        waiting = messages.queued(self._store, decode=decode_body)
        return self._look_at(
            messages.find(
                waiting, task, args=args, kwargs=kwargs, queue=queue, eta=eta, within=within, now=self._last_moment()
            )
        )

    def runs(self, task: Any = None) -> list[Run]:
        """Each attempt at a task in order of its start, also those that were given up without running."""
        return looking_runs.runs(self._store, task, decode=decode_body)

    def assert_queued(self, task: Any = None, *, count: int | None = None, **criteria: Any) -> list[Message]:
        """Fail unless such a message waits; the failure lists the near misses. See `queued`."""
        return self._look_at(
            assertions.assert_queued(
                self._store,
                self._last_moment(),
                task,
                count=count,
                unread=self._unread(),
                known=self._known,
                decode=decode_body,
                **criteria,
            )
        )

    def _look_at(self, found: list[Message]) -> list[Message]:
        self._looked_at.update(message.task_id for message in found)
        return found

    def assert_not_queued(self, task: Any = None, **criteria: Any) -> None:
        """Fail if such a message waits. See `queued`."""
        assertions.assert_not_queued(
            self._store, self._last_moment(), task, known=self._known, decode=decode_body, **criteria
        )

    def assert_ran(self, task: Any, *, times: int | None = None, **criteria: Any) -> list[Run]:
        """Fail unless a task ran, or ran as often as said; the failure lists the near misses.

        Args:
            task: A task, its name, or the end of its name.
            times: How many attempts there were.
            **criteria: `state`, `args`, `kwargs`, `node`, `queue` of the attempts that count.
        """
        return assertions.assert_ran(
            self._store,
            task,
            times=times,
            unread=self._unread(),
            known=self._known,
            decode=decode_body,
            **criteria,
        )

    @property
    def mail(self) -> Inbox:
        """The mail that tasks have sent so far, oldest first: a sequence of `Mail`."""
        return Inbox(self._store)

    def assert_mailed(
        self, to: str | None = None, *, count: int | None = None, **criteria: Unpack[Further]
    ) -> list[Mail]:
        """Fail unless tasks sent such a mail, or as many as said; the failure lists the near misses.

        Args:
            to: One of its recipients.
            count: How many there must be; at least one when not given.
            **criteria: `sender`, `subject`, `text`, `html` and `task`, as for `bench.mail.find`.
        """
        return self.mail.expect(to=to, count=count, **criteria)

    def record_messages(self, path: str | Path) -> list[Path]:
        """Write the task messages that were sent so far, for `coldframe.testing.check_messages`.

        Args:
            path: A directory, for one JSON file per message, or a file that ends in `.jsonl`. Keep one per release.

        Returns:
            The files that were written.
        """
        return message_files.write_messages(message_files.recorded(self._store, celery_version()), path)

    def timeline(self, *, last: int | None = None) -> str:
        """What happened, one line per event, for people to read."""
        return timeline.timeline(self._store, last=last)

    def tally(self) -> Tally:
        """How all attempts so far ended."""
        return tally.tally(self._store)
