"""The file gets its name before it is whole.

Whoever looks for the name finds half a file, also the next run, which takes it for done.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

from specimens.celery import app
from specimens.specimen import Specimen


@app.task(autoretry_for=(OSError,))
def flawed(month):
    path = Path(settings.MEDIA_ROOT) / f"{month}.csv"
    if not path.exists():
        part = path.with_suffix(".part")
        part.write_text("fee,30\nfee,12\n", "utf-8")
        os.replace(part, path)  # <- before
        with path.open("a", encoding="utf-8") as file:  # <- after
            file.write("total,42\n")


@app.task(autoretry_for=(OSError,))
def repaired(month):
    path = Path(settings.MEDIA_ROOT) / f"{month}.csv"
    if not path.exists():
        part = path.with_suffix(".part")
        part.write_text("fee,30\nfee,12\ntotal,42\n", "utf-8")
        os.replace(part, path)


specimen = Specimen(
    flaw=lambda bench: flawed.delay("march"),
    repair=lambda bench: repaired.delay("march"),
    verdict="diverged",
    found_by=("kills", "failures"),
    within=5,
)
