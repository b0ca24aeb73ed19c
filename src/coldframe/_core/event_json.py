"""One event as one line of JSON, and back.

A field that holds its default is left out, so lines are short and a field added later needs no new version.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable
from typing import Any

from coldframe._core.events import EVENT_TYPES, Event
from coldframe._core.plain import (
    RecordedError,
    error_text,
    from_json,
    stable_repr,
    to_json,
    type_name,
    without_addresses,
)

Codec = Callable[[Any], Any]


def event_to_line(event: Event) -> str:
    """The event as one line of JSON, without the line's end."""
    content: dict[str, Any] = {"event": type(event).__name__}
    for name, default, write in _WRITERS[type(event)]:
        value = getattr(event, name)
        if value is default or (type(value) is type(default) and value == default):
            continue
        content[name] = value if write is None else write(value)
    return _encode(content)


def event_from_line(line: str) -> Event:
    """The event that a line holds.

    Raises:
        ValueError: The line holds no event; the text says why.
    """
    content = json.loads(line)
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")
    kind = content.pop("event", None)
    if kind not in EVENT_TYPES:
        raise ValueError(f"there is no event named {kind!r}")
    if type(content.get("at")) is not int:
        raise ValueError(f"{kind} has no moment `at`")
    for name in content.keys() & _READERS.keys():
        content[name] = _READERS[name](content[name])
    try:
        return EVENT_TYPES[kind](**content)
    except TypeError:
        raise ValueError(f"its fields are not those of {kind}: {', '.join(sorted(content))}") from None


def _write_body(body: bytes) -> Any:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def _read_body(body: Any) -> bytes:
    return base64.b64decode(body["base64"], validate=True) if isinstance(body, dict) else body.encode()


def _write_error(error: BaseException) -> dict[str, str]:
    return {"type": type_name(error), "text": error_text(error)}


def _read_error(error: dict[str, str]) -> RecordedError:
    return RecordedError(error["type"], error["text"])


def _read_arguments(args: list[Any]) -> tuple[Any, ...]:
    return tuple(from_json(args))


_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=stable_repr).encode

_WRITE: dict[str, Codec] = {
    "body": _write_body,
    "args": to_json,
    "kwargs": to_json,
    "result": to_json,
    "exception": _write_error,
    "traceback": without_addresses,
    "text": without_addresses,
    "detail": without_addresses,
    "details": to_json,
    "what": without_addresses,
}
_READERS: dict[str, Codec] = {
    "body": _read_body,
    "args": _read_arguments,
    "kwargs": from_json,
    "result": from_json,
    "exception": _read_error,
    "queues": tuple,
    "messages": tuple,
    "details": from_json,
    "failures": tuple,
}


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


_WRITERS: dict[type[Event], list[tuple[str, Any, Codec | None]]] = {
    kind: [(field.name, _default(field), _WRITE.get(field.name)) for field in dataclasses.fields(kind)]
    for kind in EVENT_TYPES.values()
}
