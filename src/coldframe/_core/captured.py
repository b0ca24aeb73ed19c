"""Replaces every reference to given objects in the loaded modules, and puts them back exactly.

A search of all modules is dear (see `references`), so its findings are kept per module. A module is searched
again only if it is new or reloaded, or if its number of globals changed. What that misses, by choice: a global
that was assigned anew since the search and captures an original under another name than the original's own, and
functions and classes that were changed in place. Attributes of instances and members of containers are never
searched.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from operator import is_, methodcaller
from types import ModuleType
from typing import Any

from coldframe._core.references import KeepsReal, Place, Replacement, Search, Swap, namespace_of


@dataclass(frozen=True, slots=True)
class SearchedModule:
    """What a search of a module found, and by what to see that it must be searched again."""

    module: object
    namespace: dict[str, Any]
    size: int
    spec: object
    places: tuple[Place, ...]


class Glance:
    """What the modules look like: one look at all of them, before and after each bench, that costs next to nothing.

    Args:
        loaded: The modules by name.
        searched: What was found in each.
    """

    def __init__(self, loaded: Mapping[str, object], searched: Mapping[str, SearchedModule]) -> None:
        seen = [searched[name] for name in loaded]
        self._names = list(loaded)
        self._modules = [entry.module for entry in seen]
        self._namespaces = [entry.namespace for entry in seen]
        self._sizes = [entry.size for entry in seen]
        self._specs = [entry.spec for entry in seen]

    def shows(self, loaded: Mapping[str, object]) -> bool:
        """Whether the modules are still these, and as they were."""
        return (
            list(loaded) == self._names
            and all(map(is_, loaded.values(), self._modules))
            and list(map(len, self._namespaces)) == self._sizes
            and all(map(is_, map(_spec_in, self._namespaces), self._specs))
        )


_spec_in = methodcaller("get", "__spec__")

NOTHING_SEEN = Glance({}, {})


class Findings:
    """The places found so far, module by module; shared by all sweeps with the same exceptions."""

    def __init__(self, keeps_real: KeepsReal) -> None:
        self._keeps_real = cache(keeps_real)
        self._watched: dict[int, object] = {}
        self._names: set[str] = set()
        self._modules: dict[str, SearchedModule] = {}
        self._glance = NOTHING_SEEN

    def watch(self, originals: Iterable[object]) -> None:
        """Have these objects searched for, too; a new one means that all modules are searched again."""
        for original in originals:
            if id(original) not in self._watched:
                self._modules.clear()
                self._glance = NOTHING_SEEN
                self._watched[id(original)] = original
                name = getattr(original, "__name__", None)
                if isinstance(name, str):
                    self._names.add(name)

    def search(self, replacements: Iterable[object] = ()) -> Search:
        """A search for what is watched, and for what takes its place."""
        return Search(self._watched.keys() | {id(new) for new in replacements}, self._names, self._keeps_real)

    def refresh(self, replacements: Iterable[object]) -> Iterator[tuple[Place, ...]]:
        """Search the modules that changed; yields what was found before it counts as searched."""
        loaded = sys.modules.copy()
        if not self._glance.shows(loaded):
            yield from self._search_changed(loaded, replacements)
            self._glance = Glance(loaded, self._modules)

    def _search_changed(
        self, loaded: dict[str, ModuleType], replacements: Iterable[object]
    ) -> Iterator[tuple[Place, ...]]:
        known = self._modules
        search = None
        for name, module in loaded.items():
            entry = known.get(name)
            if (
                entry is not None
                and entry.module is module
                and len(entry.namespace) == entry.size
                and entry.namespace.get("__spec__") is entry.spec
            ):
                continue
            search = search or self.search(replacements)
            entry = self._searched(name, module, search)
            yield entry.places
            known[name] = entry
        if len(known) > len(loaded):
            for name in [name for name in known if name not in loaded]:
                del known[name]

    def places(self) -> Iterator[Place]:
        """All places of all modules, in the order in which the modules were found."""
        for entry in self._modules.values():
            yield from entry.places

    def _searched(self, name: str, module: object, search: Search) -> SearchedModule:
        namespace = namespace_of(module)
        size = len(namespace)
        places = () if self._keeps_real(name) else tuple(search.namespace(namespace))
        return SearchedModule(module, namespace, size, namespace.get("__spec__"), places)


#: One per predicate: the second bench of a test run finds the modules searched.
_FINDINGS: dict[KeepsReal, Findings] = {}


class Captured:
    """Some objects, replaced wherever loaded code captured them.

    A replacement for a builtin function must not bind when it is a class attribute, as builtins don't: give the
    bound method of an object rather than a function. No two originals may have the same replacement.

    Args:
        pairs: The originals, each with what takes its place.
        keeps_real: Tells by name which modules, with their functions and classes, are left alone. Findings are
            kept per predicate, so pass the same one each time.
        also: Functions and classes that no module global leads to, to be searched each time.
    """

    def __init__(self, pairs: Iterable[Replacement], keeps_real: KeepsReal, also: Iterable[object] = ()) -> None:
        self._pairs = list(pairs)
        self._also = list(also)
        self._findings = _FINDINGS.setdefault(keeps_real, Findings(keeps_real))
        self._undo: list[tuple[Place, Any, Any]] = []
        self._installed = False

    def install(self) -> None:
        """Replace all references; if that fails half-way, those already replaced are put back."""
        swap = Swap(self._pairs)
        replacements = [new for _, new in self._pairs]
        self._installed = True
        try:
            self._findings.watch(old for old, _ in self._pairs)
            for _ in self._findings.refresh(replacements):
                pass
            for place in self._findings.places():
                self._replace(place, swap)
            search = self._findings.search()
            for root in self._also:
                for place in search.inside(root):
                    self._replace(place, swap)
        except BaseException:
            self.restore()
            raise

    def restore(self) -> None:
        """Put back what still holds a replacement, also in modules that were imported meanwhile."""
        if not self._installed:
            return
        back = Swap((new, old) for old, new in self._pairs)
        while self._undo:
            place, before, after = self._undo[-1]
            if place.read() is after:
                place.write(before)
            else:
                self._write_if_changed(place, back)
            self._undo.pop()
        for places in self._findings.refresh(new for _, new in self._pairs):
            for place in places:
                self._write_if_changed(place, back)
        self._installed = False

    def _replace(self, place: Place, swap: Swap) -> None:
        before = place.read()
        after = place.swapped(before, swap)
        if after is not before:
            self._undo.append((place, before, after))
            place.write(after)

    @staticmethod
    def _write_if_changed(place: Place, swap: Swap) -> None:
        before = place.read()
        after = place.swapped(before, swap)
        if after is not before:
            place.write(after)
