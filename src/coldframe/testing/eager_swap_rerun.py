"""Running one test several times within its turn: quietly, with fresh fixtures, and without leftovers in modules."""

from __future__ import annotations

import copy
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

#: What tests and tasks leave their marks in.
CONTAINERS = (list, dict, set, deque, Counter, defaultdict, OrderedDict)


def can_run_again(item: pytest.Item) -> bool:
    """Whether pytest can give a test fresh fixtures."""
    return isinstance(item, pytest.Function)


def run_quietly(item: pytest.Item, *, log_subtests: bool = False) -> list[pytest.TestReport]:
    """Run setup, call and teardown of a test, and keep what is reported back.

    Fixtures of a wider scope than the test stay up. Afterwards the test can be run again.

    Args:
        item: The test.
        log_subtests: Whether the reports of subtests go out at once, as they do otherwise.
    """
    told: list[pytest.TestReport] = []
    properties = len(item.user_properties)
    with _held_reports(item, told) if not log_subtests else _nothing_held():
        # A stand-in for the next test, with the same parents: what they share is not torn down.
        reports = runtestprotocol(item, log=False, nextitem=copy.copy(item))
    _renew(item)
    if not log_subtests:
        del item.user_properties[properties:]
    return [*told, *reports]


def finish(item: pytest.Item, nextitem: pytest.Item | None) -> pytest.TestReport | None:
    """Tear down what the next test does not share; a report only if that went wrong."""
    setup_state = item.session._setupstate  # noqa: SLF001 - as pytest's own runner does
    call = pytest.CallInfo.from_call(lambda: setup_state.teardown_exact(nextitem), when="teardown")
    if call.excinfo is None:
        return None
    report: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
    return report


def outcome_of(reports: list[pytest.TestReport]) -> str:
    """One word for how a test ended, as pytest's summary has it."""
    for report in reports:
        if report.failed:
            return "failed" if report.when == "call" else "error"
    for report in reports:
        if hasattr(report, "wasxfail"):
            return "xfailed" if report.skipped else "xpassed"
    return "skipped" if any(report.skipped for report in reports) else "passed"


def _renew(item: Any) -> None:
    """Make a test as it was before it ran."""
    item._initrequest()  # noqa: SLF001 - as plugins that run tests again do
    item._report_sections.clear()  # noqa: SLF001
    vars(item).pop("_excinfo", None)
    if isinstance(item.parent, pytest.Class):
        vars(item).pop("_instance", None)
        item._obj = None  # noqa: SLF001


@contextmanager
def _nothing_held() -> Iterator[None]:
    yield


@contextmanager
def _held_reports(item: pytest.Item, told: list[pytest.TestReport]) -> Iterator[None]:
    """Subtests report at once, whatever becomes of the test: here they tell only us."""
    session: Any = item.session
    proxy_for = session.gethookproxy

    class Quiet:
        def __init__(self, hooks: Any) -> None:
            self._hooks = hooks

        def __getattr__(self, name: str) -> Any:
            return getattr(self._hooks, name)

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            told.append(report)

    session.gethookproxy = lambda path: Quiet(proxy_for(path))
    try:
        yield
    finally:
        del session.gethookproxy


class Leftovers:
    """What the modules of the project held before a test, so that the next run of it finds the same.

    Lists, dictionaries and sets get their members back, numbers and texts their values. Nothing is put back when the
    test imported modules of the project: what they registered belongs to them.

    Args:
        root: Modules below this directory belong to the project.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._held: list[tuple[dict[str, Any], str, Any, Any]] = []
        self._modules = 0
        for namespace in _project_namespaces(root):
            self._modules += 1
            self._hold(namespace)
        self._hold(_caches_of_django())

    def _hold(self, namespace: dict[str, Any]) -> None:
        for name, value in namespace.items():
            if name.startswith("__"):
                continue
            if type(value) in CONTAINERS:
                self._held.append((namespace, name, value, copy.copy(value)))
            elif type(value) in (int, float, str):
                self._held.append((namespace, name, value, value))
            elif isinstance(value, type) and value.__module__ == namespace.get("__name__"):
                self._hold_class(value)

    def _hold_class(self, kind: type) -> None:
        for name, value in vars(kind).items():
            if type(value) in (list, set, deque) and not name.startswith("_"):
                self._held.append(({}, name, value, copy.copy(value)))

    def put_back(self) -> None:
        """Undo what the run left in the modules."""
        known = {id(value) for _, _, value, _ in self._held}
        for cache in _caches_of_django().values():
            if id(cache) not in known:
                cache.clear()
        if sum(1 for _ in _project_namespaces(self._root)) != self._modules:
            return
        for namespace, name, value, before in self._held:
            if type(value) in CONTAINERS:
                if not _same(value, before):
                    _refill(value, before)
            elif type(namespace.get(name)) is type(value):
                namespace[name] = before


def _same(value: Any, before: Any) -> bool:
    """Whether a container has the very members that it had."""
    if len(value) != len(before):
        return False
    if isinstance(value, dict):
        return all(key in value and value[key] is member for key, member in before.items())
    if isinstance(value, set):
        return bool(value == before)
    return all(one is other for one, other in zip(value, before, strict=True))


def _refill(value: Any, before: Any) -> None:
    value.clear()
    if isinstance(value, (list, deque)):
        value.extend(before)
    else:
        value.update(before)


def _project_namespaces(root: Path) -> Iterator[dict[str, Any]]:
    """The globals of the project's modules."""
    start = f"{root}/"
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.startswith(start) and "site-packages" not in file:
            yield vars(module)


def _caches_of_django() -> dict[str, Any]:
    """What Django caches in the memory of the process; its test cases leave it as it is."""
    module = sys.modules.get("django.core.cache.backends.locmem")
    if module is None:
        return {}
    stores = {"values": vars(module)["_caches"], "expiry": vars(module)["_expire_info"]}
    return {f"{kind}:{name}": cache for kind, caches in stores.items() for name, cache in caches.items()}
