"""Breaks specimens on the bench and on a real worker, and says what came of both: a line of JSON for a line on stdin.

A line is `flaw NAME` or `repair NAME`. The worker is started once, with all specimens that are named as arguments. Its
process is killed before each line of the first task; the bench breaks its run after the last effect before that line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

from django.db import connections
from specimens import celery, world
from specimens.specimen import Specimen

from coldframe._harden.calling import prepare
from coldframe._harden.ending import Ending, sent_outside
from coldframe._harden.exploring import Explorer
from coldframe._harden.judging import judge
from coldframe._harden.plans import plan_from_text
from coldframe._harden.sqlite import SqliteFile, image_of
from coldframe._harden.touches import Place, by_run
from coldframe.trace import Touched
from killing import log, node

LOOK_EVERY_S = 0.02
LIMIT_S = 60


class Seen(NamedTuple):
    """What promises look at beside the database."""

    mail: list[Any]


def main(names: list[str]) -> None:
    """Do what is asked until there is nothing more."""
    specimens = {name: import_module(f"specimens.flaws.{name}").specimen for name in names}
    world.build()
    files = [_file(alias) for alias in connections]
    node.note_what_is_sent()
    with _worker(names):
        for asked in sys.stdin:
            side, name = asked.split()
            print(json.dumps(compare(specimens[name], side, files)), flush=True)


def compare(specimen: Specimen, side: str, files: list[SqliteFile]) -> list[dict[str, Any]]:
    """For each line of the first task: what comes of a death before it, on the bench and for real."""
    play = getattr(specimen, side)
    options = {"app": celery.app, "faults": "kills", "name": side, **specimen.options}
    explorer = prepare(play, promises=specimen.promises, **options)
    untouched, passed_lines = _for_real(explorer, files, None)
    _put_back(files)
    plans = _plans(explorer, passed_lines)
    found = []
    for number, line in enumerate(passed_lines):
        if any(one["plan"] == plans[number]["plan"] for one in found):
            continue  # nothing was touched since the line before
        began = time.perf_counter()
        ending, _lines = _for_real(explorer, files, number)
        seconds = time.perf_counter() - began
        judged = judge(
            untouched,
            ending,
            promises=bool(specimen.promises),
            ignore=explorer.scenario.ignore,
        )
        found.append(
            {"line": line, "for real": judged.verdict, "facts": judged.facts, "seconds": seconds} | plans[number]
        )
    return found


# --- on the bench -------------------------------------------------------------------------------------------


def _plans(explorer: Explorer, passed_lines: list[int]) -> list[dict[str, str]]:
    """What the bench says of a death before each line."""
    with explorer.ready():
        places = next(iter(by_run(explorer.untouched.places).values()))
        places = [place for place in places if place.where.startswith("specimens/") and not place.is_read]
        told = []
        for passed in _passed_before(places, passed_lines):
            plan = f"{places[passed - 1].number}+kill-process" if passed else f"{places[0].number}-kill-process"
            report, _places = explorer.broken_run(plan_from_text(plan))
            told.append({"plan": plan, "bench": report.verdict})
        return told


def _passed_before(places: list[Place], passed_lines: list[int]) -> Iterator[int]:
    """How many of the places had been passed when each line began."""
    at = [int(place.where.rpartition(":")[2]) for place in places]
    passed = 0
    for line in passed_lines:
        yield passed
        here, times = at.count(line), passed_lines.count(line)
        share = here // times if here % times == 0 else here
        while share and passed < len(at) and at[passed] == line:
            passed += 1
            share -= 1


# --- for real -----------------------------------------------------------------------------------------------


def _for_real(explorer: Explorer, files: list[SqliteFile], kill_before: int | None) -> tuple[Ending, list[int]]:
    """Run the scenario on the worker, and see what it came to."""
    _put_back(files)
    log.begin(kill_before)
    scenario = explorer.scenario
    scenario.play(None)  # type: ignore[arg-type]
    records = _wait_for_the_end()
    sent = sent_outside(_touched(records))
    mail = [record for record in records if record["what"] == "effect" and record["effect"] == "mail.send"]
    broken = tuple(_broken_promises(scenario.promises, Seen(mail)))
    last = {record["id"]: record for record in records if record["what"] in ("done", "failed")}
    ending = Ending(
        rows={table: rows for file in files for table, rows in file.rows().items()},
        columns={table: names for file in files for table, names in file.columns().items()},
        sent=Counter({what: len(details) for what, details in sent.items()}),
        in_vain=Counter(record["task"] for record in last.values() if record["what"] == "failed"),
        broken=broken,
    )
    return ending, [record["line"] for record in records if record["what"] == "line"]


def _wait_for_the_end() -> list[dict[str, Any]]:
    """All records, once each message that was sent has come to its end."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        records = log.read()
        # A message may have been taken, and its task be done, before its sender notes that it was sent.
        last = {record["id"]: record["what"] for record in records if "id" in record and record["what"] != "sent"}
        not_taken = _count(records, "sent") - _count(records, "started")
        killed = [place for place, record in enumerate(records) if record["what"] == "killed"]
        since = records[killed[-1] + 1 :] if killed else records
        if last and not not_taken and set(last.values()) <= {"done", "failed"} and since:
            return records
        time.sleep(LOOK_EVERY_S)
    raise AssertionError(f"it never came to its end: {log.read()}")


def _count(records: list[dict[str, Any]], what: str) -> Counter[str]:
    return Counter(record["id"] for record in records if record["what"] == what)


def _touched(records: list[dict[str, Any]]) -> Iterator[Touched]:
    for number, record in enumerate(records):
        if record["what"] == "effect":
            yield Touched(
                at=number,
                number=number,
                effect=record["effect"],
                what=record["text"],
                by="killing",
                details=record["details"],
            )


def _put_back(files: list[SqliteFile]) -> None:
    connections.close_all()
    for file in files:
        file.put_back()


def _broken_promises(promises: tuple[Any, ...], seen: Seen) -> Iterator[str]:
    for promise in promises:
        try:
            promise(seen)
        except AssertionError as error:
            yield str(error)


def _file(alias: str) -> SqliteFile:
    connection = connections[alias]
    connection.ensure_connection()
    return SqliteFile(alias, image_of(connection.connection), log.HERE, lambda path: None, frozenset())


@contextmanager
def _worker(names: list[str]) -> Iterator[None]:
    log.begin(None)
    output = (log.HERE / "worker.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "killing.node", *names],
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + LIMIT_S
        while not any(record["what"] == "ready" for record in log.read()):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the worker does not come up: {(log.HERE / 'worker.log').read_text()}")
            time.sleep(LOOK_EVERY_S)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        output.close()


if __name__ == "__main__":
    main(sys.argv[1:])
