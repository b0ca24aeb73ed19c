"""Real workers of a test run that dies without cleaning up die with it: nobody takes the messages of the next one."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SECONDS = 60

STARTS_A_NODE_AND_DIES = """
import json, os, sys
import catalogue
from servers import own_database, reserved
from world import Scenario
from world_real import RealWorld

with own_database() as database, reserved("redis", database) as servers:
    with RealWorld(Scenario(lambda world: None), servers, sys.argv[1]) as world:
        world.node()
        world.send("nap", "long", 600)
        world.until(lambda: world.seen("start", "long"))
        print(json.dumps([world.seen("ready")[0].pid, world.seen("start", "long")[0].pid]), flush=True)
        os._exit(9)
"""


@pytest.mark.redis
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux ends a process with its parent")
def test_node_and_pool_process_end_with_the_test_run(redis_database: object, tmp_path: Path) -> None:
    died = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STARTS_A_NODE_AND_DIES, str(tmp_path)],
        cwd=HERE,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert died.returncode == 9
    left = [process for process in json.loads(died.stdout) if not has_ended(process)]
    assert left == []


def has_ended(process: int) -> bool:
    """Wait for the end of a process that is nobody's child any more."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], SECONDS)[0])
    finally:
        os.close(descriptor)
