"""Every attempt at a task passes here: Celery's own tracer, with an entry in the trace before and after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from celery import states
from celery.app import trace

from coldframe._core.events import Finished, Started
from coldframe._core.plain import error_text

if TYPE_CHECKING:
    from coldframe._celery.node import Node
    from coldframe._celery.world import World

LOST = "LOST"


class Attempt:
    """One attempt at a task, from its start in a pool process to its end."""

    __slots__ = (
        *("depth", "ended", "exception", "node", "number", "process"),
        *("root_id", "state", "task", "task_id", "traceback", "world"),
    )

    def __init__(self, world: World, node: Node, task: str, task_id: str, root_id: str | None) -> None:
        self.world = world
        self.node = node
        self.number = world.next_attempt()
        self.task = task
        self.task_id = task_id
        self.root_id = root_id or task_id
        #: How many tasks before it each sent the next one.
        self.depth = world.depths.get(task_id, 0)
        self.process = world.process
        self.state = states.STARTED
        self.exception: BaseException | None = None
        self.traceback: str | None = None
        self.ended = False

    def end(
        self,
        state: str,
        *,
        result: Any = None,
        exception: BaseException | None = None,
        traceback: str | None = None,
        at_process: bool = True,
    ) -> None:
        """Record the end, once: whoever sees it first tells it."""
        if self.ended:
            return
        self.ended = True
        self.state = state
        self.exception = exception
        self.traceback = traceback
        self.world.trace.append(
            Finished(
                self.world.scheduler.now,
                self.task_id,
                self.task,
                self.number,
                state,
                result,
                exception,
                traceback,
                at_process,
            )
        )
        self.world.on_attempt_ended(self)


class Traced:
    """Looks like a task to `fast_trace_task`, which asks it for nothing but `__trace__`."""

    __slots__ = ("__trace__",)

    def __init__(self, trace: Callable[..., Any]) -> None:
        self.__trace__ = trace


class NodeTasks(dict[str, Traced]):
    """The tasks of a node with the tracers of one of its pool processes.

    Celery keeps a tracer on the task itself, where the process that started last would overwrite the others'.
    """

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._node = node

    def __missing__(self, name: str) -> Traced:
        node = self._node
        tracer = trace.build_tracer(name, node.app.tasks[name], node.app.loader, node.hostname, app=node.app)
        traced = self[name] = Traced(recording(node, name, tracer))
        return traced


def _stable(text: Any, error: BaseException) -> str:
    """A traceback as text, without what differs from process to process in the text of its exception."""
    try:
        raw = str(error)
    except Exception:  # a user's __str__ may raise anything
        return str(text)
    stable = error_text(error)
    return str(text) if raw == stable else str(text).replace(raw, stable)


def recording(node: Node, name: str, tracer: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a tracer so that each call is an attempt in the trace."""
    world = node.world

    def traced(uuid: str, args: Any, kwargs: Any, request: dict[str, Any] | None = None) -> Any:
        request = request or {}
        attempt = Attempt(world, node, name, uuid, request.get("root_id"))
        process = attempt.process
        process.attempt = attempt
        delivery = request.get("delivery_info") or {}
        world.trace.append(
            Started(
                world.scheduler.now,
                uuid,
                name,
                node.name,
                process.name,
                attempt.number,
                tuple(args),
                kwargs,
                request.get("retries") or 0,
                bool(delivery.get("redelivered")),
                delivery.get("routing_key"),
            )
        )
        world.on_attempt_started(attempt)
        try:
            outcome = tracer(uuid, args, kwargs, request)
            info = outcome.info
            if info is None:
                attempt.end(states.SUCCESS, result=outcome.retval)
            else:
                error = info.retval
                text = getattr(outcome.retval, "traceback", None)
                attempt.end(info.state, exception=error, traceback=_stable(text, error) if text else None)
            return outcome
        except BaseException as error:
            attempt.end(states.REVOKED if process.child and process.child.was_terminated else LOST, exception=error)
            raise
        finally:
            process.attempt = None

    return traced
