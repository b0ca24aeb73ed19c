"""Each process of a test run has a Redis database of its own, whatever the runs before it left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import redis
import redis_databases
from redis_databases import NoDatabase, OwnDatabase, own_database

pytestmark = pytest.mark.redis

# The tests of other processes begin with the lowest number and never come to these.
OF_THE_DEAD, OF_SOMEBODY = 14, 15
TAKES_ONE_AND_DIES = f"""
import os, redis
from redis_databases import own_database

with own_database(numbers=[{OF_THE_DEAD}]) as database:
    redis.Redis.from_url(database.url).set("left", "behind")
    os._exit(9)
"""


def test_who_asks_while_others_have_one_gets_another(redis_database: OwnDatabase) -> None:
    with own_database() as second, own_database() as third:
        assert len({redis_database.url, second.url, third.url}) == 3


def test_what_a_run_that_died_had_can_be_taken_at_once_and_is_empty(redis_database: OwnDatabase) -> None:
    directory = Path(redis_databases.__file__).parent
    died = subprocess.run([sys.executable, "-c", TAKES_ONE_AND_DIES], cwd=directory, check=False)
    assert died.returncode == 9
    with redis.Redis.from_url(f"{redis_databases.URL}/{OF_THE_DEAD}") as client:
        assert client.get("left") == b"behind"
        with own_database(numbers=[OF_THE_DEAD]):
            assert client.keys() == [redis_databases.MARK.encode()]


def test_data_of_somebody_else_is_let_be(redis_database: OwnDatabase) -> None:
    complaint = "^each Redis database from 15 to 15 is taken or holds data of somebody else$"
    with redis.Redis.from_url(f"{redis_databases.URL}/{OF_SOMEBODY}") as client:
        client.set("orders", 7)
        try:
            with pytest.raises(NoDatabase, match=complaint), own_database(numbers=[OF_SOMEBODY]):
                pass
            assert client.keys() == [b"orders"]
        finally:
            client.delete("orders")
