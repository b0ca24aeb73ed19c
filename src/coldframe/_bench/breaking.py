"""What a test may break by hand: nodes, connections, services, effects, deliveries, the clock."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from coldframe._bench import driving
from coldframe._bench.armed import REMEMBERED, Armed, is_meant
from coldframe._core.events import Broken
from coldframe._effects import faults
from coldframe._effects.gate import Touch
from coldframe.errors import NeverFired, SetupError

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench
    from coldframe._broker.message import Message
    from coldframe._celery.node import Node

#: What `down` takes by name, and how the names of its effects begin.
SERVICES = {
    "mail": ("mail.",),
    "http": ("http.",),
    "database": ("sql.",),
    "results": ("result.",),
    "cache": ("cache.",),
    "redis": ("redis.",),
    "files": ("file.",),
    "channels": ("channels.",),
}

#: How a service that is down fails: the first of these that the effect knows.
WHEN_DOWN = ("refused", "connection lost", "timeout", "disk full")


class Breaking:
    """The part of a bench that breaks things."""

    @property
    def _now_open(self) -> OpenBench:
        raise NotImplementedError

    # --- nodes ------------------------------------------------------------------------------------------

    def kill(self, node: Node | str) -> None:
        """The whole node dies at once: none of its code runs again, the broker sees its connections go."""
        self._find_node(node).kill()

    def disconnect(self, node: Node | str) -> None:
        """The node's connections to the broker are cut; it lives on and connects again."""
        self._find_node(node).disconnect()

    def stop(self, node: Node | str) -> None:
        """Warm shutdown, as on SIGTERM; it needs time to finish what runs: drive the bench.

        `"beat"` stops beat at once; what the next `bench.beat()` finds due meanwhile is sent once.
        """
        if node == "beat":
            self._stop_beat()
        else:
            self._find_node(node).stop()

    def kill_process(self, node: Node | str, *, task_id: str | None = None) -> None:
        """The pool process that runs a task dies; the node lives on and sees a lost worker.

        Args:
            node: Whose pool process.
            task_id: The task that it runs; by default the first busy pool process.
        """
        found = self._find_node(node)
        children = found.pool.children if found.pool is not None else []
        busy = [child for child in children if child.process.attempt is not None]
        for child in busy:
            if task_id in (None, child.process.attempt.task_id):  # type: ignore[union-attr]
                child.die(-9)
                return
        raise SetupError(
            f"no pool process of node {found.name!r} runs {'a task' if task_id is None else f'task {task_id!r}'}",
            hint="let the task start and wait first, for example bench.settle() while it sleeps",
        )

    def _find_node(self, node: Node | str) -> Node:
        nodes = self._now_open.world.nodes
        name = node if isinstance(node, str) else node.name
        if name not in nodes:
            raise SetupError(
                f"there is no node {name!r} alive on this bench",
                hint=f"the nodes are: {', '.join(map(repr, nodes)) or 'none yet (the default one starts with time)'}",
            )
        return nodes[name]

    def _stop_beat(self) -> None:
        world = self._now_open.world
        if not world.beats:
            raise SetupError("there is no beat on this bench", hint="start it first: bench.beat()")
        for beat in list(world.beats):
            beat.stop()

    # --- effects ----------------------------------------------------------------------------------------

    def break_at(
        self,
        effect: str,
        fault: str = faults.KILL_PROCESS,
        *,
        place: str = faults.AFTER,
        task: Any = None,
        nth: int = 1,
    ) -> Armed:
        """Break the next effect of a kind, once.

        Args:
            effect: Its kind, such as `"mail.send"`, `"sql.write"`, `"sql.commit"`, or your own.
            fault: `"kill process"`, `"kill node"`, `"disconnect"`, `"redeliver"`, `"overlap"`, `"pause"`,
                `"fail: timeout"` (in one of its ways; nothing happens outside) or `"unknown: timeout"` (it does).
            place: `"before"` or `"after"` the effect.
            task: Only in this task: itself, its name, or the end of its name.
            nth: Only the nth effect that fits.

        Returns:
            What waits for the effect; `fired` tells whether it came. If it has not when the bench closes, that is an
            error: what is not broken proves nothing.
        """
        if fault.startswith((faults.FAIL, faults.UNKNOWN)):
            place = faults.BEFORE
        if place not in (faults.BEFORE, faults.AFTER):
            raise SetupError(f"there is no place {place!r}", hint="use place='before' or place='after'")
        faults.check_fault(fault)
        opened = self._now_open
        armed = Armed(effect, place, fault, getattr(task, "name", task), nth)
        opened.armed.append(armed)
        saboteur = opened.saboteur

        def watch(touch: Touch) -> None:
            if armed.fits(touch):
                armed.fired = True
                saboteur.do(fault, place, touch)

        (opened.gate.before if place == faults.BEFORE else opened.gate.after).append(watch)
        return armed

    @contextmanager
    def down(self, service: str) -> Iterator[None]:
        """A service is down inside this block: what tasks ask of it fails as its library fails.

        Args:
            service: `"broker"`, `"mail"`, `"http"`, `"database"`, `"results"`, `"cache"`, `"redis"`, `"files"`,
                `"channels"`, or the kind of an effect of your own.
        """
        opened = self._now_open
        if service == "broker":
            opened.broker.set_down(True)
            try:
                yield
            finally:
                opened.broker.set_down(False)
            return
        kinds = SERVICES.get(service, (service,))
        met = False

        def watch(touch: Touch) -> None:
            nonlocal met
            if touch.effect.startswith(kinds):
                met = True
                way = next((name for name in WHEN_DOWN if name in touch.failures), next(iter(touch.failures), None))
                if way is not None:
                    touch.answer = touch.failures[way]()

        opened.gate.before.append(watch)
        try:
            yield
        finally:
            opened.gate.before.remove(watch)
        if not met and service not in SERVICES:
            near = difflib.get_close_matches(service, (*SERVICES, "broker"), n=1)
            raise NeverFired(
                f"{service!r} was to be down, and nothing came that it is asked for",
                hint=f"{f'did you mean {near[0]!r}? ' if near else ''}It takes 'broker', "
                f"{', '.join(map(repr, SERVICES))}, or the kind of an effect of your own",
            )

    def _refuse_what_never_fired(self) -> None:
        waiting = [armed for armed in self._now_open.armed if not armed.fired]
        if waiting:
            raise NeverFired(
                f"{waiting[0]} was to be broken, and never came about",
                hint="does the task get there? bench.timeline() shows the effects that there were; `nth` and `task` "
                "may fit none of them",
            )

    # --- messages and time ------------------------------------------------------------------------------

    def redeliver(self, task: Any) -> None:
        """The message of a task comes once more, as brokers do that deliver at least once.

        Args:
            task: What sending it gave, a `Run` or a `Message` of it, or its id.
        """
        task_id = str(getattr(task, "task_id", None) or getattr(task, "id", task))
        opened = self._now_open
        known = opened.recent.get(task_id)
        if known is None:
            raise SetupError(
                f"no message of task {task_id!r} was sent on this bench",
                hint=f"pass what .delay() gave, or a run of bench.runs(); the last {REMEMBERED} are remembered",
            )
        opened.broker.deliver_again(*known)

    @contextmanager
    def late(self, span: timedelta | float | None = None, *, task: Any = None, **parts: float) -> Iterator[None]:
        """What is sent inside this block reaches its queue late: what is sent after it may overtake it.

        Args:
            span: A timedelta, or seconds.
            task: Only messages of this task: itself, its name, or the end of its name.
            **parts: The same in parts: `minutes=5`.
        """
        opened = self._now_open
        micros = driving.to_micros_span(span, parts)
        if micros <= 0:
            raise SetupError(
                f"a message cannot be late by {timedelta(microseconds=micros)}", hint="say by how much: minutes=5"
            )
        before, name = opened.broker.lateness, getattr(task, "name", task)

        def lateness(message: Message) -> int:
            if message.task is None or not is_meant(message.task, name):
                return before(message)
            now, late = opened.scheduler.now, timedelta(microseconds=micros)
            opened.recording.append(Broken(now, f"comes {late} late", "broker", message.task_id))
            return micros

        opened.broker.lateness = lateness
        try:
            yield
        finally:
            opened.broker.lateness = before

    def jump_clock(self, span: timedelta | float | None = None, **parts: float) -> None:
        """The clock jumps ahead, as when a machine was suspended: what was due meanwhile is late.

        Args:
            span: A timedelta, or seconds.
            **parts: The same in parts: `hours=1`.
        """
        opened = self._now_open
        micros = driving.to_micros_span(span, parts)
        if micros < 0:
            raise SetupError("a clock on a bench does not go back", hint="jump ahead: bench.jump_clock(hours=1)")
        now = opened.scheduler.now
        opened.recording.append(Broken(now, f"the clock jumps {timedelta(microseconds=micros)} ahead", "test"))
        opened.scheduler.move_to(now + micros)
