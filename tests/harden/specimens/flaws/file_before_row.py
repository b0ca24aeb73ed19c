"""The file is stored, then the row that names it is written.

Killed in between, the file belongs to nobody, and the next run stores another one beside it.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from specimens.celery import app
from specimens.models import Invoice
from specimens.specimen import Specimen


@app.task(autoretry_for=(OSError,))
def flawed(number):
    if not Invoice.objects.filter(number=number).exists():
        name = default_storage.save("invoice.txt", ContentFile(f"invoice {number}"))  # <- before
        Invoice.objects.get_or_create(number=number, defaults={"file": name})  # <- after


@app.task(autoretry_for=(OSError,))
def repaired(number):
    name = f"invoice-{number}.txt"
    path = Path(settings.MEDIA_ROOT) / name
    path.with_suffix(".part").write_text(f"invoice {number}", "utf-8")
    os.replace(path.with_suffix(".part"), path)
    Invoice.objects.get_or_create(number=number, defaults={"file": name})


specimen = Specimen(
    flaw=lambda bench: flawed.delay(1),
    repair=lambda bench: repaired.delay(1),
    verdict="duplicated",
    found_by=("kills", "overlaps"),
    within=3,
)
