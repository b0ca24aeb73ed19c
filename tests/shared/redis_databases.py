"""A Redis server has sixteen numbered databases: each process of a test run takes one that nobody else has.

Who has one is told by the names of the open connections. So a run gives its database back however it ends, and
what it left there tells by a mark that it may go.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import redis

URL = os.environ.get("COLDFRAME_REDIS_URL", "redis://127.0.0.1:6379")
#: 0 is left to others.
NUMBERS = range(1, 16)
#: Two that reach for the same database at the same moment both let go of it, and try again.
TRIES = 20
NAME = "coldframe-tests-database-{}"
MARK = "coldframe:tests"


class NoDatabase(Exception):
    """Each database of the server is somebody's."""


@dataclass(frozen=True, slots=True)
class OwnDatabase:
    """A database that is this process's alone, until the block of `own_database` ends."""

    url: str

    def empty(self) -> None:
        """Remove all that is in it."""
        with redis.Redis.from_url(self.url) as client, client.pipeline() as pipe:
            pipe.flushdb()
            pipe.set(MARK, "what is in this database may be deleted")
            pipe.execute()


@contextmanager
def own_database(server: str = URL, numbers: Sequence[int] = NUMBERS) -> Iterator[OwnDatabase]:
    """Take a database of the server, empty it, and give it back at the end, empty but for the mark."""
    with closing(redis.Redis.from_url(server, single_connection_client=True)) as claim:
        own = OwnDatabase(f"{server}/{_take(claim, server, numbers)}")
        own.empty()
        try:
            yield own
        finally:
            own.empty()


def _take(claim: redis.Redis, server: str, numbers: Sequence[int]) -> int:
    for _ in range(TRIES):
        for number in numbers:
            if _is_ours(f"{server}/{number}") and _is_alone(claim, NAME.format(number)):
                return number
    raise NoDatabase(f"each Redis database from {numbers[0]} to {numbers[-1]} is taken or holds data of somebody else")


def _is_ours(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        return client.dbsize() == 0 or bool(client.exists(MARK))


def _is_alone(claim: redis.Redis, name: str) -> bool:
    claim.client_setname(name)
    return [each["name"] for each in claim.client_list()].count(name) == 1
