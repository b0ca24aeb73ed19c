"""Events as short as they can be told: each takes the seconds since the start of the story."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from coldframe._core.events import (
    Acked,
    Delivered,
    Discarded,
    Dropped,
    Event,
    Finished,
    Logged,
    NodeChanged,
    Published,
    Requeued,
    Started,
    TransactionEnded,
)
from coldframe._core.moments import to_micros

START = datetime(2026, 3, 29, tzinfo=UTC)
CHARGE = "billing.tasks.charge"


class Story:
    """A trace told event by event; `now` is the moment of the next one."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.now = START
        self._messages = 0
        self._attempts: dict[str, int] = {}
        self._numbers = count(1)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def tell(self, kind: type[Event], *args: Any, **fields: Any) -> None:
        self.events.append(kind(to_micros(self.now), *args, **fields))

    def send(self, *args: Any, task: str = CHARGE, queue: str | None = "mail", by: str = "test", **fields: Any) -> int:
        self._messages += 1
        number = self._messages
        kwargs = fields.pop("kwargs", {})
        if "eta" in fields:
            fields["eta"] = (self.now + fields["eta"]).isoformat()
        fields = {"task_id": f"id-{number}", "body": json.dumps([args, kwargs, {}]).encode()} | fields
        fields |= {"content_type": "application/json", "content_encoding": "utf-8"}
        self.tell(Published, number, "", queue or "lost", (queue,) if queue else (), by, task=task, **fields)
        return number

    def published(self, number: int) -> Published:
        return next(event for event in self.events if isinstance(event, Published) and event.message == number)

    def deliver(self, number: int, node: str = "mail", *, redelivered: bool = False) -> None:
        sent = self.published(number)
        self.tell(Delivered, number, sent.queues[0], node, redelivered, task_id=sent.task_id, task=sent.task)

    def start(self, number: int, node: str = "mail", *, redelivered: bool = False) -> None:
        sent = self.published(number)
        args, kwargs, _ = json.loads(sent.body)
        attempt = self._attempts[sent.task_id or ""] = next(self._numbers)
        self.tell(
            Started, sent.task_id, sent.task, node, f"{node}/1", attempt, tuple(args), kwargs, sent.retries,
            redelivered, sent.queues[0],
        )  # fmt: skip

    def finish(self, number: int, state: str = "SUCCESS", **fields: Any) -> None:
        sent = self.published(number)
        self.tell(Finished, sent.task_id, sent.task, self._attempts[sent.task_id or ""], state, **fields)

    def run(self, number: int, node: str = "mail", state: str = "SUCCESS", **fields: Any) -> None:
        self.deliver(number, node)
        self.ack(number, node)
        self.start(number, node)
        self.wait(0.5)
        self.finish(number, state, **fields)

    def ack(self, number: int, node: str = "mail") -> None:
        sent = self.published(number)
        self.tell(Acked, number, sent.queues[0], node, sent.task_id)

    def requeue(self, number: int, reason: str) -> None:
        sent = self.published(number)
        self.tell(Requeued, number, sent.queues[0], reason, sent.task_id)

    def drop(self, number: int, reason: str) -> None:
        sent = self.published(number)
        self.tell(Dropped, number, sent.queues[0], reason, sent.task_id)

    def discard(self, number: int, reason: str, node: str = "mail") -> None:
        sent = self.published(number)
        self.tell(Discarded, sent.task_id, sent.task, node, reason)

    def end_transaction(self, number: int, *, committed: bool) -> None:
        self.tell(TransactionEnded, committed, (number,))

    def log(self, number: int, text: str) -> None:
        sent = self.published(number)
        self.tell(Logged, sent.task_id, self._attempts[sent.task_id or ""], "INFO", "billing", text)

    def node(self, name: str, change: str) -> None:
        self.tell(NodeChanged, name, change)


@pytest.fixture
def story() -> Story:
    """An empty story that begins at midnight."""
    return Story()
