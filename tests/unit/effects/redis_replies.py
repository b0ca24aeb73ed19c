"""Commands, and what a server replies to them: `python redis_replies.py URL` records what a real one says.

A record has a line for each of the commands in `recorded/redis_commands.txt`; each group begins with no keys.
None of them reaches beyond its database: the server is not this run's alone.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import redis

UNORDERED = ("KEYS", "SMEMBERS", "SINTER", "SUNION", "SDIFF")
RECORDED = Path(__file__).parent / "recorded"


def record(url: str, protocol: int) -> str:
    """What a server replies to all commands."""
    lines = []
    with redis.Redis.from_url(url, protocol=protocol, single_connection_client=True, decode_responses=True) as client:
        client.response_callbacks.clear()  # what the server says, and not what redis-py makes of it
        for line in (RECORDED / "redis_commands.txt").read_text("utf-8").splitlines():
            if line.startswith("#"):
                client.flushdb()
                lines.append(line)
            else:
                lines.append(f"{line} => {_reply(client, line)}")
        client.flushdb()
    return "\n".join(lines) + "\n"


def _reply(client: Any, line: str) -> str:
    try:
        words = shlex.split(line)
        value = client.execute_command(*words)
        return _told(sorted(value) if words[0] in UNORDERED else value)
    except redis.ResponseError as error:
        return f"error: {error}"
    except NotImplementedError as error:
        return f"not there: {str(error).splitlines()[0]}"


def _told(value: Any) -> str:
    if isinstance(value, set):
        return f"set {sorted(value)}"
    if isinstance(value, list):
        return f"[{', '.join(map(_told, value))}]"
    return f"error: {value}" if isinstance(value, Exception) else repr(value)


def path_of(protocol: int) -> Path:
    """Where a record is kept."""
    return RECORDED / f"redis_replies_{protocol}.txt"


if __name__ == "__main__":
    for version in (2, 3):
        path_of(version).write_text(record(sys.argv[1], version), "utf-8")
