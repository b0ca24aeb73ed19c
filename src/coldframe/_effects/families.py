"""A class with all its subclasses, those included that are made while a bench is open."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import ExitStack
from typing import Any

#: Gives what takes the place of a method, by its name and the original; the same one leaves it alone.
Wrap = Callable[[str, Any], Any]


def watch_family(stack: ExitStack, base: Any, names: Collection[str], wrap: Wrap) -> None:
    """Wrap methods wherever a class of the family defines them, until the stack closes."""
    before = vars(base).get("__init_subclass__")

    def init_subclass(kind: type, /, **options: Any) -> None:
        if before is not None:
            before.__get__(None, kind)(**options)
        else:
            super(base, kind).__init_subclass__(**options)
        _watch(stack, kind, names, wrap)

    for kind in _family(base):
        _watch(stack, kind, names, wrap)
    put(stack, base, "__init_subclass__", classmethod(init_subclass))


def put(stack: ExitStack, owner: Any, name: str, value: Any) -> None:
    """Set an attribute until the stack closes."""
    if name in vars(owner):
        stack.callback(setattr, owner, name, vars(owner)[name])
    else:
        stack.callback(delattr, owner, name)
    setattr(owner, name, value)


def _family(base: Any) -> list[Any]:
    found = [base]
    for kind in found:
        found.extend(child for child in kind.__subclasses__() if child not in found)
    return found


def _watch(stack: ExitStack, kind: type, names: Collection[str], wrap: Wrap) -> None:
    for name in names:
        original = vars(kind).get(name)
        if original is not None:
            wrapped = wrap(name, original)
            if wrapped is not original:
                put(stack, kind, name, wrapped)
