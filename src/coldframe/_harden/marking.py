"""`@coldframe.scenario(...)`: a function that `coldframe harden` finds, with what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from coldframe._harden.calling import check_options
from coldframe._harden.scenario import MARK
from coldframe.errors import SetupError

#: What belongs to a run of harden, not to a scenario; its name is that of the function.
NOT_HERE = ("name", "plan", "progress", "executor")

Function = TypeVar("Function", bound=Callable[..., object])


@overload
def scenario(function: Function, /) -> Function: ...
@overload
def scenario(**options: Any) -> Callable[[Function], Function]: ...
def scenario(function: Any = None, /, **options: Any) -> Any:
    """Mark a function as a scenario: `coldframe harden` finds it, and it stays a function that can be called.

    Example:
        >>> @scenario(promises=paid_once, setup=one_order, budget="30s")     # doctest: +SKIP
        ... def pay(bench):
        ...     charge.delay(7)

    Args:
        function: The function, if the decorator stands alone.
        **options: Whatever `coldframe.harden` takes: `app`, `promises`, `setup`, `faults`, `ignore`, `budget`, …

    Raises:
        SetupError: There is no such option.
    """
    if function is not None and not callable(function):
        raise SetupError(
            f"@coldframe.scenario was given {function!r} without a name",
            hint="it takes keywords only, as in @coldframe.scenario(promises=paid_once)",
        )
    check_options(options, "@coldframe.scenario", NOT_HERE)

    def mark(marked: Function) -> Function:
        setattr(marked, MARK, options)
        return marked

    return mark if function is None else mark(function)
