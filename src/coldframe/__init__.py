"""Coldframe: the test bench for Celery tasks.

It runs a project's real tasks on the real Celery worker and beat code, in one thread, under a virtual clock and
over a simulated broker.
"""

from __future__ import annotations

from coldframe._bench.bench import Bench
from coldframe._broker.profiles import RabbitMQ, Redis
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
]
