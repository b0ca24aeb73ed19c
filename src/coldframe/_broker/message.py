"""Messages and deliveries, and the copying that the wire does in real life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

ATOMS: frozenset[type] = frozenset({str, int, float, bool, type(None), bytes, datetime, Decimal})


def plain(value: Any) -> Any:
    """A deep copy as the wire would make it: tuples become lists, mappings become dicts."""
    if type(value) in ATOMS:
        return value
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if type(value) is dict or isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return value


def plain_dict(source: Mapping[str, Any]) -> dict[str, Any]:
    """A deep copy of headers or properties; atoms are not worth a call."""
    return {key: value if type(value) in ATOMS else plain(value) for key, value in source.items()}


@dataclass(slots=True)
class Message:
    """A message as the client library hands it over; the fields after `number` only describe it in the trace."""

    body: bytes
    headers: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    number: int = 0
    task_id: str | None = None
    task: str | None = None
    eta: str | None = None
    expires: str | None = None
    retries: int = 0
    parent_id: str | None = None
    root_id: str | None = None
    group_id: str | None = None

    def copy(self) -> Message:
        """The same message with headers and properties of its own."""
        return Message(
            self.body,
            plain_dict(self.headers),
            plain_dict(self.properties),
            self.number,
            self.task_id,
            self.task,
            self.eta,
            self.expires,
            self.retries,
            self.parent_id,
            self.root_id,
            self.group_id,
        )


@dataclass(slots=True)
class Delivery:
    """A message handed to a consumer; `tag` is what the channel acknowledges it by."""

    tag: int
    consumer_tag: str | None
    message: Message
    queue: str
    exchange: str
    routing_key: str
    redelivered: bool
