"""Functions of the project that are declared effects: a sync or an async one, with details from its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar, cast

from coldframe.errors import SetupError

P = ParamSpec("P")
R = TypeVar("R")

#: Makes the effect of one call, given what calls a callable with the arguments that it wants.
ForCall = Callable[[Callable[[Callable[..., Any]], Any]], AbstractContextManager[Any] | None]


def decorated(function: Callable[P, R], for_call: ForCall) -> Callable[P, R]:
    """The function, each of whose calls is an effect.

    Raises:
        SetupError: It is a generator, whose calls only begin when they are iterated over.
    """
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise SetupError(
            f"{function.__qualname__} is a generator, and calling it does nothing yet",
            hint="write `with coldframe.effect(...)` around the lines in it that touch the outside",
        )
    signature = inspect.signature(function)
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def awaits(*args: Any, **kwargs: Any) -> Any:
            made = for_call(partial(_call_with, signature, args, kwargs))
            if made is None:
                return await function(*args, **kwargs)
            with made:
                return await function(*args, **kwargs)

        return cast("Callable[P, R]", awaits)

    @wraps(function)
    def calls(*args: P.args, **kwargs: P.kwargs) -> R:
        made = for_call(partial(_call_with, signature, args, kwargs))
        if made is None:
            return function(*args, **kwargs)
        with made:
            return function(*args, **kwargs)

    return calls


def _call_with(signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any], wants: Any) -> Any:
    """Call a callable with those of the arguments that it has as parameters."""
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    parameters = inspect.signature(wants).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return wants(**bound.arguments)
    missing = [name for name in parameters if name not in bound.arguments]
    if missing:
        raise SetupError(
            f"a detail of the declared effect asks for {missing[0]!r}, and the function has no such argument",
            hint=f"name its parameters as the function does: {', '.join(bound.arguments) or 'it has none'}",
        )
    return wants(**{name: bound.arguments[name] for name in parameters})
