"""SQLAlchemy on a bench: what tasks write and commit are effects, and a process that dies is rolled back.

Statements and the ends of transactions are watched where SQLAlchemy calls the driver, so that it wraps the errors of
faults as it does in life. It works the same below an asyncio engine, whose code runs in greenlets of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import ModuleType
from typing import TYPE_CHECKING, Any

from coldframe._effects.families import watch_family
from coldframe._effects.imports import when_imported

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench
    from coldframe._effects.sqlalchemy_watch import Watch

STATEMENTS = ("do_execute", "do_executemany", "do_execute_no_params")
ENDS = ("do_commit", "do_rollback")


def join_in(stack: ExitStack, opened: OpenBench) -> None:
    """Let SQLAlchemy take part until the stack closes, as soon as it is imported."""

    def patch(_module: ModuleType) -> None:
        from sqlalchemy.engine.default import DefaultDialect

        from coldframe._effects.sqlalchemy_pools import watch_pools
        from coldframe._effects.sqlalchemy_registry import watch_registries
        from coldframe._effects.sqlalchemy_watch import Watch

        watch = Watch(opened)
        watch_pools(stack, opened, watch)
        watch_registries(stack, opened)
        watch_family(stack, DefaultDialect, STATEMENTS, lambda name, original: _statement(watch, original))
        watch_family(stack, DefaultDialect, ENDS, lambda name, original: _end(watch, name, original))
        when_imported(stack, "sqlalchemy.orm", lambda module: _watch_sessions(stack, watch, module))

    when_imported(stack, "sqlalchemy", patch)


def _statement(watch: Watch, original: Callable[..., Any]) -> Callable[..., Any]:
    def execute(dialect: Any, cursor: Any, statement: str, *rest: Any, **options: Any) -> None:
        context = options.get("context", rest[-1] if rest else None)
        link = watch.link_of_context(context)
        if link is None:
            original(dialect, cursor, statement, *rest, **options)
        else:
            parameters = rest[0] if rest and rest[0] is not context else ()
            run = lambda: original(dialect, cursor, statement, *rest, **options)  # noqa: E731
            watch.statement(link, cursor, statement, parameters, context, run)

    return execute


def _end(watch: Watch, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def end(dialect: Any, connection: Any) -> None:
        link = watch.link_of(connection)
        if link is None:
            original(dialect, connection)
        else:
            watch.end(link, lambda: original(dialect, connection), commits=name == "do_commit")

    return end


def _watch_sessions(stack: ExitStack, watch: Watch, module: Any) -> None:
    """Know which session uses a connection: what it has not written yet belongs to the transaction, too."""
    from sqlalchemy import event

    def began(session: Any, _transaction: Any, connection: Any) -> None:
        watch.note_session(session, connection.connection)

    event.listen(module.Session, "after_begin", began)
    stack.callback(event.remove, module.Session, "after_begin", began)
