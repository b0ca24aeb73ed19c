"""Eager mode, watched: what runs inside `delay()`, and what Celery leaves out there."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from celery import Celery, Task, _state
from celery.app import autoretry
from celery.app.utils import Settings
from celery.canvas import Signature, _chain, _chord, group
from celery.result import EagerResult

from coldframe._celery.patches import replace

if TYPE_CHECKING:
    from celery.result import AsyncResult

#: Everything by which code sends tasks; one call of them often leads through others.
WAYS_TO_SEND: tuple[tuple[type, str], ...] = (
    (Task, "apply_async"),
    (Signature, "apply_async"),
    (_chain, "apply_async"),
    (group, "apply_async"),
    (_chord, "apply_async"),
    (Celery, "send_task"),
)


@dataclass(frozen=True, slots=True)
class EagerRun:
    """One try of a task that ran inside the call that sent it.

    Attributes:
        options: What the call said beyond the arguments: `queue`, `countdown`, `expires` and the like.
        is_part: Whether it ran as a part of a chain, group or chord, or as a retry: without a message of its own.
        result: What the caller got, or None when an error was raised in the caller.
        error: What was raised in the caller.
    """

    app: Celery
    task: Task
    args: Any
    kwargs: Any
    options: dict[str, Any]
    retries: int
    is_part: bool
    result: EagerResult | None
    error: BaseException | None

    @property
    def name(self) -> str:
        """The task's name."""
        return str(self.task.name)

    @property
    def value(self) -> Any:
        """What the task returned; None when it failed."""
        return self.result._result if self.result is not None and self.state == "SUCCESS" else None

    @property
    def state(self) -> str:
        """How the caller saw it end."""
        return "FAILURE" if self.result is None else str(self.result.state)


class EagerWatch:
    """Hears of what eager mode does; override what matters."""

    def called(self, app: Celery, task: Task, args: Any, kwargs: Any, options: dict[str, Any]) -> None:
        """A task is about to run inside `apply_async`, with the arguments as the caller gave them."""

    def begins(self, app: Celery, task: Task) -> None:
        """A try of a task begins inside a call that sends."""

    def ran(self, run: EagerRun) -> None:
        """A try of a task ended inside a call that sends."""

    def chorded(self) -> None:
        """A chord is about to run."""

    def sent(self, app: Celery, name: str) -> None:
        """`send_task` was called, which knows no eager mode."""


class _Calls(threading.local):
    """How deep the running thread is inside calls that send tasks."""

    depth = 0
    #: The task of the innermost `apply_async`, until its own `apply` begins.
    own: Any = None


def watch_eager(stack: ExitStack, watch: EagerWatch) -> None:
    """Tell the watch what eager mode does until the stack closes."""
    calls = _Calls()
    for owner, name in WAYS_TO_SEND[2:5]:
        _count_calls(stack, calls, owner, name)
    _watch_chords(stack, watch)
    _watch_apply_async(stack, calls, watch)
    _watch_apply(stack, calls, watch)
    send_task = Celery.send_task

    @functools.wraps(send_task)
    def send(self: Celery, name: str, *args: Any, **kwargs: Any) -> Any:
        if is_eager(self):
            watch.sent(self, name)
        return send_task(self, name, *args, **kwargs)

    replace(stack, Celery, "send_task", send)


def _count_calls(stack: ExitStack, calls: _Calls, owner: type, name: str) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.depth += 1
        try:
            return original(self, *args, **kwargs)
        finally:
            calls.depth -= 1

    replace(stack, owner, name, call)


def _watch_chords(stack: ExitStack, watch: EagerWatch) -> None:
    apply = _chord.apply

    @functools.wraps(apply)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        watch.chorded()
        return apply(self, *args, **kwargs)

    replace(stack, _chord, "apply", call)


def _watch_apply_async(stack: ExitStack, calls: _Calls, watch: EagerWatch) -> None:
    apply_async = Task.apply_async

    @functools.wraps(apply_async)
    def call(self: Task, args: Any = None, kwargs: Any = None, *rest: Any, **options: Any) -> Any:
        app = self._get_app()
        if not is_eager(app):
            return apply_async(self, args, kwargs, *rest, **options)
        watch.called(app, self, args, kwargs, {**self._get_exec_options(), **options})
        before, calls.own = calls.own, self
        calls.depth += 1
        try:
            return apply_async(self, args, kwargs, *rest, **options)
        finally:
            calls.depth -= 1
            calls.own = before

    replace(stack, Task, "apply_async", call)


def _watch_apply(stack: ExitStack, calls: _Calls, watch: EagerWatch) -> None:
    apply = Task.apply

    @functools.wraps(apply)
    def call(self: Task, args: Any = None, kwargs: Any = None, *rest: Any, **options: Any) -> Any:
        app = self._get_app()
        if not (calls.depth and is_eager(app)):
            return apply(self, args, kwargs, *rest, **options)
        is_part = calls.own is not self
        depth, calls.own, calls.depth = calls.depth, None, 1
        result, error = None, None
        watch.begins(app, self)
        try:
            result = apply(self, args, kwargs, *rest, **options)
            return result
        except BaseException as raised:
            error = raised
            raise
        finally:
            calls.depth = depth
            retries = options.get("retries") or 0
            watch.ran(EagerRun(app, self, args, kwargs, options, retries, is_part, result, error))

    replace(stack, Task, "apply", call)


def watch_sending(
    stack: ExitStack,
    is_of_test: Callable[[], bool],
    sent: Callable[[], None],
    refused: Callable[[Exception], None],
) -> None:
    """Call back when the test has sent something, or could not: once per call of the test, when the call is over."""
    calls = _Calls()

    def watch(owner: type, name: str) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            if not is_of_test():
                return original(self, *args, **kwargs)
            calls.depth += 1
            try:
                result = original(self, *args, **kwargs)
            except Exception as error:
                if calls.depth == 1:
                    refused(error)
                raise
            finally:
                calls.depth -= 1
            if not calls.depth:
                sent()
            return result

        replace(stack, owner, name, call)

    for owner, name in WAYS_TO_SEND:
        watch(owner, name)


def leave_out_jitter(stack: ExitStack) -> None:
    """Have automatic retries wait for as long as they may: full jitter picks no delay at all as often as any other."""
    backoff = autoretry.get_exponential_backoff_interval

    @functools.wraps(backoff)
    def longest(factor: int, retries: int, maximum: int, full_jitter: bool = False) -> int:
        return int(backoff(factor=factor, retries=retries, maximum=maximum, full_jitter=False))

    replace(stack, autoretry, "get_exponential_backoff_interval", longest)


class _EagerOff:
    """What `app.conf.task_always_eager` is while some apps are on a bench: false for them, whoever sets it."""

    def __init__(self, settings: list[Any]) -> None:
        self._settings = settings

    def __get__(self, conf: Any, owner: type) -> Any:
        if conf is None:
            return self
        if any(conf is known for known in self._settings):
            return False
        return conf["task_always_eager"]

    def __set__(self, conf: Any, value: Any) -> None:
        conf["task_always_eager"] = value


def keep_eager_off(stack: ExitStack, apps: tuple[Celery, ...]) -> None:
    """Have eager mode off for these apps until the stack closes, also when a test or a fixture turns it on."""
    replace(stack, Settings, "task_always_eager", _EagerOff([app.conf for app in apps]))


def turn_on(stack: ExitStack, app: Celery, *, propagates: bool) -> None:
    """Switch an app to eager mode; what its settings said comes back when the stack closes."""
    # Reading one setting has an app load all of them.
    is_eager(app)
    changes = app.conf.changes
    held = dict(changes)

    def put_back() -> None:
        changes.clear()
        changes.update(held)

    stack.callback(put_back)
    app.conf.task_always_eager = True
    app.conf.task_eager_propagates = propagates


@dataclass(frozen=True, slots=True)
class ReadWatch:
    """Hears of results that are read, by the callbacks that are given."""

    value: Callable[[str, Any], None]
    state: Callable[[str], None]


def watch_reading(stack: ExitStack, watch: ReadWatch) -> None:
    """Tell when the value of a result that eager mode made is read, and when a stored result is asked for."""
    from celery.result import AsyncResult

    get, read_meta = EagerResult.get, AsyncResult._get_task_meta
    value_of = EagerResult.result.fget

    @functools.wraps(get)
    def eager_get(self: EagerResult, *args: Any, **kwargs: Any) -> Any:
        watch.value(self.id, self._result)
        return get(self, *args, **kwargs)

    def eager_value(self: EagerResult) -> Any:
        watch.value(self.id, self._result)
        return value_of(self)

    @functools.wraps(read_meta)
    def get_task_meta(self: AsyncResult) -> Any:
        watch.state(self.id)
        return read_meta(self)

    replace(stack, EagerResult, "get", eager_get)
    replace(stack, EagerResult, "wait", eager_get)
    replace(stack, EagerResult, "result", property(eager_value, doc=EagerResult.result.__doc__))
    replace(stack, AsyncResult, "_get_task_meta", get_task_meta)


def is_eager(app: Celery) -> bool:
    """Whether an app runs tasks inside the call that sends them."""
    return bool(app.conf.task_always_eager)


def living_apps() -> list[Celery]:
    """All apps of this process, by name; the current one first."""
    apps = sorted(_state._get_active_apps(), key=lambda app: str(app.main))
    current = _state._tls.current_app or _state.default_app
    return [app for app in apps if app is current] + [app for app in apps if app is not current]
