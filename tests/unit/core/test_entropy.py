"""Randomness is seeded in the thread of the bench while it is open."""

from __future__ import annotations

import os
import random
import secrets
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from coldframe._core.captured import Captured
from coldframe._core.clock import VirtualTime, keeps_real_time
from coldframe._core.entropy import SeededEntropy
from coldframe._core.scheduler import Scheduler
from coldframe.errors import AlreadyOpen

START = 1_767_225_600_000_000

SCRIPT = """
from test_entropy import drawn
print(drawn(7))
"""


@contextmanager
def seeded(seed: int = 7) -> Iterator[SeededEntropy]:
    entropy = SeededEntropy(seed)
    clock = VirtualTime(Scheduler(START))
    captured = Captured([*clock.replacements(), *entropy.replacements()], keeps_real_time)
    try:
        clock.install()
        entropy.install()
        captured.install()
        yield entropy
    finally:
        captured.restore()
        entropy.restore()
        clock.restore()


def drawn(seed: int) -> list[object]:
    with seeded(seed):
        return [
            uuid.uuid4(),
            uuid.uuid1(),
            secrets.token_hex(8),
            random.random(),
            random.Random().random(),
            random.SystemRandom().getrandbits(64),
            os.urandom(4),
            [random.seed(), random.randrange(10**9)],
        ]


def test_the_same_seed_gives_the_same_numbers() -> None:
    assert drawn(7) == drawn(7)
    assert all(one != other for one, other in zip(drawn(7), drawn(8), strict=True))


def test_another_process_with_another_hash_seed_draws_the_same() -> None:
    outputs = set()
    for hash_seed in ("0", "1"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": hash_seed,
            "PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path]),
        }
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        outputs.add(run.stdout.strip())
    assert outputs == {str(drawn(7))}


def test_uuid1_says_the_virtual_time_and_a_seeded_node() -> None:
    with seeded():
        first, second = uuid.uuid1(), uuid.uuid1()
    assert (first.time - 0x01B21DD213814000) // 10 == START
    assert first.node == second.node
    assert first.node & (1 << 40)
    assert second.time == first.time + 1


def test_the_shared_generator_goes_on_where_it_was() -> None:
    state = random.getstate()
    node = uuid.getnode()
    with seeded():
        random.random()
        assert uuid.getnode() != node
    assert random.getstate() == state
    assert uuid.getnode() == node


def test_everything_real_is_real_again() -> None:
    before = (os.urandom, random.seed, random.Random.seed, random._urandom)  # type: ignore[attr-defined]
    with seeded():
        assert os.urandom is not before[0]
    assert (os.urandom, random.seed, random.Random.seed, random._urandom) == before  # type: ignore[attr-defined]
    assert uuid.uuid4() != uuid.uuid4()


def test_seeding_by_hand_works_as_ever() -> None:
    expected = random.Random(42).random()
    with seeded():
        random.seed(42)
        assert random.random() == expected
        assert random.Random(42).random() == expected


def test_other_threads_draw_real_numbers() -> None:
    def in_thread() -> bytes:
        found: list[bytes] = []
        thread = threading.Thread(target=lambda: found.append(os.urandom(16)))
        thread.start()
        thread.join()
        return found[0]

    with seeded():
        one = in_thread()
    with seeded():
        assert in_thread() != one


def test_names_of_temporary_files_stay_random() -> None:
    with seeded(), tempfile.NamedTemporaryFile() as one:
        pass
    with seeded(), tempfile.NamedTemporaryFile() as other:
        pass
    assert one.name != other.name


def test_a_negative_size_is_refused_as_by_the_real_one() -> None:
    with seeded(), pytest.raises(ValueError, match="negative argument not allowed"):
        os.urandom(-1)


def test_a_second_seed_on_top_is_refused() -> None:
    with seeded(), pytest.raises(AlreadyOpen, match="seeded randomness was started while it already runs"):
        SeededEntropy(1).install()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_does_not_repeat_the_numbers() -> None:
    with seeded():
        expected = drawn_bytes_in_a_child()
        assert drawn_bytes_in_a_child() != expected
        assert os.urandom(8) != expected


def drawn_bytes_in_a_child() -> bytes:
    reader, writer = os.pipe()
    if not (child := os.fork()):
        os.write(writer, os.urandom(8))
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    try:
        return os.read(reader, 8)
    finally:
        os.close(reader)
