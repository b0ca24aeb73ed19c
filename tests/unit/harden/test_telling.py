"""Between which two lines a fault fell."""

from __future__ import annotations

from coldframe._effects.faults import AFTER, BEFORE, KILL_PROCESS, OVERLAP, PAUSE, Break
from coldframe._effects.gate import READ
from coldframe._harden.telling import happened, place_of, surroundings
from coldframe._harden.touches import Place


def place(number: int, effect: str, resource: str = "") -> Place:
    return Place(number, effect, resource, f"tasks.py:{number}", "shop.pay", 1, "t", (), resource, None, passed=True)


PLACES = (
    place(1, READ, "table orders"),
    place(2, "http.request", "http://pay.example"),
    place(3, "sql.write", "table orders"),
    place(4, "sql.write", "table notes"),
)


def test_a_kill_falls_between_the_effects_beside_it() -> None:
    step = Break(2, AFTER, KILL_PROCESS)
    assert surroundings(step, PLACES).lines == ("tasks.py:2", "tasks.py:3")
    assert surroundings(Break(2, BEFORE, KILL_PROCESS), PLACES).lines == ("", "tasks.py:2")
    assert surroundings(Break(4, AFTER, KILL_PROCESS), PLACES).lines == ("tasks.py:4", "")


def test_others_come_in_between_a_read_and_the_write_that_builds_on_it() -> None:
    for fault in (PAUSE, OVERLAP):
        for number in (2, 3):
            assert surroundings(Break(number, BEFORE, fault), PLACES).lines == ("tasks.py:1", "tasks.py:3")


def test_where_nothing_builds_on_a_read_the_lines_beside_it_are_told() -> None:
    around = surroundings(Break(4, BEFORE, PAUSE), PLACES)
    assert around.lines == ("tasks.py:3", "tasks.py:4")
    assert happened(Break(4, BEFORE, PAUSE), around) == (
        "overtaken by others after `sql.write table orders` (tasks.py:3) "
        "and before `sql.write table notes` (tasks.py:4)"
    )


def test_the_place_of_a_failure_is_the_effect_that_failed() -> None:
    step = Break(2, BEFORE, "fail: timeout")
    around = surroundings(step, PLACES)
    assert place_of(step, around) == "`http.request http://pay.example` (tasks.py:2)"
    assert happened(step, around) == "`http.request http://pay.example` (tasks.py:2) failed (timeout)"
