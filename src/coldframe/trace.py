"""Traces as data: what the events are, and how to keep, load and read a trace without a bench.

Example:
    >>> from coldframe import trace
    >>> trace.loads('{"coldframe_trace": 1}')
    []
"""

from __future__ import annotations

from coldframe._core.events import (
    Acked,
    BeatSent,
    Broken,
    Delivered,
    Discarded,
    Dropped,
    Event,
    Finished,
    Logged,
    NodeChanged,
    Published,
    Refused,
    Requeued,
    Started,
    Touched,
    TransactionEnded,
)
from coldframe._core.trace import FileTrace, MemoryTrace, Trace
from coldframe._core.trace_json import RecordedError, dumps, load, loads, save
from coldframe._looking.inbox import mails
from coldframe._looking.messages import queued
from coldframe._looking.runs import runs
from coldframe._looking.tally import tally
from coldframe._looking.timeline import timeline

__all__ = [
    "Acked",
    "BeatSent",
    "Broken",
    "Delivered",
    "Discarded",
    "Dropped",
    "Event",
    "FileTrace",
    "Finished",
    "Logged",
    "MemoryTrace",
    "NodeChanged",
    "Published",
    "RecordedError",
    "Refused",
    "Requeued",
    "Started",
    "Touched",
    "Trace",
    "TransactionEnded",
    "dumps",
    "load",
    "loads",
    "mails",
    "queued",
    "runs",
    "save",
    "tally",
    "timeline",
]
