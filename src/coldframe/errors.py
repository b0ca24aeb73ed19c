"""Every error that Coldframe raises: what happened, with the value, and a hint with the next step.

ColdframeError
├── SetupError            a bench cannot be opened, or was told something it cannot do
│   ├── AppNotFound       the app path does not import, or names no Celery app
│   ├── UnknownProfile    there is no such broker profile
│   ├── AlreadyOpen       a bench was opened inside an open bench
│   ├── NotOpen           a bench was used before it was opened or after it was closed
│   ├── NotSimulated      a simulated server was asked for what it cannot do
│   └── ScenarioError     a scenario cannot be hardened: it fails untouched, differs each time, does nothing
├── TimeError             virtual time was asked to do what time does not do (move backwards)
├── WorkError             what ran on the bench went wrong
│   ├── TaskFailed        a task failed, and the test did not expect it
│   ├── UnreadQueue       messages wait in a queue that no node reads, or were routed nowhere
│   ├── NeverRun          tasks were sent, and the test ended without letting them run
│   ├── NeverEnds         the bench was drained, but there is always more to do
│   ├── NeverReady        a result was waited for that can no longer come
│   ├── TaskStuck         a task spins without ever waiting, so time cannot pass
│   └── NeverFired        something was to be broken, and never came about
├── NetworkRefused        something on the bench reached for a real host (also a ConnectionRefusedError)
├── NotHardened           a scenario did not survive (also an AssertionError)
└── Mismatch              an assertion of the bench failed (also an AssertionError)
"""

from __future__ import annotations

from typing import Any


class ColdframeError(Exception):
    """The base of all errors of Coldframe.

    Args:
        message: What happened, with the value that caused it.
        hint: The next step for the reader.
    """

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _made_again, (type(self), self.message, self.hint)


def _made_again(kind: type[ColdframeError], message: str, hint: str) -> ColdframeError:
    """An error as it comes out of a pool process: pickled and back."""
    return kind(message, hint=hint)


def hides_frames(excinfo: Any) -> bool:
    """For `__tracebackhide__`: pytest leaves our own frames out where one of our errors says it all.

    Args:
        excinfo: What pytest knows of an error.
    """
    errors = getattr(excinfo.value, "exceptions", (excinfo.value,))
    return all(isinstance(error, ColdframeError) for error in errors)


class SetupError(ColdframeError):
    """A bench cannot be opened, or was told something it cannot do."""


class AppNotFound(SetupError):
    """The app path does not import, or names no Celery app."""


class UnknownProfile(SetupError):
    """There is no broker profile of that name."""


class AlreadyOpen(SetupError):
    """A bench was opened while another one is open."""


class NotOpen(SetupError):
    """A bench was used before it was opened or after it was closed."""


class NotSimulated(SetupError, NotImplementedError):
    """Something asked a server that the bench simulates for what it cannot do."""


class ScenarioError(SetupError):
    """A scenario cannot be hardened as it is: it fails untouched, is not deterministic, or does nothing."""


class TimeError(ColdframeError):
    """Virtual time was asked to do what time does not do."""


class WorkError(ColdframeError):
    """What ran on the bench went wrong."""


class TaskFailed(WorkError):
    """A task failed, and the test did not expect it."""


class UnreadQueue(WorkError):
    """Messages wait in a queue that no node reads, or were routed nowhere."""


class NeverRun(WorkError):
    """Tasks were sent, and the test ended without letting them run."""


class NeverEnds(WorkError):
    """The bench was drained, but there is always more to do."""


class NeverReady(WorkError):
    """A result was waited for that can no longer come."""


class TaskStuck(WorkError):
    """A task spins without ever waiting, so virtual time cannot pass."""


class NeverFired(WorkError):
    """Something was to be broken, and what was to be broken never came about."""


class NetworkRefused(ColdframeError, ConnectionRefusedError):
    """Something on the bench reached for a host that the bench was not told to allow."""


class NotHardened(ColdframeError, AssertionError):
    """A scenario did not survive; the message tells each cause once."""


class Mismatch(ColdframeError, AssertionError):
    """An assertion of the bench failed; the message lists the near misses."""
