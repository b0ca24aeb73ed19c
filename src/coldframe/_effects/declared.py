"""`coldframe.effect`: an effect that the project declares itself, because no library that Coldframe knows does it.

Production code imports this: outside of a bench it must cost next to nothing, and import nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

if TYPE_CHECKING:
    from types import TracebackType

    from coldframe._bench.opening import OpenBench
    from coldframe._effects.gate import Gate

P = ParamSpec("P")
R = TypeVar("R")

Failures = Mapping[str, Callable[[], BaseException]]

#: The gate of the bench that is open.
_gates: list[Gate] = []


def join_in(stack: ExitStack, opened: OpenBench) -> None:
    """Let declared effects pass the gate until the stack closes."""
    _gates.append(opened.gate)
    stack.callback(_gates.remove, opened.gate)


class effect:
    """Declares that a touch of the outside world happens inside a block, or whenever a function is called.

    On a bench the block is one effect: it is recorded, and can be broken, as those of the libraries that Coldframe
    knows; what these do inside it counts as part of it. Anywhere else nothing happens.

    Example:
        >>> def order_taxi(number):
        ...     with effect("sms", f"to {number}", text="taxi, please") as sms:
        ...         sms.details["id"] = 7  # what the gateway answered
        >>> order_taxi("+49 30 1234")

    Args:
        kind: What kind of effect it is, such as `"sms"`.
        what: It in one line. For a decorated function this may be a callable, which gets those of the function's
            arguments that it has as parameters.
        failures: How it can fail: by name, what makes the exception that the real thing raises.
        key: An idempotency key: two effects of one kind with the same key count as one for the outside. For a
            decorated function it may be a callable, too.
        **details: All of its content, as values that JSON knows; for a decorated function callables, too.
    """

    def __init__(
        self,
        kind: str,
        what: str | Callable[..., str] = "",
        *,
        failures: Failures | None = None,
        key: Any = None,
        **details: Any,
    ) -> None:
        self.kind = kind
        self.what = what
        self.details = details if key is None else {**details, "key": key}
        self._failures = failures or {}
        self._passing: AbstractContextManager[Any] | None = None

    def __enter__(self) -> Self:
        if _gates and _gates[-1].watches():
            passing = _gates[-1].passing(
                self.kind,
                str(self.what),
                details=self.details,
                failures=self._failures,
                resource=f"{self.kind} {self.what}",
            )
            touch = passing.__enter__()
            self._passing = passing
            if touch.answer is not None:
                self._refuse_answer(touch.answer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        passing, self._passing = self._passing, None
        if passing is not None:
            passing.__exit__(kind, error, traceback)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function, which may be an `async def`: each call is an effect."""
        from coldframe._effects.declared_functions import decorated

        return decorated(function, self._for_call)

    def _for_call(self, arguments: Callable[[Callable[..., Any]], Any]) -> AbstractContextManager[Any] | None:
        """The effect of one call; None where nobody watches."""
        if not _gates or not _gates[-1].watches():
            return None
        details = {name: arguments(given) if callable(given) else given for name, given in self.details.items()}
        what = arguments(self.what) if callable(self.what) else self.what
        made = effect(self.kind, what, failures=self._failures)
        made.details = details
        return made

    def _refuse_answer(self, answer: Any) -> None:
        from coldframe.errors import SetupError

        error = SetupError(
            f"the declared effect {self.kind!r} was given the answer {answer!r}, and it has none to give",
            hint="let it fail with one of its failures, or with an exception",
        )
        self.__exit__(type(error), error, None)
        raise error
