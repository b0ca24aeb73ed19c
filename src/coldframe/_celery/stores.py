"""The result stores of a simulated process: in life each process makes its own connections.

If the test and the workers shared one, a result object that a worker drops would end the test's subscription to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from celery import Celery


class Stores:
    """What Celery keeps as the result store of each app, in one process or in the processes of one node.

    Args:
        apps: The apps of the bench.
    """

    __slots__ = ("_apps", "_held")

    def __init__(self, apps: tuple[Celery, ...]) -> None:
        self._apps = apps
        self._held: dict[int, tuple[Any, Any]] = {}

    def enter(self) -> None:
        """Make them the apps' result stores."""
        for app in self._apps:
            shared, local = self._held.get(id(app), (None, None))
            app._backend_cache = shared
            slot = vars(app._local)
            if local is None:
                slot.pop("backend", None)
            else:
                slot["backend"] = local

    def leave(self) -> None:
        """Remember what the process has made of them."""
        for app in self._apps:
            self._held[id(app)] = (app._backend_cache, vars(app._local).get("backend"))
