"""The bench: a project's real tasks on real workers, in one thread, under virtual time."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from coldframe._bench import driving
from coldframe._bench.breaking import Breaking
from coldframe._bench.http import DeclaredHttp
from coldframe._bench.looking import Looking
from coldframe._bench.opening import OpenBench, parse_moment, parse_start, refuse_second_bench
from coldframe._bench.undriven import undriven
from coldframe._broker.profiles import Profile
from coldframe._celery.apps import find_app
from coldframe._celery.beat import Beat
from coldframe._celery.node import PREFORK, Node, check_node, configured_concurrency
from coldframe._core.moments import to_datetime
from coldframe._core.trace import FileTrace, MemoryTrace
from coldframe._looking.messages import Message
from coldframe._looking.runs import Run
from coldframe._looking.tally import Tally
from coldframe.errors import NotOpen, SetupError, TimeError, hides_frames

if TYPE_CHECKING:
    from celery import Celery

__tracebackhide__ = hides_frames

DEFAULT_NODE = "celery"


class Bench(Breaking, Looking):
    """Runs the tasks of a project's own Celery app, and shows what happened.

    Example:
        >>> with Bench(app) as bench:          # doctest: +SKIP
        ...     result = notify.delay(user_id=1)
        ...     bench.drain()
        ...     bench.assert_ran("proj.notify", times=1)

    Args:
        app: The app, or its path such as `"proj.celery:app"`.
        others: More apps of the same process that share the broker.
        start: The first moment: an aware datetime or its ISO form. A fixed Monday morning by default.
        profile: How the broker behaves: `"rabbitmq"`, `"redis"`, or a profile object with its settings.
            By default the one that the app's `broker_url` names.
        seed: Decides identifiers, random numbers, and the order of what is concurrent. 0 keeps the plain order.
        failures: `"raise"` makes failed tasks fail the test unless it looked at them; `"collect"` leaves them alone.
        unread: The same for messages that no node will ever read.
        allow: Hosts that may be reached for real, as `"host"` or `"host:port"`.
        trace_file: Stream the trace to this file instead of keeping it in memory.
        connections: `"own"` gives each simulated process its own connections to the databases, as in life;
            `"shared"` lets all of them use the test's, so that a `TestCase` can roll back what they do.
        longest_chain: How many tasks may send each other in a row before it is taken for endless.
        stuck_after: Real seconds after which a task that computes without ever waiting is interrupted.
    """

    def __init__(
        self,
        app: Celery | str,
        *others: Celery | str,
        start: datetime | str | None = None,
        profile: str | Profile | None = None,
        seed: int = 0,
        failures: Literal["raise", "collect"] = "raise",
        unread: Literal["raise", "collect"] = "raise",
        allow: tuple[str, ...] | list[str] | str = (),
        trace_file: str | Path | None = None,
        connections: Literal["shared", "own"] = "shared",
        longest_chain: int = 1_000,
        stuck_after: float = 30.0,
    ) -> None:
        super().__init__()
        #: What outside services answer to HTTP, and what they were asked.
        self.http = DeclaredHttp(lambda: self._now_open, lambda: self.trace)
        self._apps = (app, *others)
        self._start = start
        self._profile = profile
        self._seed = seed
        #: Decides random numbers alone, in the same order of what is concurrent.
        self._draws = 0
        self._allow = (allow,) if isinstance(allow, str) else tuple(allow)
        self._trace_file = trace_file
        self._own_connections = is_choice("connections", connections, ("shared", "own")) == "own"
        self._driver_options: dict[str, Any] = {
            "longest_chain": longest_chain,
            "stuck_after": stuck_after,
            "collects_failures": _is_collect("failures", failures),
            "collects_unread": _is_collect("unread", unread),
        }
        self._open: OpenBench | None = None
        self._wants_default_node = True

    # --- opening and closing ----------------------------------------------------------------------------

    def __enter__(self) -> Self:
        refuse_second_bench()
        apps = tuple(find_app(app) for app in self._apps)
        start = parse_start(self._start)
        self._store = FileTrace(self._trace_file) if self._trace_file else MemoryTrace()
        self._wants_default_node = True
        try:
            self._open = OpenBench(
                apps,
                start=start,
                profile=self._profile,
                seed=self._seed,
                draws=self._draws,
                store=self._store,
                allow=self._allow,
                own_connections=self._own_connections,
                driver_options=self._driver_options,
            )
        except BaseException:
            self._close_store()
            raise
        self._open.scheduler.on_main_waits = self._before_waiting
        self._open.world.before_broadcast = self._start_nodes
        self._open.driver.still_read = self._open.declared[id(apps[0])]
        self._known = frozenset(name for app in apps for name in app.tasks)
        _open_benches.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        opened = self._now_open
        try:
            if error is None:
                opened.driver.complain(about_unread=True)
                self._refuse_what_never_fired()
        finally:
            self._open = None
            _open_benches.remove(self)
            opened.close()
            self._close_store()

    def _close_store(self) -> None:
        if isinstance(self._store, FileTrace):
            self._store.close()

    @property
    def _now_open(self) -> OpenBench:
        if self._open is None:
            raise NotOpen(
                "the bench is not open",
                hint="use it as a context manager: with Bench(app) as bench: ...",
            )
        return self._open

    @property
    def app(self) -> Celery:
        """The app of the bench; the first one, if there are several."""
        return self._now_open.world.apps[0]

    # --- who is there -----------------------------------------------------------------------------------

    def node(
        self,
        name: str = DEFAULT_NODE,
        *,
        queues: list[str] | tuple[str, ...] | str | None = None,
        concurrency: int | None = None,
        app: Celery | str | None = None,
        pool: str = PREFORK,
        **options: Any,
    ) -> Node:
        """Start a node: one simulated worker.

        Args:
            name: Its name; its host name becomes `name@coldframe`.
            queues: What it reads; by default every queue that the app declares.
            concurrency: How many pool processes it has; by default the app's `worker_concurrency`, or 4.
            app: The app that it runs; by default the first one of the bench.
            pool: `"prefork"`, or `"threads"` or `"solo"`, which enforce no time limits.
            **options: Options of Celery's worker, such as `prefetch_multiplier=1` or `without_heartbeat=False`.
        """
        opened = self._now_open
        if name in opened.world.nodes:
            raise SetupError(
                f"there is a node {name!r} already",
                hint="give the second one another name, or kill the first one before",
            )
        chosen = opened.app(app)
        if isinstance(queues, str):
            queues = queues.split(",")
        check_node(chosen, name, queues=queues or (), concurrency=concurrency, pool=pool)
        self._wants_default_node = False
        opened.driver.still_read = ()
        return Node(
            opened.world,
            chosen,
            name,
            queues=tuple(queues) if queues is not None else opened.declared[id(chosen)],
            concurrency=concurrency or configured_concurrency(chosen),
            pool=pool,
            options=options,
        )

    def beat(
        self, *, scheduler: Any = None, only: Collection[str] | None = None, app: Celery | str | None = None
    ) -> Beat:
        """Start beat on the app's schedule.

        Args:
            scheduler: A scheduler class or its path; by default the app's `beat_scheduler`, without its file.
            only: The names of the entries to keep; all others are as if they were not there.
            app: The app whose schedule it keeps; by default the first one of the bench.
        """
        opened = self._now_open
        return Beat(opened.world, opened.app(app), scheduler, only)

    def _before_waiting(self) -> None:
        self._now_open.driver.watch()
        if self._wants_default_node:
            self.node(DEFAULT_NODE)

    def _start_nodes(self) -> None:
        """Remote control reaches the nodes that are there: have them start, if they have not yet."""
        world = self._now_open.world
        if world.in_test and (self._wants_default_node or not all(node.is_ready for node in world.nodes.values())):
            world.scheduler.drive(lambda upcoming: False)

    # --- time -------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The virtual moment, in UTC."""
        return to_datetime(self._now_open.scheduler.now)

    def settle(self) -> Tally:
        """Run all that is due now; time stands still."""
        return self._drive(lambda driver: driver.settle())

    def advance(self, span: timedelta | float | None = None, **parts: float) -> Tally:
        """Let a span of time pass, through every timer on the way, in order.

        Args:
            span: A timedelta, or seconds.
            **parts: The same in parts, as for timedelta: `hours=2, minutes=30`.
        """
        micros = driving.to_micros_span(span, parts)
        return self._until(self._now_open.scheduler.now + micros)

    def run_until(self, moment: datetime | str) -> Tally:
        """Run everything up to a moment, and stand there."""
        return self._until(parse_moment(moment))

    def drain(self, *, within: timedelta = driving.DRAIN_WITHIN) -> Tally:
        """Run until nothing is left, jumping over waits.

        Raises:
            TaskFailed: When a task failed and the test did not expect it.
            UnreadQueue: When messages wait that no node will ever read.
            NeverEnds: When beat is on, tasks send each other for ever, or the next thing is due after `within`.
        """
        return self._drive(lambda driver: driver.drain(within), about_unread=True)

    def _until(self, moment: int) -> Tally:
        now = self._now_open.scheduler.now
        if moment < now:
            raise TimeError(
                f"time cannot move back from {to_datetime(now)} to {to_datetime(moment)}",
                hint="open a second bench with an earlier start, or pass a moment that is still to come",
            )
        return self._drive(lambda driver: driver.run_until(moment))

    def _drive(self, move: Callable[[driving.Driver], None], *, about_unread: bool = False) -> Tally:
        opened = self._now_open
        before = opened.counts.so_far()
        move(opened.driver)
        opened.driver.complain(about_unread=about_unread)
        return opened.counts.tally(since=before)

    def finish(self, result: Any) -> Run | None:
        """Run until one task has come to its end, through its retries, and nothing beyond.

        Args:
            result: What sending it gave, or its id.

        Returns:
            Its last attempt, however it ended; None when nothing is left that could run it.
        """
        task_id = str(getattr(result, "id", result))
        opened = self._now_open
        opened.driver.finish(task_id)
        opened.driver.observe(task_id)
        return next((run for run in reversed(self.runs()) if run.task_id == task_id), None)

    def never_run(self) -> list[Message]:
        """The messages that a node would run, and that the test has neither let run nor looked at while they waited."""
        driven_up_to = self._now_open.driver.driven_up_to
        return undriven(self._store, driven_up_to=driven_up_to, looked_at=self._looked_at, unread=self._unread())

    def check(self, *, undrained: Literal["raise", "allow"] = "raise") -> None:
        """Complain now of what the test did not expect, as closing does.

        Args:
            undrained: `"raise"` complains also of messages that the test did not let run.

        Raises:
            TaskFailed: When a task failed.
            UnreadQueue: When messages wait that no node will ever read.
            NeverRun: When messages wait that a node would run.
        """
        never_run = self.never_run() if undrained == "raise" else []
        self._now_open.driver.complain(about_unread=True, never_run=never_run)

    def expect_failure(self, exception: type[BaseException] = Exception, *, task: Any = None) -> None:
        """Let tasks fail with an exception without failing the test, from here on.

        Args:
            exception: What they may fail with.
            task: Only this task: itself, its name, or the end of its name.
        """
        name = getattr(task, "name", task)

        def expects(attempt: Any) -> bool:
            is_task = name is None or attempt.task == name or attempt.task.endswith(f".{name}")
            return is_task and isinstance(attempt.exception, exception)

        self._now_open.driver.expected.append(expects)

    def _unread(self) -> frozenset[str]:
        if self._open is None:
            return frozenset()
        return frozenset(name for name, _ in self._open.broker.unread()).difference(self._open.driver.still_read)

    def _last_moment(self) -> datetime:
        if self._open is not None:
            return self.now
        return to_datetime(max((event.at for event in self._store), default=parse_start(self._start)))

    def __repr__(self) -> str:
        if self._open is None:
            return "<Bench, closed>"
        nodes = ", ".join(self._open.world.nodes) or "no node yet"
        return f"<Bench at {self.now:%Y-%m-%d %H:%M:%S.%f%z}, {self._open.broker.profile.name}, {nodes}>"


_open_benches: list[Bench] = []


def current() -> Bench | None:
    """The bench that is open in this process."""
    return _open_benches[-1] if _open_benches else None


def is_choice(what: str, choice: str, choices: tuple[str, str]) -> str:
    """One of two words, of which the first is the default.

    Raises:
        SetupError: It is neither.
    """
    if choice not in choices:
        other = choices[1]
        meaning = " to look at them yourself" if other == "collect" else ""
        raise SetupError(
            f"{what}={choice!r} is neither {choices[0]!r} nor {choices[1]!r}",
            hint=f"use {what}={other!r}{meaning}, or leave it out",
        )
    return choice


def _is_collect(what: str, choice: str) -> bool:
    return is_choice(what, choice, ("raise", "collect")) == "collect"
