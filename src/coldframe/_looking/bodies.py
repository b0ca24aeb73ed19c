"""The arguments in the body of a task message, as far as they can be read without Celery."""

from __future__ import annotations

import base64
import bz2
import json
import lzma
import zlib
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from coldframe._core.events import Published
from coldframe._core.plain import RecordedRepr

Decode = Callable[[bytes, str, str], Any]
"""Takes body, content type and content encoding, and gives the payload (Celery's `[args, kwargs, embed]`)."""

JSON = "application/json"

#: What the header `compression` names, with what undoes it.
DECOMPRESS: dict[str | None, Callable[[bytes], bytes]] = {
    "application/x-gzip": zlib.decompress,
    "application/x-bz2": bz2.decompress,
    "application/x-lzma": lzma.decompress,
}

MARKED: dict[str, Callable[[Any], Any]] = {
    "bytes": str.encode,
    "base64": base64.b64decode,
    "datetime": datetime.fromisoformat,
    "date": lambda text: date.fromisoformat(text[:10]),
    "time": time.fromisoformat,
    "decimal": Decimal,
    "uuid": lambda parts: UUID(**parts),
}


def decode_json(body: bytes, content_type: str, content_encoding: str) -> Any:
    """Decode a body of JSON, with the marked types that Celery's own serializer writes.

    Raises:
        ValueError: The content is of another type.
    """
    if content_type != JSON:
        raise ValueError(f"{content_type!r} is not JSON")
    return json.loads(body.decode(content_encoding), object_hook=_unmark)


def arguments_of(published: Published, decode: Decode = decode_json) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional and keyword arguments in a message.

    A body that cannot be decoded gives one argument, which says so.
    """
    kind = published.content_type or JSON
    try:
        decompress = DECOMPRESS.get(published.compression, bytes)
        payload = decode(decompress(published.body), kind, published.content_encoding or "utf-8")
        args, kwargs = (payload["args"], payload["kwargs"]) if isinstance(payload, dict) else payload[:2]
        return tuple(args), dict(kwargs)
    except Exception:  # a foreign decoder may raise anything, and the message is there all the same
        return (RecordedRepr(f"<{len(published.body)} bytes of {kind}>"),), {}


def _unmark(content: dict[str, Any]) -> Any:
    if content.keys() != {"__type__", "__value__"} or content["__type__"] not in MARKED:
        return content
    return MARKED[content["__type__"]](content["__value__"])
