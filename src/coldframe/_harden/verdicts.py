"""What may come of a broken run."""

from __future__ import annotations

HELD, LOST, DUPLICATED, DIVERGED, STUCK, VACUOUS = "held", "lost", "duplicated", "diverged", "stuck", "vacuous"

#: From the worst on; one run has one verdict.
VERDICTS = (STUCK, DUPLICATED, LOST, DIVERGED, VACUOUS, HELD)
