"""References are found wherever code captures them, replaced, and put back exactly."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

import pytest

from coldframe._core.captured import Captured

MODULE = "coldframe_captured_sample"


class Clock:
    def __init__(self, answer: str) -> None:
        self.answer = answer

    def tick(self) -> str:
        return self.answer


REAL = Clock("real").tick
VIRTUAL = Clock("virtual").tick
STATE: dict[str, int] = {}
NEW_STATE: dict[str, int] = {}
HOME = ModuleType("coldframe_captured_home")

CODE = """
    from functools import cached_property, lru_cache, partial, wraps
    from coldframe_captured_home import STATE, tick

    aliased = tick
    held = partial(print, tick, clock=tick)
    add = STATE.__setitem__

    def positional(a=1, clock=tick): return clock()
    def keyword(*, clock=tick): return clock()
    def adds(add=STATE.__setitem__): add("x", 1)

    class Limit:
        clock = tick
        fixed = staticmethod(tick)
        def method(self, clock=tick): return clock()
        @staticmethod
        def static(clock=tick): return clock()
        @classmethod
        def of_class(cls, clock=tick): return clock()
        @property
        def value(self, clock=tick): return clock()
        @cached_property
        def cached(self, clock=tick): return clock()
        class Inner:
            clock = tick

    def make(clock):
        def outer():
            def deeper(): return clock()
            return deeper
        return outer()
    closed = make(tick)

    def wrapped(function):
        @wraps(function)
        def wrapper(): return function()
        return wrapper
    @wrapped
    def inside(clock=tick): return clock()

    @lru_cache
    def remembered(key, clock=tick): return clock()

    namespace = {"tick": tick}
    exec("def generated(): return tick()", namespace)
    generated = namespace["generated"]
    del namespace
"""


def load(code: str = CODE, name: str = MODULE) -> Any:
    module = ModuleType(name)
    sys.modules[name] = module
    exec(textwrap.dedent(code), vars(module))
    return module


def calls(module: Any) -> dict[str, str]:
    limit = module.Limit()
    return {
        "aliased": module.aliased(),
        "partial": module.held.args[0](),
        "partial keyword": module.held.keywords["clock"](),
        "positional": module.positional(),
        "keyword": module.keyword(),
        "class attribute": limit.clock(),
        "static attribute": limit.fixed(),
        "method": limit.method(),
        "static method": limit.static(),
        "class method": limit.of_class(),
        "property": limit.value,
        "cached property": limit.cached,
        "nested class": limit.Inner.clock(),
        "closure": module.closed(),
        "wrapped": module.inside(),
        "lru_cache": module.remembered(object()),
        "generated": module.generated(),
    }


@pytest.fixture(autouse=True)
def home() -> Iterator[None]:
    vars(HOME).update(tick=REAL, STATE=STATE)
    sys.modules[HOME.__name__] = HOME
    yield
    for name in [name for name in sys.modules if name.startswith("coldframe_captured")]:
        del sys.modules[name]
    STATE.clear()
    NEW_STATE.clear()


def keeps_nothing(module_name: str) -> bool:
    return not module_name.startswith("coldframe_captured")


def captured(**options: Any) -> Captured:
    return Captured([(REAL, VIRTUAL), (STATE, NEW_STATE)], keeps_nothing, **options)


def test_every_way_to_capture_is_replaced_and_put_back() -> None:
    module = load()
    assert set(calls(module).values()) == {"real"}
    sweep = captured()
    sweep.install()
    assert {way for way, answer in calls(module).items() if answer == "real"} == set()
    sweep.restore()
    assert {way for way, answer in calls(module).items() if answer == "virtual"} == set()


def test_what_is_put_back_is_the_same_object() -> None:
    module = load()
    sweep = captured()
    defaults, method, held = module.positional.__defaults__, vars(module.Limit)["fixed"], module.held
    names = list(vars(module))
    sweep.install()
    sweep.restore()
    assert module.positional.__defaults__ is defaults
    assert vars(module.Limit)["fixed"] is method
    assert module.held is held
    assert list(vars(module)) == names
    assert vars(HOME)["tick"] is REAL


def test_a_bound_method_follows_the_object_that_it_is_bound_to() -> None:
    module = load()
    sweep = captured()
    sweep.install()
    module.adds()
    module.add("y", 2)
    assert (STATE, NEW_STATE) == ({}, {"x": 1, "y": 2})
    sweep.restore()
    module.adds()
    assert (STATE, NEW_STATE) == ({"x": 1}, {"x": 1, "y": 2})


def test_a_module_imported_while_open_captures_the_replacement_and_gets_the_original_back() -> None:
    sweep = captured()
    sweep.install()
    module = load()
    assert set(calls(module).values()) == {"virtual"}
    sweep.restore()
    assert set(calls(module).values()) == {"real"}
    module.adds()
    assert STATE == {"x": 1}
    sweep.install()
    assert set(calls(module).values()) == {"virtual"}
    sweep.restore()
    assert set(calls(module).values()) == {"real"}


def test_what_somebody_else_set_meanwhile_stays() -> None:
    module = load()
    sweep = captured()
    sweep.install()
    mine: Callable[[], str] = lambda: "mine"  # noqa: E731
    module.aliased = mine
    module.positional.__defaults__ = (2, mine)
    module.Limit.clock = mine
    sweep.restore()
    assert module.aliased is mine
    assert module.positional.__defaults__ == (2, mine)
    assert module.Limit.clock is mine


def test_changed_defaults_that_still_hold_a_replacement_get_the_original_back() -> None:
    module = load()
    sweep = captured()
    sweep.install()
    module.positional.__defaults__ = (2, module.positional.__defaults__[1])
    sweep.restore()
    assert module.positional.__defaults__ == (2, REAL)


def test_a_name_that_a_test_had_patched_during_the_search_is_replaced_later() -> None:
    module = load("from coldframe_captured_home import tick")
    module.tick = lambda: "patched"
    sweep = captured()
    sweep.install()
    assert module.tick() == "patched"
    sweep.restore()
    module.tick = REAL
    sweep.install()
    assert module.tick() == "virtual"
    sweep.restore()
    assert module.tick is REAL


def test_a_reloaded_module_is_searched_again() -> None:
    module = load()
    sweep = captured()
    sweep.install()
    sweep.restore()
    exec(textwrap.dedent(CODE), vars(module))
    vars(module)["__spec__"] = object()
    sweep.install()
    assert set(calls(module).values()) == {"virtual"}
    sweep.restore()
    assert set(calls(module).values()) == {"real"}


def test_modules_that_keep_the_real_ones_are_left_alone_with_their_functions_and_classes() -> None:
    kept = load("from coldframe_captured_home import tick\ndef f(clock=tick): return clock()", "real_sample")
    user = load("from real_sample import f", "coldframe_captured_user")
    sweep = captured()
    try:
        sweep.install()
        assert (kept.tick(), kept.f(), user.f()) == ("real", "real", "real")
    finally:
        sweep.restore()
        del sys.modules["real_sample"]


def test_functions_that_no_module_leads_to_are_searched_when_given() -> None:
    load()
    hidden: Any = FunctionType(
        (lambda clock: clock()).__code__, {"__name__": "coldframe_captured_task"}, "run", (REAL,)
    )
    sweep = captured(also=[hidden])
    sweep.install()
    assert hidden() == "virtual"
    sweep.restore()
    assert hidden() == "real"


def test_a_lazy_proxy_is_not_woken() -> None:
    class Lazy:
        @property
        def __class__(self) -> type:  # type: ignore[override]
            raise AssertionError("woken")

        def __getattr__(self, name: str) -> object:
            raise AssertionError("woken")

    module: Any = load("from coldframe_captured_home import tick")
    module.lazy = Lazy()
    sys.modules["coldframe_captured_lazy"] = Lazy()  # type: ignore[assignment]
    sweep = captured()
    sweep.install()
    assert module.tick() == "virtual"
    sweep.restore()
    assert module.tick is REAL


def test_an_install_that_is_interrupted_half_way_leaves_nothing_behind() -> None:
    class Interrupts:
        seen = ""

        @property
        def __setitem__(self) -> object:
            self.seen = module.aliased()
            raise KeyboardInterrupt("enough")

    module = load()
    interrupts = Interrupts()
    with pytest.raises(KeyboardInterrupt, match="enough"):
        Captured([(REAL, VIRTUAL), (STATE, interrupts)], keeps_nothing).install()
    assert interrupts.seen == "virtual"
    assert set(calls(module).values()) == {"real"}
    assert vars(HOME) | {"tick": REAL, "STATE": STATE} == vars(HOME)


def test_restoring_twice_is_harmless() -> None:
    module = load()
    sweep = captured()
    sweep.restore()
    sweep.install()
    sweep.restore()
    sweep.restore()
    assert set(calls(module).values()) == {"real"}
