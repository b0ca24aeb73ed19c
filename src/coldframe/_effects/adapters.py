"""All adapters: each lets the effects of one library pass the gate."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from coldframe._effects import (
    aiosqlite,
    asgiref,
    asyncio_tasks,
    channels,
    declared,
    django_cache,
    django_storage,
    files,
    http,
    mail,
    postgresql_drivers,
    redis,
    sqlalchemy,
    subprocesses,
)

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench


def join_in(stack: ExitStack, opened: OpenBench) -> None:
    """Let the libraries that the project uses take part until the stack closes."""
    for adapter in (
        declared,
        asgiref,
        asyncio_tasks,
        django_cache,
        django_storage,
        channels,
        files,
        subprocesses,
        redis,
        mail,
        http,
        postgresql_drivers,
        aiosqlite,
        sqlalchemy,
    ):
        adapter.join_in(stack, opened)
