"""Rows are compared by what they say and by what they point to, not by numbers that a database gave them."""

from __future__ import annotations

from collections import Counter

from coldframe._harden.tables import KEY, Row, comparable, make_table, numbers

ORDERS = make_table("orders", ["id", "state"], key="id", points_to={}, ignore=frozenset())
LINES = make_table(
    "lines", ["id", "order_id", "article"], key="id", points_to={"order_id": "orders"}, ignore=frozenset()
)
TABLES = {"orders": ORDERS, "lines": LINES}


def test_a_row_that_a_run_made_is_known_by_what_it_says() -> None:
    one: dict[str, list[Row]] = {"orders": [(7, "new")], "lines": [(1, 7, "pear")]}
    other: dict[str, list[Row]] = {"orders": [(9, "new")], "lines": [(4, 9, "pear")]}
    assert comparable(TABLES, one) == comparable(TABLES, other)
    assert comparable(TABLES, one)["lines"] == Counter({(("new",), "pear"): 1})


def test_a_row_that_was_there_before_is_the_same_one_whatever_it_says_now() -> None:
    before: dict[str, list[Row]] = {"orders": [(7, "new")], "lines": []}
    after: dict[str, list[Row]] = {"orders": [(7, "paid")], "lines": [(1, 7, "pear")]}
    known = numbers(TABLES, before)
    assert known == {("orders", 7)}
    assert comparable(TABLES, after, known) == {"orders": Counter({("paid",): 1}), "lines": Counter({(7, "pear"): 1})}


def test_numbers_and_random_ids_are_keys_that_say_nothing() -> None:
    kinds = ["INTEGER", "bigint", "uuid", "char(32)", "VARCHAR(36)"]
    assert [kind for kind in kinds if not KEY.fullmatch(kind)] == []
    assert [kind for kind in ("varchar(3)", "text", "date") if KEY.fullmatch(kind)] == []
