"""Makes the modules of the conformance suite importable, and finds its servers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from servers import Servers, missing, reserved


@pytest.fixture(scope="session")
def servers_of(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Servers]]:
    """Reserve a place on the servers of a broker once; skip where there is none, but fail in CI."""
    with ExitStack() as stack:
        found: dict[str, Servers] = {}

        def servers(broker: str) -> Servers:
            if reason := missing(broker):
                if os.environ.get("CI") == "true":
                    pytest.fail(f"{broker}: {reason}; in CI the conformance suite must run")
                pytest.skip(f"{broker}: {reason}")
            if broker not in found:
                found[broker] = stack.enter_context(reserved(broker, request.getfixturevalue("redis_database")))
            return found[broker]

        yield servers
