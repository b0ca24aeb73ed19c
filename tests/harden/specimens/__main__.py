"""Hardens specimens: for a line `flaw NAME` or `repair NAME` on standard input it writes a line of JSON.

A number after it says how many processes do it.

Named on the command line, both sides are told for people to read: `python -m specimens ack_early`.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "specimens.settings"
django.setup()

from coldframe import ColdframeError, harden  # noqa: E402
from coldframe._harden.results import Result  # noqa: E402
from specimens import celery, world  # noqa: E402 - Django must be set up
from specimens.specimen import Specimen  # noqa: E402

SIDES = {"flaw": "flawed", "repair": "repaired"}

#: A flaw is looked for with one fault at a time: two would say nothing more.
ALONE = ("kills", "twice", "overlaps", "failures", "broker")


def load() -> dict[str, Specimen]:
    """All specimens: their tasks are known to the app from then on."""
    names = sorted(path.stem for path in Path(__file__).with_name("flaws").glob("[!_]*.py"))
    return {name: import_module(f"specimens.flaws.{name}").specimen for name in names}


def harden_side(specimen: Specimen, side: str, name: str, workers: int = 1) -> Result:
    """What comes of one side."""
    return harden(
        getattr(specimen, side),
        specimen.promises,
        app=celery.app,
        faults=ALONE if side == "flaw" else None,
        name=f"{name}:{SIDES[side]}",
        workers=workers,
        **specimen.options,
    )


def answer(specimen: Specimen, side: str, name: str, workers: int = 1) -> dict[str, Any]:
    """The same for another process to read."""
    try:
        result = harden_side(specimen, side, name, workers)
    except ColdframeError as error:
        return {"error": str(error)}
    said = {"verdict": specimen.verdict, "found_by": specimen.found_by, "within": specimen.within}
    return {"result": result.to_json(), "specimen": said}


def main() -> None:
    """Do what is asked."""
    specimens = load()
    world.build()
    for name in sys.argv[1:]:
        for side in SIDES:
            print(harden_side(specimens[name], side, name), flush=True)
    if not sys.argv[1:]:
        for line in sys.stdin:
            side, name, *workers = line.split()
            print(json.dumps(answer(specimens[name], side, name, *map(int, workers))), flush=True)


main()
