"""A PostgreSQL database: runs use a copy of it, in which the tables that a run wrote to are filled anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from coldframe._harden.state import Columns, Rows
from coldframe._harden.tables import KEY, THEIR_OWN, Row, Table, comparable, make_table, numbers
from coldframe.errors import ScenarioError

#: The schema in which the copy keeps what its tables were. Each table tells there that it was written to, in the
#: transaction that does it.
PREPARE = """
CREATE SCHEMA coldframe;
CREATE UNLOGGED TABLE coldframe.changed (name text PRIMARY KEY);
CREATE UNLOGGED TABLE coldframe.sequences AS
    SELECT format('%I.%I', schemaname, sequencename)::regclass AS name,
           coalesce(last_value, start_value) AS last, last_value IS NOT NULL AS called
    FROM pg_sequences WHERE schemaname = 'public';
CREATE FUNCTION coldframe.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO coldframe.changed VALUES (TG_TABLE_NAME) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
"""
KEEP = """
CREATE UNLOGGED TABLE coldframe.{table} AS TABLE public.{table};
CREATE TRIGGER coldframe_note AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON public.{table}
    FOR EACH STATEMENT EXECUTE FUNCTION coldframe.note();
"""
FILL = """
DELETE FROM public.{table};
INSERT INTO public.{table} OVERRIDING SYSTEM VALUE SELECT * FROM coldframe.{table};
"""
COLUMNS = """
SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
WHERE attrelid = format('public.%%I', %s::text)::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
KEYS = """
SELECT contype::text, confrelid::regclass::text,
       array(SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey))
FROM pg_constraint WHERE conrelid = format('public.%%I', %s::text)::regclass AND contype IN ('p', 'f')
"""

#: A set-up below asyncio leaves connections in a pool whose loop has ended.
ALL_BUT_ME = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

#: All that were made of it, and of no other database whose name begins in the same way.
COPIES = "SELECT datname FROM pg_database WHERE datname = %s OR starts_with(datname, %s)"

Connect = Callable[[str], Any]

#: So much of the name of a database is in those of its copies: PostgreSQL cuts off what is longer than 63 characters.
NAME_LENGTH = 16


def name_of_copy(source: str, unique: str) -> str:
    """What a copy of a database is called."""
    return f"{source[:NAME_LENGTH]}_{unique}".replace("-", "_")


class PostgresCopy:
    """The copy that runs use.

    Args:
        name: What the database is called in reports.
        source: Its name on the server; nobody is connected to it.
        own: The name of the copy.
        connect: Connects to a database of the server by name, with autocommit.
        lead: Has the project use the database of this name.
        ignore: Tables, or columns as `orders.attempts`, that runs are not compared by.
    """

    file = ""
    _connection: Any = None

    def __init__(
        self,
        name: str,
        source: str,
        own: str,
        connect: Connect,
        lead: Callable[[Path], object],
        ignore: frozenset[str],
    ) -> None:
        self.name = name
        self._connect = connect
        self._lead = lead
        self._ignore = ignore
        self._own = own
        #: Each process copies it, so nobody stays connected to it.
        self._template = f"{own}_0"
        self._copy(source, self._template)

    def remember(self) -> None:
        """What is in the template now is what each run begins with."""
        with self._connect(self._template) as connection:
            self._tables = {
                table: _table(connection, table, self._ignore)
                for table in _keep(connection)
                if not THEIR_OWN.fullmatch(table) and table not in self._ignore
            }
            connection.execute(ALL_BUT_ME)
        self._copy(self._template, self._own)
        self._use(self._own)
        self._known = numbers(self._tables, self._read())

    def move(self, directory: Path) -> None:
        """Use a copy of one's own from here on."""
        own = f"{self._own}_{directory.name}".replace("-", "_")
        self._of_the_parent = self._connection  # to close it here would end it there
        self._copy(self._template, own)
        self._use(own)

    def _copy(self, source: str, own: str) -> None:
        from psycopg import errors

        with self._connect("postgres") as server:
            server.execute(f'DROP DATABASE IF EXISTS "{own}" WITH (FORCE)')
            try:
                server.execute(f'CREATE DATABASE "{own}" TEMPLATE "{source}"')
            except errors.ObjectInUse as error:
                raise ScenarioError(
                    f"the database {source!r} is in use, and PostgreSQL copies only one that nobody is connected to",
                    hint="close the sessions and connections of the test before: session.close(), engine.dispose()",
                ) from error
            except errors.InsufficientPrivilege as error:
                raise ScenarioError(
                    f"the database {source!r} cannot be copied: {error.diag.message_primary}",
                    hint="let the user of your tests make databases: ALTER ROLE ... CREATEDB",
                ) from error

    def _use(self, own: str) -> None:
        self._lead(Path(own))
        self._connection = self._connect(own)

    def put_back(self) -> None:
        """Fill anew what was written to, and set the sequences back."""
        connection = self._connection
        changed = connection.execute("SELECT name FROM coldframe.changed").fetchall()
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")
            for (table,) in changed:
                connection.execute(_of(FILL, table))
            connection.execute("DELETE FROM coldframe.changed")
            connection.execute("SELECT setval(name, last, called) FROM coldframe.sequences")

    def rows(self) -> Rows:
        """All rows, as they are compared."""
        return comparable(self._tables, self._read(), self._known)

    def columns(self) -> Columns:
        """What the columns that are compared are called."""
        return {name: table.names for name, table in self._tables.items()}

    def _read(self) -> dict[str, list[Row]]:
        connection = self._connection
        return {name: connection.execute(_of("TABLE public.{table}", name)).fetchall() for name in self._tables}

    def remove(self) -> None:
        """Drop the copies, also those that forked processes made of it."""
        if self._connection is not None:
            self._connection.close()
        with self._connect("postgres") as server:
            theirs = server.execute(COPIES, [self._own, f"{self._own}_"])
            for (own,) in theirs.fetchall():
                server.execute(f'DROP DATABASE IF EXISTS "{own}" WITH (FORCE)')


def _of(statement: str, table: str) -> Any:
    """A statement about a table."""
    from psycopg import sql

    return sql.SQL(statement).format(table=sql.Identifier(table))


def _keep(connection: Any) -> list[str]:
    """Keep a copy of each table, and have it tell when it is written to."""
    connection.execute(PREPARE)
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
    names = [name for (name,) in found]
    for name in names:
        connection.execute(_of(KEEP, name))
    return names


def _table(connection: Any, name: str, ignore: frozenset[str]) -> Table:
    kinds = dict(connection.execute(COLUMNS, [name]).fetchall())
    primary: list[str] = []
    points_to: dict[str, str] = {}
    for kind, other, columns in connection.execute(KEYS, [name]).fetchall():
        if kind == "p":
            primary = columns
        elif len(columns) == 1:
            points_to[columns[0]] = other.strip('"')
    key = primary[0] if len(primary) == 1 and KEY.fullmatch(kinds[primary[0]]) else None
    return make_table(name, kinds, key=key, points_to=points_to, ignore=ignore)


def refuse_open_transaction(name: str) -> ScenarioError:
    """The test's own transaction cannot be copied."""
    return ScenarioError(
        f"the test holds a transaction of database {name!r} open, and PostgreSQL copies only what is committed",
        hint="let the test commit: @pytest.mark.django_db(transaction=True), or TransactionTestCase",
    )
