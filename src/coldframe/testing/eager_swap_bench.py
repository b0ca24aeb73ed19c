"""The bench of eager-swap: what the test sends is carried out at once, but never before it is due."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from threading import get_ident
from typing import TYPE_CHECKING, Any, Self

from coldframe._bench.bench import Bench
from coldframe._celery.eager import keep_eager_off, leave_out_jitter, watch_sending
from coldframe._celery.on_the_way import carry_mocks
from coldframe._core.events import Finished, Published
from coldframe._core.moments import SECOND
from coldframe.errors import TaskFailed, UnreadQueue, WorkError
from coldframe.testing.eager_commits import WatchedCallback, watch_commits
from coldframe.testing.eager_swap_threads import OtherThreads

if TYPE_CHECKING:
    from celery import Celery

    from coldframe.testing.eager_swap_log import EagerLog

#: How long a message is on its way. Then what a task writes is later than what the test wrote before.
ON_ITS_WAY = SECOND // 1000

#: How long a task that has begun is waited for.
LONGEST_RUN = 24 * 3600 * SECOND

#: How far a run that leaves out waiting jumps ahead.
LONGEST_WAIT = 400 * LONGEST_RUN

#: Celery's own task polls for the end of a chord where the result store cannot count; it belongs to no user.
UNLOCKS_CHORDS = "celery.chord_unlock"
CHORD_PATIENCE = 2 * SECOND + SECOND // 2

#: What eager mode says about itself in the settings, apart from being on: plain `apply()` goes by it.
SETTINGS_OF_APPLY = ("task_eager_propagates", "task_store_eager_result")


class SwapBench(Bench):
    """A bench under a test that was written for eager mode.

    After each call of the test that sends something, what is due now runs, and what has begun runs to its end.
    Countdowns, retry delays and rate limits are not waited for. What is sent inside a transaction runs after it.

    Args:
        log: What the same test did under eager mode.
        apps: The apps whose tasks it used.
        queues: What the nodes read besides the queues that their app declares.
        seed: Decides identifiers. Result stores may outlive the test, so no two runs may have the same.
        leave_out: `waiting` jumps over all waits as eager mode does, `routing` reads every queue.
    """

    def __init__(
        self,
        log: EagerLog,
        apps: tuple[Celery, ...],
        queues: tuple[str, ...],
        *,
        seed: int,
        leave_out: str | None = None,
    ) -> None:
        # The fixtures of the test may have stored moments of real time: the bench goes on from there.
        super().__init__(
            *apps,
            start=datetime.now(UTC),  # noqa: TID251
            seed=seed,
            failures="collect",
            unread="collect",
            allow=[*log.reached],
        )
        self._log = log
        self.own_apps = apps
        self._extra_queues = queues
        self._leave_out = leave_out
        self._patches = ExitStack()
        self._is_owed = False
        self._unlocking: set[str] = set()
        self._threads = OtherThreads(self._deliver_owed)
        #: What was raised where the test sent something.
        self.refused: list[Exception] = []
        #: The `on_commit` callbacks, each with whether it ran.
        self.callbacks: list[WatchedCallback] = []

    def __enter__(self) -> Self:
        kept = [(app, {name: app.conf.get(name) for name in SETTINGS_OF_APPLY}) for app in self.own_apps]
        super().__enter__()
        try:
            self._arrange(kept)
        except BaseException:
            self.close()
            raise
        return self

    def _arrange(self, kept: list[tuple[Celery, dict[str, Any]]]) -> None:
        opened = self._now_open
        # What is concurrent keeps its plain order: eager mode has no other.
        opened.scheduler._shuffle = None  # noqa: SLF001
        for app, settings in kept:
            for name, value in settings.items():
                if value:
                    app.conf[name] = value
        keep_eager_off(self._patches, self.own_apps)
        leave_out_jitter(self._patches)
        carry_mocks(self._patches)
        watch_sending(self._patches, self._is_of_test, self._sent, self.refused.append)
        self._threads.watch(self._patches)
        self._watch_commits()
        watch_commits(self._patches, self.callbacks)
        opened.recording.listen(Published, self._note_published)
        opened.recording.listen(Finished, self._note_finished)
        for number, app in enumerate(self.own_apps):
            declared = opened.declared[id(app)]
            extra = [queue for queue in self._extra_queues if queue not in declared]
            self.node("celery" if not number else f"celery-{number + 1}", app=app, queues=[*declared, *extra])

    def close(self) -> None:
        """End it, without a complaint."""
        self._patches.close()
        if self._open is not None:
            self.__exit__(None, None, None)

    def unread_queues(self) -> frozenset[str]:
        """The queues that no node reads and in which messages wait."""
        return self._unread()

    def read_queues(self) -> tuple[str, ...]:
        """The queues that the nodes read."""
        return tuple(dict.fromkeys(queue for node in self._now_open.world.nodes.values() for queue in node.queues))

    # --- carrying out what was sent ---------------------------------------------------------------------

    def deliver(self) -> None:
        """Run what is due now, and what has begun to its end."""
        opened = self._now_open
        if opened.in_transaction():
            self._is_owed = True
            return
        self._is_owed = False
        self._run_what_is_due()
        if self._leave_out == "routing":
            while self._read_everything():
                self._run_what_is_due()

    def _read_everything(self) -> bool:
        """Start nodes for the queues that nobody reads; false when there are none."""
        unread = sorted(self._unread())
        for queue in unread:
            self.node(f"reads-{queue}", queues=[queue], app=self.own_apps[0])
        return bool(unread)

    def _run_what_is_due(self) -> None:
        opened = self._now_open
        scheduler = opened.scheduler
        begun_at = scheduler.now
        arrives_at = begun_at + ON_ITS_WAY
        upcoming_now = scheduler.next_moment()
        if upcoming_now is None or upcoming_now > arrives_at:
            scheduler.move_to(arrives_at)

        def keep_going(upcoming: int | None) -> bool:
            if upcoming is None:
                return False
            if upcoming <= arrives_at:
                return True
            if self._leave_out == "waiting":
                return upcoming <= begun_at + LONGEST_WAIT and opened.world.busy()
            if self._unlocking and upcoming <= begun_at + CHORD_PATIENCE:
                return True
            return upcoming <= begun_at + LONGEST_RUN and self._is_at_work()

        scheduler.drive(keep_going)
        scheduler.move_to(arrives_at)

    def _is_test(self) -> bool:
        opened = self._open
        return opened is not None and opened.world.in_test and opened.scheduler.thread == get_ident()

    def _is_of_test(self) -> bool:
        """Whether the running code is the test's; other threads belong to it."""
        opened = self._open
        return opened is not None and (opened.scheduler.thread != get_ident() or opened.world.in_test)

    def _sent(self) -> None:
        if self._is_test():
            self.deliver()
        else:
            self._is_owed = True
            self._threads.owe()

    def _deliver_owed(self) -> None:
        if self._is_owed and self._is_test():
            self.deliver()

    def _is_at_work(self) -> bool:
        return any(
            child.process.attempt is not None
            for node in self._now_open.world.nodes.values()
            if node.pool is not None
            for child in node.pool.children
        )

    def _note_published(self, event: Published) -> None:
        if event.task == UNLOCKS_CHORDS and event.task_id:
            self._unlocking.add(event.task_id)

    def _note_finished(self, event: Finished) -> None:
        if event.state != "RETRY":
            self._unlocking.discard(event.task_id)

    def _watch_commits(self) -> None:
        """What was sent inside a transaction is owed until the transaction is over."""
        if "django.db" not in sys.modules:
            return
        from django.db.transaction import Atomic

        leave = Atomic.__exit__

        def left(block: Any, *exc_info: Any) -> Any:
            try:
                return leave(block, *exc_info)
            finally:
                self._deliver_owed()

        self._patches.callback(setattr, Atomic, "__exit__", leave)
        Atomic.__exit__ = left

    # --- what eager mode did not show -------------------------------------------------------------------

    def complain(self) -> None:
        """Fail a test that passed, for what went wrong here and went well under eager mode.

        Raises:
            TaskFailed: A task failed that did not fail under eager mode, and the test did not look at it.
            UnreadQueue: A task that ran under eager mode waits where no node will ever read it.
        """
        for error in (self._failed_here_only(), self._waits_for_ever()):
            if error is not None:
                raise error

    def _failed_here_only(self) -> WorkError | None:
        unseen = [item for item in self._now_open.driver.unseen_failures() if item.task not in self._log.failed]
        if not unseen:
            return None
        first = unseen[0]
        error = TaskFailed(
            f"task {first.task} failed on the worker, and under eager mode it did not: {first.exception!r}",
            hint="the test passes only because eager mode leaves out where it fails: mend the task, or expect it",
        )
        error.__cause__ = first.exception
        return error

    def _waits_for_ever(self) -> WorkError | None:
        for queue, messages in self._now_open.broker.unread():
            for message in messages:
                if self.knows(message.task):
                    return UnreadQueue(
                        f"task {message.task} waits in queue {queue!r}, which no node reads; eager mode has no queues",
                        hint="correct the route, or declare the queue in task_queues and let a worker read it",
                    )
        for event in self._store:
            if isinstance(event, Published) and not event.queues and self.knows(event.task):
                return UnreadQueue(
                    f"task {event.task} was sent to exchange {event.exchange!r} with routing key "
                    f"{event.routing_key!r}, where no queue is bound: it is lost; eager mode knows no queues",
                    hint="bind a queue to that key in task_queues, or send to a queue by its name: queue=...",
                )
        return None

    def knows(self, task: str | None) -> bool:
        """Whether a task is the project's own: others are sent by their names to other people's workers."""
        return any(task in app.tasks for app in self.own_apps)
