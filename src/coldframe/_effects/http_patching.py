"""Puts functions over those of a library, beside libraries of tests that do the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import Any

OURS = "coldframe"

Make = Callable[[Any], Callable[..., Any]]


def wrap(stack: ExitStack, owner: Any, name: str, make: Make) -> None:
    """Put a function around that of an owner until the stack closes.

    Somebody else may have put another one over it by then: that stays, and so does ours beneath it.

    Args:
        stack: Takes it off again.
        owner: A class or a module.
        name: The name of the function.
        make: Gives what takes its place.
    """
    is_own = name in vars(owner)
    original = getattr(owner, name)
    wrapped = wraps(original)(make(original))

    def put_back() -> None:
        if vars(owner).get(name) is not wrapped:
            return
        if is_own:
            setattr(owner, name, original)
        else:
            delattr(owner, name)

    setattr(owner, name, wrapped)
    stack.callback(put_back)


def library_of(function: Any) -> str:
    """The library that a function or class is from: not the one it belongs to, if somebody put it there.

    What was put there by us counts as what is beneath it.
    """
    library = _library_of(function)
    while library == OURS and hasattr(function, "__wrapped__"):
        function = function.__wrapped__
        library = _library_of(function)
    return library


def _library_of(function: Any) -> str:
    # `functools.wraps` makes a function say that it is from elsewhere, but its globals do not lie.
    known = getattr(function, "__globals__", {}).get("__name__") or getattr(function, "__module__", None) or ""
    return str(known).partition(".")[0]
