"""What a statement does, in words."""

from __future__ import annotations

import re
from functools import cache

READS = frozenset({"SELECT", "VALUES", "TABLE", "PRAGMA", "EXPLAIN", "SHOW", "DESCRIBE", "FETCH"})

#: Statements that only keep transactions, savepoints and settings of a connection.
KEEPS_BLOCKS = frozenset({"SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT", "END", "START", "SET", "RESET"})

#: Statements that make, change and remove tables, among other things.
OF_TABLES = frozenset({"CREATE", "ALTER", "DROP"})

#: Blanks, brackets and comments before the first word.
BEFORE = re.compile(r"(?:[\s(]+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
WORD = re.compile(r"\w+")
NAME = r"([\w\"`.\[\]]+)"
WRITES = (
    r"INSERT\s+(?:OR\s+\w+\s+)?INTO|(?<!FOR\s)(?<!KEY\s)(?<!DO\s)(?<!ON\s)UPDATE(?:\s+ONLY)?|DELETE\s+FROM(?:\s+ONLY)?"
    r"|REPLACE\s+INTO|MERGE\s+INTO|TRUNCATE(?:\s+TABLE)?"
    r"|(?:CREATE|ALTER|DROP)\s+(?:\w+\s+)?TABLE(?:\s+IF\s+(?:NOT\s+)?EXISTS)?"
)
TARGET = re.compile(rf"\b({WRITES})\s+{NAME}", re.IGNORECASE)
SOURCE = re.compile(rf"\sFROM\s+{NAME}", re.IGNORECASE)


def verb(sql: object) -> str:
    """What a statement does, in capitals: its first word, or after `WITH` what follows on the tables named there."""
    if not isinstance(sql, str):
        return ""
    before = BEFORE.match(sql)
    found = WORD.match(sql, before.end() if before else 0)
    word = found[0].upper() if found else ""
    if word != "WITH":
        return word
    written = TARGET.search(sql)
    return written[1].split()[0].upper() if written else "SELECT"


@cache
def _bare(name: str) -> str:
    return re.sub(r"[\"`\[\]]", "", name)


def table_of(sql: object) -> str:
    """The table that a statement writes to; empty if it is not told."""
    found = TARGET.search(sql) if isinstance(sql, str) else None
    return _bare(found[2]) if found else ""


def table_read(sql: object) -> str:
    """The first table that a statement reads from."""
    found = SOURCE.search(sql) if isinstance(sql, str) else None
    return _bare(found[1]) if found else ""


def in_words(sql: object) -> str:
    """A writing statement as it is told: `UPDATE orders`, `CREATE TABLE orders`."""
    word, table = verb(sql), table_of(sql)
    return f"{word} TABLE {table}" if table and word in OF_TABLES else f"{word} {table}".rstrip()
