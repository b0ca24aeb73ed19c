"""Libraries that a project may use, or import only when a task needs them: neither is imported for it here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

Patch = Callable[[ModuleType], object]


def when_imported(stack: ExitStack, name: str, patch: Patch) -> None:
    """Patch a module: now if it is imported, else as soon as it is; never after the stack has closed."""
    module = sys.modules.get(name)
    if module is not None:
        patch(module)
        return
    waiting = _Waiting(name, patch)
    sys.meta_path.insert(0, waiting)
    stack.callback(waiting.give_up)


class _Waiting(MetaPathFinder):
    """Finds nothing itself; has the module that it waits for patched after its own loader has made it."""

    def __init__(self, name: str, patch: Patch) -> None:
        self._name = name
        self._patch = patch

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        self.give_up()
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Patching(spec.loader, self._patch)
        return spec

    def give_up(self) -> None:
        """Wait no more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)


class _Patching(Loader):
    def __init__(self, loader: Any, patch: Patch) -> None:
        self._loader = loader
        self._patch = patch

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        if spec is not None:
            spec.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._patch(module)
