"""The requests of HTTP that tasks made, as the trace has them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from coldframe._core.events import Event, Started, Touched

EFFECT = "http.request"


class Headers(dict[str, str]):
    """Headers by name, in any case."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        """A header, or the default if there is none."""
        return super().get(name.lower(), default)


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """A request that a task made.

    Attributes:
        url: The whole address, with its query.
        headers: Without those that tell only of the client and the connection, such as `User-Agent`.
        body: The content, as it went over the wire.
        status: The status of the answer; None when there was none.
        task: The name of the task; None for a request of the test itself.
        where: The line of the project's code that made it.
        outcome: `done`, `failed` when it never reached the server, or `unknown` when only its answer was lost.
        when: The virtual moment at which it reached the server, or failed.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    status: int | None = None
    task: str | None = None
    task_id: str | None = None
    where: str = ""
    outcome: str = "done"
    when: datetime | None = None

    @property
    def text(self) -> str:
        """The content as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        """The content, read as JSON; None if there is none."""
        return json.loads(self.body) if self.body else None

    @property
    def params(self) -> dict[str, str]:
        """The parameters of the query; of several with one name, the last one."""
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form that was sent as `application/x-www-form-urlencoded`."""
        return dict(parse_qsl(self.text, keep_blank_values=True))

    def __repr__(self) -> str:
        notes = [f"{self.method} {self.url}"]
        if self.status is not None:
            notes.append(f"→ {self.status}")
        if self.outcome != "done":
            notes.append(f"({self.outcome})")
        if self.task is not None:
            notes.append(f"by {self.task}")
        return f"<Request {' '.join(notes)}>"


def requests(events: Iterable[Event]) -> list[Request]:
    """The requests in a trace, in order."""
    tasks: dict[int | None, str] = {}
    found = []
    for event in events:
        if isinstance(event, Started):
            tasks[event.attempt] = event.task
        elif isinstance(event, Touched) and event.effect == EFFECT:
            found.append(_of_event(event, tasks.get(event.attempt)))
    return found


def request_of(details: Mapping[str, Any], **others: Any) -> Request:
    """The request that the details of an effect tell of."""
    return Request(
        details["method"],
        details["url"],
        Headers(details["headers"]),
        _body(details["body"]),
        details.get("status"),
        **others,
    )


def _of_event(event: Touched, task: str | None) -> Request:
    return request_of(
        event.details,
        task=task,
        task_id=event.task_id,
        where=event.where,
        outcome=event.outcome,
        when=event.when,
    )


def _body(told: Any) -> bytes:
    return base64.b64decode(told["base64"]) if isinstance(told, dict) else str(told).encode()
