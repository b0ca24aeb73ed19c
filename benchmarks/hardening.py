"""How long a broken run takes, what a second process brings, and how long killing a real process takes.

It measures specimens of the tests: `tests/harden/specimens`, and `tests/conformance/killing` for the real worker.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

from measuring import MILLISECONDS, Row, Section, interleaved, millis

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS / "harden"), str(TESTS / "conformance")]

from gallery import Gallery  # noqa: E402 - of the tests
from killing_driver import Driver  # noqa: E402
from servers import missing, own_database, reserved  # noqa: E402

TITLE = "Break a run at every place (coldframe.harden, Django on SQLite)"
SMALL, LARGE = "send_before_record", "parts_counted_down"
ROUNDS = 5
TARGET_MS = 10
TARGET_PROCESSES = 1.7


def measure() -> Section:
    """A small scenario, here and on a real worker; and a larger one in two processes."""
    with Gallery() as gallery:
        gallery.harden("repair", SMALL)
        one = median(median(_milliseconds(gallery)) for _ in range(ROUNDS)) / MILLISECONDS
        alone, together = interleaved(ROUNDS, lambda: _seconds(gallery, 1), lambda: _seconds(gallery, 2))
    reason = missing("redis")
    killed = None if reason else _killed_for_real()
    return Section(
        TITLE,
        (
            Row(
                what="a broken run of a small scenario, median",
                bench=millis(one),
                compared=reason if killed is None else f"a real process killed and replaced {millis(killed)}",
                ratio="" if killed is None else f"{killed / one:.0f} times as fast",
                target=f"under {TARGET_MS} ms",
                met=one * MILLISECONDS < TARGET_MS,
            ),
            Row(
                what="a larger scenario in two processes",
                bench=f"{together:.2f} s",
                compared=f"in one {alone:.2f} s",
                ratio=f"{alone / together:.2f} times as fast",
                target=f"at least {TARGET_PROCESSES} times",
                met=alone / together >= TARGET_PROCESSES,
            ),
        ),
    )


def _milliseconds(gallery: Gallery) -> list[float]:
    return [report.milliseconds for report in gallery.harden("repair", SMALL).result.reports]


def _seconds(gallery: Gallery, workers: int) -> float:
    return gallery.harden("repair", LARGE, workers).result.seconds


def _killed_for_real() -> float:
    """The median time of a run whose pool process is killed, with a worker that is up already."""
    with (
        own_database() as database,
        reserved("redis", database) as servers,
        tempfile.TemporaryDirectory() as folder,
        Driver([SMALL], servers.broker_url, Path(folder)) as driver,
    ):
        return median(one["seconds"] for side in ("flaw", "repair") for one in driver.compare(side, SMALL))
