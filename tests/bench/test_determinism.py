"""The same seed gives the same trace, byte for byte: in another process, under another hash seed, on a later bench."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCENARIO = """
import json
import random
import secrets
import sys
import time
import uuid

from celery import Celery, chain, chord

from coldframe import Bench
from coldframe._core import trace_json

app = Celery("shop", broker=sys.argv[1], backend="redis://results.internal/3")
app.conf.beat_schedule = {
    name: {"task": "shop.add", "schedule": 10.0, "args": [1, len(name)]}
    for name in ("front", "back", "cellar", "roof", "attic")
}


class Thing:
    pass


@app.task(name="shop.add")
def add(x, y):
    time.sleep(random.random())
    return x + y


@app.task(name="shop.total", bind=True)
def total(self, numbers):
    return [sum(numbers), str(uuid.uuid4()), str(uuid.uuid1()), secrets.token_hex(4), self.request.origin]


@app.task(name="shop.flaky", bind=True, autoretry_for=(ConnectionError,), retry_backoff=2, retry_jitter=True)
def flaky(self, times):
    if self.request.retries < times:
        raise ConnectionError(f"{Thing()} is down")
    return self.request.hostname


@app.task(name="shop.fail")
def fail():
    raise ValueError(Thing(), {"some", "words", "in", "a", "set"})


@app.task(name="shop.fan")
def fan(width):
    for number in range(width):
        add.apply_async((number, number), countdown=random.randint(0, 5))


def run(seed):
    with Bench(app, seed=seed, failures="collect") as bench:
        for name in ("one", "two", "three"):
            options = {"without_gossip": False, "without_mingle": False, "without_heartbeat": False}
            bench.node(name, concurrency=2, **options)
        result = chord([add.s(number, number) for number in range(8)])(total.s())
        for times in range(3):
            flaky.delay(times)
        add.apply_async((5, 5), countdown=3600)
        revoked = add.apply_async((6, 6), countdown=60)
        fan.delay(5)
        fail.delay()
        bench.settle()
        revoked.revoke()
        result.get()
        active = app.control.inspect().active()
        chain(add.s(1, 2), add.s(3))()
        bench.drain()
        bench.beat()
        bench.advance(seconds=25)
        runs = [event for event in bench.trace if type(event).__name__ == "Finished"]
        outcomes = sorted(f"{event.task} {event.state}" for event in runs)
        return {"trace": trace_json.dumps(bench.trace), "outcomes": outcomes, "active": active}


first = run(7)
again = [run(7) for _ in range(4)]
print(json.dumps({"first": first, "fifth": again[-1], "plain": run(0), "other": run(8)}))
"""

Result = dict[str, dict[str, object]]

# Three processes play it at once, each several times: on a busy machine that takes minutes.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "scenario.py"
    path.write_text(SCENARIO)
    return path


def run_scenario(script: Path, broker: str, hash_seed: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(script), broker],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    "broker", ["amqp://shop@broker.internal//", "redis://broker.internal"], ids=["rabbitmq", "redis"]
)
def test_a_trace_is_the_same_in_every_process_and_on_every_bench_of_one(script: Path, broker: str) -> None:
    processes = [run_scenario(script, broker, hash_seed) for hash_seed in ("0", "1", "random")]
    texts = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    results: list[Result] = [json.loads(text) for text in texts]
    first = results[0]["first"]
    lines = str(first["trace"]).splitlines()
    assert len(lines) > 120
    for result in results:
        assert str(result["first"]["trace"]).splitlines() == lines
        assert str(result["fifth"]["trace"]).splitlines() == lines
        assert result == results[0]


def test_another_seed_orders_anew_what_is_concurrent_and_changes_no_outcome(script: Path) -> None:
    process = run_scenario(script, "amqp://shop@broker.internal//", "0")
    result: Result = json.loads(process.communicate(timeout=300)[0])
    first, plain, other = result["first"], result["plain"], result["other"]
    assert len({str(run["trace"]) for run in (first, plain, other)}) == 3
    assert first["outcomes"] == plain["outcomes"] == other["outcomes"]
