"""Which runs are broken, and in which order."""

from __future__ import annotations

import pytest

from coldframe._effects.faults import Break
from coldframe._harden.planning import spread
from coldframe._harden.plans import Plan

PLANS: list[Plan] = [(Break(number, "before", "kill process"),) for number in range(100)]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 9, 100])
def test_a_spread_order_has_each_plan_once(count: int) -> None:
    assert sorted(spread(PLANS[:count])) == PLANS[:count]


def test_the_beginning_of_a_spread_order_comes_from_everywhere() -> None:
    assert [plan[0].number for plan in spread(PLANS[:16])[:4]] == [0, 8, 4, 12]
    assert [plan[0].number for plan in spread(PLANS)[:8]] == [0, 64, 32, 96, 16, 80, 48, 8]
