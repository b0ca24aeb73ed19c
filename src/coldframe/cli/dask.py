"""A Dask cluster, when one machine is not enough."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from coldframe.errors import SetupError

#: How long a scheduler may take to answer.
ANSWERS_WITHIN = "10s"


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """An executor on the cluster whose scheduler has this address.

    Raises:
        SetupError: Dask is not installed, or nobody answers.
    """
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise SetupError(
            f"--dask {address}: the package distributed is not installed",
            hint="pip install distributed; or use --workers N, which needs nothing else",
        ) from None
    try:
        client = distributed.Client(address, timeout=ANSWERS_WITHIN, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise SetupError(
            f"--dask {address}: no scheduler answers there: {error}",
            hint="start one with 'dask scheduler', and give the address that it prints",
        ) from error
    with client:
        executor = client.get_executor(pure=False)
        # Each process has one bench at a time, however many threads it has.
        executor._max_workers = len(client.scheduler_info(n_workers=-1)["workers"])  # noqa: SLF001
        try:
            yield executor
        finally:
            client.run(_forget)


def _forget() -> None:
    from coldframe._harden import jobs

    jobs.forget()
