"""The bench holds for code that captured the clocks long before it opened, and for code that is imported on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CAPTURING = """
import time
from datetime import datetime, timezone
from os import urandom
from random import random
from time import monotonic, perf_counter, sleep
from time import time as wall
from uuid import uuid4

from celery import shared_task



def nap(seconds, sleep=time.sleep, clock=time.monotonic):
    began = clock()
    sleep(seconds)
    return clock() - began


class Timer:
    clock = time.monotonic
    pause = staticmethod(time.sleep)

    def measure(self):
        began = self.clock()
        self.pause(5)
        return self.clock() - began


@shared_task(name="shop.measure")
def measure():
    wall_began, counter_began = wall(), perf_counter()
    spans = [nap(30), Timer().measure()]
    began = monotonic()
    sleep(2)
    spans.append(monotonic() - began)
    return {
        "spans": spans,
        "wall": wall() - wall_began,
        "counter": perf_counter() - counter_began,
        "day": datetime.now(timezone.utc).isoformat()[:10],
        "random": [random(), str(uuid4()), urandom(4).hex()],
    }
"""

CHECK = """
def check(result, first=[]):
    values = result.get()
    assert values["spans"] == [30, 5, 2], values
    assert values["wall"] == values["counter"] == 37, values
    assert values["day"] == "2026-01-05", values
    assert values["random"] == (first or [values["random"]])[0], (values["random"], first)
    first.append(values["random"])


def check_real():
    import capturing, time, datetime
    began = time.perf_counter()
    capturing.sleep(0.01)
    assert 0.009 < time.perf_counter() - began < 5
    assert capturing.sleep is time.sleep and capturing.nap.__defaults__ == (time.sleep, time.monotonic)
    assert capturing.Timer.__dict__["clock"] is time.monotonic
    assert capturing.Timer.__dict__["pause"].__func__ is time.sleep
    assert datetime.datetime.now(datetime.timezone.utc).isoformat()[:10] != "2026-01-05"
    assert type(time.sleep).__name__ == "builtin_function_or_method"
    import celery.worker.state, kombu.asynchronous.timer, celery.worker.strategy, kombu.utils.limits
    assert kombu.asynchronous.timer.monotonic is time.monotonic
    assert kombu.utils.limits.monotonic is time.monotonic
"""

APP = """
from celery import Celery
app = Celery("shop", broker="amqp://shop@broker.internal//", backend="redis://results.internal/3")
"""

BEFORE = f"""
import celery, kombu, celery.worker, celery.bin.worker, kombu.transport.redis, celery.backends.redis, celery.beat
{APP}
import capturing
from coldframe import Bench
{CHECK}
for _ in range(3):
    with Bench(app):
        check(capturing.measure.delay())
    check_real()
"""

WHILE_OPEN = f"""
import sys
from coldframe import Bench
{APP}
{CHECK}
with Bench(app):
    assert "capturing" not in sys.modules
    import capturing
    check(capturing.measure.delay())
check_real()
with Bench(app):
    capturing.measure.delay().get()
check_real()
"""

COLDFRAME_FIRST = f"""
from coldframe import Bench
import capturing
{APP}
{CHECK}
with Bench(app):
    check(capturing.measure.delay())
check_real()
"""

IN_A_TASK = f"""
from coldframe import Bench
{APP}
{CHECK}

@app.task(name="shop.lazily", bind=True)
def lazily(self):
    import capturing
    return capturing.measure()

with Bench(app):
    check(lazily.delay())
check_real()
"""


@pytest.mark.parametrize(
    "script",
    [BEFORE, WHILE_OPEN, COLDFRAME_FIRST, IN_A_TASK],
    ids=["celery and user modules first", "user modules on the open bench", "coldframe first", "in a task"],
)
def test_time_is_virtual_on_the_bench_and_real_after_it(script: str, tmp_path: Path) -> None:
    (tmp_path / "capturing.py").write_text(CAPTURING)
    (tmp_path / "script.py").write_text(script)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", str(tmp_path / "script.py")],
        env={**os.environ, "PYTHONPATH": path},
        cwd=Path.cwd(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
