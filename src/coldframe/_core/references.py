"""The places in loaded code that can hold a captured reference, and the search for them.

Code captures what it calls: `from time import monotonic`, `def wait(clock=monotonic)`, `class Limit: clock =
monotonic`. Replacing the name in its home module misses all of these. A place can be read and written, and says
what its value becomes when some objects are swapped for others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import _lru_cache_wrapper, cached_property, partial
from types import (
    BuiltinMethodType,
    CellType,
    FunctionType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)
from typing import Any

#: An object, and what takes its place. Pairs, as the objects need not be hashable.
Replacement = tuple[object, object]
KeepsReal = Callable[[str], bool]

_MISSING = object()
_BOUND: frozenset[type] = frozenset({BuiltinMethodType, MethodType, MethodWrapperType})
_WRAPPED_METHODS: frozenset[type] = frozenset({staticmethod, classmethod})
_IMMUTABLE_TYPE = 1 << 8


class Swap:
    """Says what a value becomes: itself, its replacement, or the same method of its owner's replacement."""

    def __init__(self, pairs: Iterable[Replacement]) -> None:
        self._pairs = {id(old): (old, new) for old, new in pairs}

    def __call__(self, value: Any) -> Any:
        pair = self._pairs.get(id(value))
        if pair is not None:
            return pair[1]
        if type(value) in _BOUND and (owner := self._pairs.get(id(value.__self__))) is not None:
            return getattr(owner[1], value.__name__)
        return value

    def members(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """The same for each of some values; the very same tuple if none of them changes."""
        after = tuple(map(self, values))
        return values if all(new is old for new, old in zip(after, values, strict=True)) else after


class Global:
    """A place that can hold a captured reference: an item of a namespace, or of keyword defaults."""

    __slots__ = ("name", "namespace")

    def __init__(self, namespace: dict[str, Any], name: str) -> None:
        self.namespace = namespace
        self.name = name

    def read(self) -> Any:
        return self.namespace.get(self.name, _MISSING)

    def write(self, value: Any) -> None:
        self.namespace[self.name] = value

    def swapped(self, value: Any, swap: Swap) -> Any:
        return swap(value)


class ClassAttribute:
    """An attribute in a class body, also as a static or class method."""

    __slots__ = ("name", "owner")

    def __init__(self, owner: type, name: str) -> None:
        self.owner = owner
        self.name = name

    def read(self) -> Any:
        return self.owner.__dict__.get(self.name, _MISSING)

    def write(self, value: Any) -> None:
        type.__setattr__(self.owner, self.name, value)

    def swapped(self, value: Any, swap: Swap) -> Any:
        if type(value) not in _WRAPPED_METHODS:
            return swap(value)
        inner = swap(value.__func__)
        return value if inner is value.__func__ else type(value)(inner)


class Defaults:
    """The positional defaults of a function."""

    __slots__ = ("function",)

    def __init__(self, function: FunctionType) -> None:
        self.function = function

    def read(self) -> Any:
        return self.function.__defaults__

    def write(self, value: Any) -> None:
        self.function.__defaults__ = value

    def swapped(self, value: Any, swap: Swap) -> Any:
        return value and swap.members(value)


class Cell:
    """A variable in the closure of a function."""

    __slots__ = ("cell",)

    def __init__(self, cell: CellType) -> None:
        self.cell = cell

    def read(self) -> Any:
        try:
            return self.cell.cell_contents
        except ValueError:
            return _MISSING

    def write(self, value: Any) -> None:
        self.cell.cell_contents = value

    def swapped(self, value: Any, swap: Swap) -> Any:
        return swap(value)


class PartialCall:
    """A `functools.partial`; it keeps its identity, as others may hold it too."""

    __slots__ = ("call",)

    def __init__(self, call: partial[Any]) -> None:
        self.call = call

    def read(self) -> Any:
        return (self.call.func, *self.call.args, *self.call.keywords.values())

    def write(self, value: Any) -> None:
        names = list(self.call.keywords)
        last = len(value) - len(names)
        keywords = dict(zip(names, value[last:], strict=True))
        self.call.__setstate__((value[0], value[1:last], keywords, self.call.__dict__))  # type: ignore[attr-defined]

    def swapped(self, value: Any, swap: Swap) -> Any:
        return swap.members(value)


Place = Global | ClassAttribute | Defaults | Cell | PartialCall


class Search:
    """Collects the places below an object that hold one of the wanted objects.

    A type is compared, never asked with `isinstance`: a lazy proxy would wake up.
    """

    def __init__(self, wanted: AbstractSet[int], names: AbstractSet[str], keeps_real: KeepsReal) -> None:
        self._wanted = wanted
        self._names = names
        self._keeps_real = keeps_real
        self._found: dict[int, list[Place]] = {}
        self._kinds: dict[type, Callable[[Any], Iterator[Place]] | None] = {}

    def namespace(self, namespace: dict[str, Any]) -> Iterator[Place]:
        """Search globals; a name that an original bears is a place even if a test has patched it for now."""
        for name, value in list(namespace.items()):
            holds = self._holds(value)
            if holds or name in self._names:
                yield Global(namespace, name)
            if not holds:
                yield from self.inside(value)

    def inside(self, value: Any) -> Sequence[Place]:
        """Search an object that can hold references; each object is searched once."""
        kind = type(value)
        try:
            look = self._kinds[kind]
        except KeyError:
            look = self._kinds[kind] = self._look_for(kind)
        if look is None:
            return ()
        found = self._found.get(id(value))
        if found is None:
            found = self._found[id(value)] = []
            found.extend(look(value))
        return found

    def _look_for(self, kind: type) -> Callable[[Any], Iterator[Place]] | None:
        if kind is FunctionType:
            return self._function
        if kind is partial:
            return self._partial
        if issubclass(kind, type):
            return self._class
        if issubclass(kind, property):
            return lambda value: self._each(value.fget, value.fset, value.fdel)
        if issubclass(kind, cached_property):
            return lambda value: self._each(value.func)
        if kind in _WRAPPED_METHODS or kind is MethodType:
            return lambda value: self._each(value.__func__)
        if kind is _lru_cache_wrapper:
            return lambda value: self._each(value.__wrapped__)
        return None

    def _holds(self, value: Any) -> bool:
        return id(value) in self._wanted or (type(value) in _BOUND and id(value.__self__) in self._wanted)

    def _each(self, *values: Any) -> Iterator[Place]:
        for value in values:
            yield from self.inside(value)

    def _function(self, function: FunctionType) -> Iterator[Place]:
        if self._is_kept(function.__module__):
            return
        if any(map(self._holds, function.__defaults__ or ())):
            yield Defaults(function)
        keyword_defaults = function.__kwdefaults__ or {}
        for name, value in keyword_defaults.items():
            if self._holds(value):
                yield Global(keyword_defaults, name)
        for cell in function.__closure__ or ():
            place = Cell(cell)
            content = place.read()
            if self._holds(content):
                yield place
            else:
                yield from self.inside(content)
        yield from self.inside(function.__dict__.get("__wrapped__"))
        yield from self._foreign_globals(function.__globals__)

    def _foreign_globals(self, namespace: dict[str, Any]) -> Iterator[Place]:
        """Search the globals of generated code, which belong to no module."""
        home = sys.modules.get(namespace.get("__name__", ""))
        if id(namespace) not in self._found and (home is None or namespace_of(home) is not namespace):
            found = self._found[id(namespace)] = []
            found.extend(self.namespace(namespace))
            yield from found

    def _class(self, owner: type) -> Iterator[Place]:
        if owner.__flags__ & _IMMUTABLE_TYPE or self._is_kept(owner.__dict__.get("__module__")):
            return
        for name, value in list(owner.__dict__.items()):
            inner = value.__func__ if type(value) in _WRAPPED_METHODS else value
            if self._holds(inner):
                yield ClassAttribute(owner, name)
            else:
                yield from self.inside(inner)

    def _partial(self, call: partial[Any]) -> Iterator[Place]:
        place = PartialCall(call)
        values = place.read()
        if any(map(self._holds, values)):
            yield place
        yield from self._each(*values)

    def _is_kept(self, module_name: object) -> bool:
        return isinstance(module_name, str) and self._keeps_real(module_name)


def namespace_of(module: object) -> dict[str, Any]:
    """The globals of a module, without waking a lazy one; empty for what is no module."""
    if not issubclass(type(module), ModuleType):
        return {}
    namespace: dict[str, Any] = object.__getattribute__(module, "__dict__")
    return namespace
