"""Coldframe: the test bench for Celery tasks.

It runs a project's real tasks on the real Celery worker and beat code, in one thread, under a virtual clock and
over a simulated broker.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coldframe._bench.bench import Bench
    from coldframe._broker.profiles import RabbitMQ, Redis
    from coldframe._effects.declared import effect
    from coldframe._harden.calling import harden
    from coldframe._harden.marking import scenario
    from coldframe._looking.messages import Message
    from coldframe._looking.runs import Run
    from coldframe._looking.tally import Tally
    from coldframe.errors import (
        AlreadyOpen,
        AppNotFound,
        ColdframeError,
        Mismatch,
        NetworkRefused,
        NeverEnds,
        NeverReady,
        NeverRun,
        NotOpen,
        SetupError,
        TaskFailed,
        TaskStuck,
        TimeError,
        UnknownProfile,
        UnreadQueue,
        WorkError,
    )

__version__ = "0.1.0"

__all__ = [
    "AlreadyOpen",
    "AppNotFound",
    "Bench",
    "ColdframeError",
    "Message",
    "Mismatch",
    "NetworkRefused",
    "NeverEnds",
    "NeverReady",
    "NeverRun",
    "NotOpen",
    "RabbitMQ",
    "Redis",
    "Run",
    "SetupError",
    "Tally",
    "TaskFailed",
    "TaskStuck",
    "TimeError",
    "UnknownProfile",
    "UnreadQueue",
    "WorkError",
    "effect",
    "harden",
    "scenario",
]

#: Where the names are that are no errors. They are imported when first used: pytest loads its plugins in every
#: run, and one that does not use the bench shall not pay for Celery.
_HOMES = {
    "Bench": "coldframe._bench.bench",
    "harden": "coldframe._harden.calling",
    "Message": "coldframe._looking.messages",
    "RabbitMQ": "coldframe._broker.profiles",
    "Redis": "coldframe._broker.profiles",
    "scenario": "coldframe._harden.marking",
    "Run": "coldframe._looking.runs",
    "Tally": "coldframe._looking.tally",
    "effect": "coldframe._effects.declared",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES.get(name, "coldframe.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
