"""The drivers of PostgreSQL whose statements wait for locks on the scheduler."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from coldframe._effects.imports import when_imported
from coldframe._effects.postgresql import LockWaits
from coldframe._effects.postgresql_asyncpg import watch_asyncpg
from coldframe._effects.postgresql_psycopg import watch_psycopg

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench


def join_in(stack: ExitStack, opened: OpenBench) -> None:
    """Let statements wait on the scheduler until the stack closes."""
    waits: list[LockWaits] = []

    def lock_waits() -> LockWaits:
        if not waits:
            waits.append(LockWaits(stack, opened))
        return waits[0]

    def patch_psycopg(module: Any) -> None:
        watch_psycopg(stack, lock_waits(), module)

    def patch_asyncpg(module: Any) -> None:
        watch_asyncpg(stack, lock_waits(), module)

    when_imported(stack, "psycopg", patch_psycopg)
    when_imported(stack, "asyncpg", patch_asyncpg)
