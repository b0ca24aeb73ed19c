"""Statements in words: what they do, to which table."""

from __future__ import annotations

import pytest

from coldframe._effects.sql import READS, in_words, table_of, table_read, verb


@pytest.mark.parametrize(
    ("sql", "words", "table"),
    [
        ('INSERT INTO "orders" ("id") VALUES (1)', "INSERT orders", "orders"),
        ("insert or ignore into orders values (1)", "INSERT orders", "orders"),
        ("INSERT INTO orders VALUES (1) ON CONFLICT (id) DO UPDATE SET state = 'x'", "INSERT orders", "orders"),
        ("REPLACE INTO orders VALUES (1)", "REPLACE orders", "orders"),
        ("UPDATE shop.orders SET state = 'x'", "UPDATE shop.orders", "shop.orders"),
        ("UPDATE ONLY orders SET state = 'x'", "UPDATE orders", "orders"),
        ("DELETE FROM [orders]", "DELETE orders", "orders"),
        ("MERGE INTO orders USING news ON (1 = 1)", "MERGE orders", "orders"),
        ("-- by hand\nUPDATE orders SET state = 'x'", "UPDATE orders", "orders"),
        ("/* by: shop */ UPDATE orders SET state = 'x'", "UPDATE orders", "orders"),
        ("WITH late AS (SELECT 1) UPDATE orders SET state = 'x'", "UPDATE orders", "orders"),
        ("WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone", "DELETE orders", "orders"),
        ("TRUNCATE TABLE orders", "TRUNCATE orders", "orders"),
        ("CREATE TEMPORARY TABLE IF NOT EXISTS orders (id int)", "CREATE TABLE orders", "orders"),
        ("DROP TABLE orders", "DROP TABLE orders", "orders"),
        ("CREATE INDEX by_state ON orders (state)", "CREATE", ""),
        ("VACUUM", "VACUUM", ""),
    ],
)
def test_a_writing_statement_in_words(sql: str, words: str, table: str) -> None:
    assert (in_words(sql), table_of(sql)) == (words, table)
    assert verb(sql) not in READS


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ('SELECT * FROM "orders" WHERE id = 1', "orders"),
        ("(SELECT id FROM orders) UNION (SELECT id FROM news)", "orders"),
        ("SELECT id FROM orders FOR UPDATE OF orders", "orders"),
        ("SELECT id FROM orders FOR NO KEY UPDATE SKIP LOCKED", "orders"),
        ("WITH late AS (SELECT id FROM orders FOR UPDATE) SELECT id FROM late", "orders"),
        ("VALUES (1), (2)", ""),
        ("PRAGMA table_info(orders)", ""),
        ("EXPLAIN SELECT 1", ""),
    ],
)
def test_a_reading_statement_writes_nothing(sql: str, table: str) -> None:
    assert verb(sql) in READS
    assert table_read(sql) == table


def test_what_is_no_text_says_nothing() -> None:
    assert (verb(object()), table_of(None), table_read(b"SELECT 1"), in_words(1)) == ("", "", "", "")
