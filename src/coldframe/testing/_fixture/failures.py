"""How a failed test that held a bench is told: the mistake first, then the story, then how to see it again.

pytest registers this module as a plugin when the fixture is first used.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from coldframe import ColdframeError
from coldframe._bench.traceback_text import own_frames
from coldframe.testing._fixture.explanations import explain
from coldframe.testing._fixture.held import HELD, HeldBench
from coldframe.testing._fixture.tracebacks import passed_libraries, trimmed

LAST = 25
SECTION = f"coldframe timeline (last {LAST} events)"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shorten the failure to what the reader needs, and add the story and the line that replays it."""
    report = yield
    held = item.stash.get(HELD, None)
    if held is None:
        return report
    if report.failed:
        if call.excinfo is not None:
            report.longrepr = _shortened(item, call.excinfo) or report.longrepr
        report.sections.insert(0, (SECTION, f"{held.bench.timeline(last=LAST)}\n\nreplay: {_replay(item, held)}"))
    if report.when == "teardown":
        del item.stash[HELD]
    return report


def _shortened(item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:
    """The failure without the frames of libraries; None to leave it as pytest shows it."""
    style = item.config.getoption("tbstyle")
    if item.config.getoption("fulltrace") or style in ("native", "no", "line"):
        return None
    error = excinfo.value
    kept = trimmed(excinfo.tb, item.path)
    if is_ours(error):
        shown = _as_failure(error) if kept is None else _alone(error)
        return item.repr_failure(pytest.ExceptionInfo.from_exc_info((type(shown), shown, kept or excinfo.tb)))
    explain(error)
    if passed_libraries(excinfo.tb):
        _tell_origin(error, item.stash[HELD])
    with _shown_alone(error, alone=passed_libraries(excinfo.tb)):
        return item.repr_failure(pytest.ExceptionInfo.from_exc_info((type(error), error, kept or excinfo.tb)))


def _tell_origin(error: BaseException, held: HeldBench) -> None:
    """Tell where the task failed whose error a result has brought to the test."""
    for run in reversed(held.bench.runs()):
        if run.exception is not None and run.traceback and repr(run.exception) == repr(error):
            note = f"  it failed in task {run.task} on {run.node!r}:\n{own_frames(run.traceback).rstrip()}"
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)
            return


def is_ours(error: BaseException) -> bool:
    """Whether an error is one of Coldframe, or a group of those."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_ours(one) for one in error.exceptions)
    return isinstance(error, ColdframeError)


def _flat(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _flat(one)
    else:
        yield error


def _text(error: BaseException) -> str:
    first, *others = _flat(error)
    return "\n\n".join([str(first), *(f"and {type(other).__name__}: {other}" for other in others)])


def _alone(error: BaseException) -> BaseException:
    """The same to look at, without the exceptions behind it: what matters of them is in the message."""
    first = next(_flat(error))
    kind, text = type(first), _text(error)

    class Shown(kind):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            Exception.__init__(self, text)

        def __str__(self) -> str:
            return text

    Shown.__name__, Shown.__qualname__, Shown.__module__ = kind.__name__, kind.__qualname__, kind.__module__
    return Shown()


@contextmanager
def _shown_alone(error: BaseException, *, alone: bool) -> Iterator[None]:
    """While it is shown, an error that a library raised is without the ones from which it made it."""
    suppressed, cause = error.__suppress_context__, error.__cause__
    if alone:
        error.__cause__ = None
        error.__suppress_context__ = True
    try:
        yield
    finally:
        error.__cause__ = cause
        error.__suppress_context__ = suppressed


def _as_failure(error: BaseException) -> BaseException:
    """What came to light after the last line of the test has no place in it: the message alone."""
    kind = type(next(_flat(error)))
    shown = type(kind.__name__, (pytest.fail.Exception,), {"__module__": "builtins"})
    return shown(_text(error), pytrace=False)  # type: ignore[no-any-return]


def _replay(item: pytest.Item, held: HeldBench) -> str:
    """The command that runs this very test again, in the same way."""
    words = ["pytest", _quoted(from_here(item))]
    words += [f"--coldframe-{name}={value}" for name, value in held.said.items()]
    randomly = item.config.getoption("randomly_seed", None)
    if isinstance(randomly, int):  # pytest-randomly gives it to all that draws random data outside of the bench
        words.append(f"--randomly-seed={randomly}")
    return " ".join(words)


def from_here(item: pytest.Item) -> str:
    """The id of a test as it must be given where pytest was started."""
    inside = item.nodeid.partition("::")[2]
    path = os.path.relpath(item.path, item.config.invocation_params.dir)
    return f"{Path(path).as_posix()}::{inside}"


def _quoted(nodeid: str) -> str:
    return f'"{nodeid}"' if set(nodeid) & set(" []()'$&;|<>*?") else nodeid
