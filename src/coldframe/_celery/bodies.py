"""Reading the payload of a task message, with the serializers that Celery itself would use."""

from __future__ import annotations

from typing import Any

from kombu.serialization import loads


def decode_body(body: bytes, content_type: str, content_encoding: str) -> Any:
    """The payload of a message body, whatever its serializer; the bench wrote it, so nothing is refused."""
    return loads(body, content_type, content_encoding, force=True)
