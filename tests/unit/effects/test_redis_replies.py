"""The Redis on a bench replies what a real one replies: each line of the records, in both versions of the protocol."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from celery import Celery

from coldframe import Bench

sys.path.insert(0, str(Path(__file__).parent))

import redis_replies


@pytest.mark.parametrize("protocol", [2, 3])
def test_the_server_in_memory_replies_as_recorded(protocol: int) -> None:
    app = Celery("shop", broker="amqp://shop@broker.internal//")
    with Bench(app):
        replies = redis_replies.record("redis://cache.internal:6379/0", protocol)
    app.close()
    assert replies.splitlines() == redis_replies.path_of(protocol).read_text("utf-8").splitlines()


def test_no_command_reaches_beyond_its_database_of_the_real_server() -> None:
    commands = (redis_replies.RECORDED / "redis_commands.txt").read_text("utf-8")
    of_the_whole_server = "FLUSHALL|SCRIPT FLUSH|SWAPDB|MOVE|CONFIG|CLIENT KILL|CLIENT PAUSE|SHUTDOWN|DEBUG"
    assert re.findall(rf"(?im)^.*\b(?:{of_the_whole_server})\b.*$", commands) == []


@pytest.mark.redis
@pytest.mark.parametrize("protocol", [2, 3])
def test_a_real_server_replies_as_recorded(protocol: int, redis_url: str) -> None:
    replies = redis_replies.record(redis_url, protocol)
    assert replies.splitlines() == redis_replies.path_of(protocol).read_text("utf-8").splitlines()
