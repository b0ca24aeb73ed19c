"""What `beat=…` of a marker or a test case means."""

from __future__ import annotations

from typing import Any


def beat_options(wanted: Any) -> dict[str, Any]:
    """What `Bench.beat` takes: True is the app's schedule, names are some entries of it, else it is a scheduler."""
    if wanted is True:
        return {}
    return {"only": wanted} if isinstance(wanted, list | tuple | set | frozenset) else {"scheduler": wanted}
