"""Moving a bench through time, and complaining about what happened on the way."""

from __future__ import annotations

import difflib
import gc
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from coldframe._bench import complaints
from coldframe._core.events import Discarded, NodeChanged, Published
from coldframe._core.fibers import Process
from coldframe._core.moments import MICROSECOND
from coldframe._core.watchdog import Stuck, Watchdog
from coldframe.errors import ColdframeError, NotOpen, SetupError, WorkError, hides_frames

if TYPE_CHECKING:
    from coldframe._celery.tracer import Attempt
    from coldframe._celery.world import World
    from coldframe._looking.messages import Message

__tracebackhide__ = hides_frames

#: How far draining jumps ahead before it is taken for endless.
DRAIN_WITHIN = timedelta(days=366)

#: How long the test waits for a result while beat might still send something that brings it.
BEAT_PATIENCE = timedelta(days=8) // MICROSECOND

#: A result store that is polled shows a result only at the next poll: so often time may jump with nothing to do.
IDLE_JUMPS = 3

#: What a span of time can be given in.
#: How an attempt ends whose message may go back to its queue.
GIVEN_BACK = ("LOST", "REJECTED")

SPAN_PARTS = ("weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds")

#: The test waits for something else than a result.
NO_RESULT: tuple[Any, float | None] = (None, None)

Expectation = Callable[[Any], bool]


class BrokenErrback(NamedTuple):
    """An errback that raised, as far as an expectation asks."""

    task: str
    exception: BaseException


class TaskEnded(Exception):
    """The task that the test waits for has come to its end."""


class Driver:
    """Drives one world for the test.

    Args:
        world: The world of the open bench.
        longest_chain: How many tasks may send each other in a row.
        stuck_after: Real seconds after which a task that never waits is interrupted.
        collects_failures: Whether failed tasks are left for the test to look at.
        collects_unread: Whether messages that nobody reads are left for the test to look at.
    """

    def __init__(
        self, world: World, *, longest_chain: int, stuck_after: float, collects_failures: bool, collects_unread: bool
    ) -> None:
        self.world = world
        self.expected: list[Expectation] = []
        self.waiting: list[tuple[Any, float | None]] = []
        #: Queues that the default node reads as soon as it is started.
        self.still_read: tuple[str, ...] = ()
        #: Asked for the processes that wait for locks in databases, each with the one that holds the lock.
        self.lock_waits: list[Callable[[], list[tuple[Process, Process]]]] = []
        self._longest_chain = longest_chain
        self._collects_failures = collects_failures
        self._collects_unread = collects_unread
        self._failures: list[Attempt] = []
        self._observed_roots: set[str] = set()
        self._roots: dict[str, str] = {}
        self._unknown: list[Discarded] = []
        self._errbacks: list[WorkError] = []
        self._lost: list[tuple[str, str, str]] = []
        self._ran: Counter[str] = Counter()
        self._stuck: Attempt | None = None
        #: The numbers of messages that nobody reads and of which the test was told.
        self._told: set[int] = set()
        self._stuck_after = stuck_after
        self._waiting_since: int | None = None
        self._idle_jumps = 0
        self._wait = NO_RESULT
        #: The numbers of the last message that was sent, and of the last one that the test has let run.
        self._last_sent = 0
        self.driven_up_to = 0
        #: The id of the task that was last sent for another try.
        self._last_retry: str | None = None
        #: The id of the task whose message last went back to its queue, because its process died or it wanted so.
        self._given_back: str | None = None
        #: The id of the task with whose end the test goes on.
        self._finishing: str | None = None
        #: The waits for locks that no garbage held up.
        self._in_vain: list[tuple[Process, Process]] = []
        world.scheduler.before_jump.append(self._free_forgotten)
        self._watchdog = Watchdog(world.scheduler, stuck_after, self._note_stuck)
        world.on_attempt_started = self._attempt_started
        world.on_attempt_ended = self._attempt_ended
        world.on_errback_raised = self._errback_raised
        world.scheduler.hopeless = self._hopeless
        world.scheduler.explain = self._explain

    # --- moving time ------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Run all that is due now; a fault may have moved the clock meanwhile."""
        scheduler = self.world.scheduler
        self._drive(lambda upcoming: upcoming is not None and upcoming <= scheduler.now)

    def run_until(self, moment: int) -> None:
        """Run all that is due up to a moment, and stand there."""
        self._drive(lambda upcoming: upcoming is not None and upcoming <= moment)
        self.world.scheduler.move_to(moment)

    def drain(self, within: timedelta) -> None:
        """Run until nothing is left, jumping over waits."""
        world = self.world
        if world.beats:
            raise complaints.never_ends_with_beat(len(world.beats))
        horizon = world.scheduler.now + within // MICROSECOND

        def keep_going(upcoming: int | None) -> bool:
            self._refuse_endless_waits()
            if upcoming is None or not world.busy():
                return False
            if upcoming > horizon:
                raise complaints.too_far(world, within, upcoming)
            return True

        self._drive(keep_going)

    def finish(self, task_id: str) -> None:
        """Run until one task has come to its end, and nothing beyond; or until nothing is left to run."""
        self._finishing = task_id

        def keep_going(upcoming: int | None) -> bool:
            self._refuse_endless_waits()
            return upcoming is not None and self.world.busy()

        try:
            self._drive(keep_going)
        except TaskEnded:
            pass
        finally:
            self._finishing = None

    def _refuse_endless_waits(self) -> None:
        """Nobody is ready, and the test goes on only when all is done: it must not hold a lock that others wait for."""
        error = self._endless_wait()
        if error is not None:
            raise error

    def _endless_wait(self) -> ColdframeError | None:
        """What is wrong if all tasks that run wait for locks."""
        pairs = self._endless_waits()
        test = self.world.scheduler.main.process
        pairs.sort(key=lambda pair: pair[1] is not test)
        return complaints.never_released(*pairs[0], is_test=pairs[0][1] is test) if pairs else None

    def _endless_waits(self) -> list[tuple[Process, Process]]:
        pairs = [pair for ask in self.lock_waits for pair in ask()]
        if self.world.scheduler.next_moment() is not None:  # another coroutine of a process may let it go on
            pairs = [(waiter, holder) for waiter, holder in pairs if waiter is not holder]
        waiting = {waiter for waiter, _ in pairs}
        running = (attempt.process for node in self.world.nodes.values() for attempt in node.running())
        return pairs if all(process in waiting for process in running) else []

    def _free_forgotten(self) -> bool:
        """A session that nobody closed holds its locks until the garbage is collected: now it matters when that is."""
        pairs = self._endless_waits()
        if not pairs or pairs == self._in_vain:
            return False
        self._in_vain = pairs
        gc.collect()
        return self._endless_waits() != pairs

    def _drive(self, keep_going: Callable[[int | None], bool]) -> None:
        scheduler = self.world.scheduler
        if scheduler.current is not scheduler.main:
            raise NotOpen(
                f"the bench was driven by {scheduler.current.process.name!r}, from inside a task",
                hint="only the test moves time; in a task, time passes by waiting: time.sleep(...)",
            )
        for beat in self.world.beats:
            beat.look_again()
        self._ran.clear()
        try:
            scheduler.drive(keep_going)
        finally:
            self._note_driven()

    def _note_driven(self) -> None:
        if not self.waiting and self._finishing is None:
            self.driven_up_to = self._last_sent

    def watch(self) -> None:
        """Interrupt what runs for too long from here on; called whenever the test begins to wait."""
        self._note_driven()
        self._watchdog.start()

    def close(self) -> None:
        """End what runs in real time."""
        self._watchdog.stop()

    # --- what went wrong --------------------------------------------------------------------------------

    def complain(self, *, about_unread: bool, never_run: Sequence[Message] = ()) -> None:
        """Raise what the test did not expect; each thing is told once.

        Raises:
            TaskFailed: For failed tasks.
            UnreadQueue: For messages that no node will ever read.
            NeverRun: For messages that the test did not let run.
        """
        errors = [*self._complaints_about_tasks(), *(self._complaints_about_queues() if about_unread else ())]
        if never_run:
            errors.append(complaints.never_run(never_run))
        if errors:
            raise complaints.as_group(errors)

    def observe(self, task_id: str) -> None:
        """The test has seen how this task ended, so its failure is no surprise; nor is what led to it."""
        self._observed_roots.add(self._roots.get(task_id, task_id))
        self._observed_roots.add(task_id)

    def note_published(self, event: Published) -> None:
        """Remember the chain that a message continues, and messages that no queue takes."""
        if event.task_id is None:
            return
        self._last_sent = event.message
        if event.retries:
            self._last_retry = event.task_id
        attempt = self.world.attempt()
        if attempt is not None:
            self.world.depths[event.task_id] = attempt.depth + 1
        if event.root_id not in (None, event.task_id):
            self._roots[event.task_id] = event.root_id
        if not event.queues:
            self._lost.append((event.task or "a message", event.exchange, event.routing_key))

    def note_discarded(self, event: Discarded) -> None:
        """Remember messages whose task no app knows."""
        if event.reason == "unknown task":
            self._unknown.append(event)

    def unseen_failures(self) -> list[Attempt]:
        """The failed attempts that the test neither expected nor looked at, as far as it was not told of them."""
        return [attempt for attempt in self._failures if not self._is_expected(attempt)]

    def _complaints_about_tasks(self) -> list[WorkError]:
        failures = self.unseen_failures()
        unknown = [event for event in self._unknown if event.task_id not in self._observed_roots]
        errbacks, self._errbacks = self._errbacks, []
        self._failures.clear()
        self._unknown.clear()
        if self._collects_failures:
            return []
        errors: list[WorkError] = [complaints.task_failed(failures, self.world.trace)] if failures else []
        known = [name for app in self.world.apps for name in app.tasks]
        return errors + errbacks + [complaints.unknown_task(event.task, event.node, known) for event in unknown]

    def _complaints_about_queues(self) -> list[WorkError]:
        unread = [
            (queue, fresh)
            for queue, messages in self.world.broker.unread()
            if queue not in self.still_read
            and (fresh := [message for message in messages if message.number not in self._told])
        ]
        self._told.update(message.number for _, messages in unread for message in messages)
        lost, self._lost = self._lost, []
        if self._collects_unread or not (unread or lost):
            return []
        gone = (event for event in self.world.trace if isinstance(event, NodeChanged) and event.change == "stopped")
        return [complaints.unread_queues(unread, lost, [event for event in gone if event.detail])]

    def _is_expected(self, attempt: Attempt) -> bool:
        observed = self._observed_roots
        if attempt.task_id in observed or attempt.root_id in observed:
            return True
        return any(expects(attempt) for expects in self.expected)

    def _errback_raised(self, attempt: Attempt, name: str, error: BaseException) -> None:
        if not any(expects(BrokenErrback(name, error)) for expects in self.expected):
            self._errbacks.append(complaints.errback_raised(attempt, name, error))

    def _attempt_started(self, attempt: Attempt) -> None:
        self._ran[attempt.task] += 1
        if attempt.depth >= self._longest_chain:
            if self._given_back == attempt.task_id:
                error = complaints.given_back_for_ever(attempt, self._longest_chain)
            else:
                is_retry = self._last_retry == attempt.task_id
                error = complaints.never_ends(attempt, self._longest_chain, self._ran, is_retry=is_retry)
            self.world.scheduler.interrupt(error)

    def _attempt_ended(self, attempt: Attempt) -> None:
        if attempt.state in GIVEN_BACK:  # its message may come again
            self.world.depths[attempt.task_id] = attempt.depth + 1
            self._given_back = attempt.task_id
        elif attempt.state != "RETRY":
            self.world.depths.pop(attempt.task_id, None)
            if attempt.task_id == self._finishing and attempt.state != "LOST":
                self.world.scheduler.interrupt(TaskEnded())
        if attempt.state == "FAILURE":
            self._failures.append(attempt)
        for beat in self.world.beats:
            beat.look_again()

    def _hopeless(self, forever: bool) -> ColdframeError | None:  # noqa: FBT001 - the scheduler's question
        """Whether the test waits for something that can no longer come."""
        wait = self.waiting[-1] if self.waiting else NO_RESULT
        waited_for, timeout = wait
        open_ended = forever if waited_for is None else timeout is None
        endless = self._endless_wait() if open_ended else None
        is_hopeful = not open_ended or (endless is None and self.world.busy())
        if is_hopeful or wait is not self._wait:
            self._wait, self._idle_jumps, self._waiting_since = wait, 0, None
        if is_hopeful:
            return None
        now = self.world.scheduler.now
        if self.world.beats:
            self._waiting_since = self._waiting_since or now
            if now - self._waiting_since < BEAT_PATIENCE:
                return None
        self._idle_jumps += 1
        if self._idle_jumps < IDLE_JUMPS and self.world.scheduler.next_moment() is not None:
            return None
        from coldframe._looking.messages import queued

        return endless or complaints.never_ready(self.world, waited_for, queued(self.world.trace))

    def _note_stuck(self) -> None:
        self._stuck = self.world.attempt()

    def _explain(self, process: Process, error: BaseException) -> BaseException:
        """What the test is told when a process of the bench ends with an error."""
        return self._stuck_error() if isinstance(error, Stuck) else error

    def _stuck_error(self) -> ColdframeError:
        attempt = self._stuck
        name, task_id = (attempt.task, attempt.task_id) if attempt else ("(Celery's own code)", "")
        return complaints.stuck(name, task_id, self._stuck_after)


def to_micros_span(span: timedelta | float | None, parts: dict[str, float]) -> int:
    """A span given as timedelta, seconds or parts (`hours=2`), in microseconds."""
    for part in parts:
        if part not in SPAN_PARTS:
            near = difflib.get_close_matches(part, SPAN_PARTS, n=1, cutoff=0.0)[0]
            raise SetupError(
                f"a span of time has no part {part!r}",
                hint=f"did you mean '{near}'? The parts are those of timedelta: {', '.join(SPAN_PARTS)}",
            )
    try:
        return (
            timedelta(**parts) + (span if isinstance(span, timedelta) else timedelta(seconds=span or 0))
        ) // MICROSECOND
    except TypeError as error:
        raise SetupError(
            f"{span!r} is no span of time: {error}" if span is not None else f"{parts!r} is no span of time: {error}",
            hint="pass seconds, a timedelta, or parts: bench.advance(hours=2)",
        ) from error
