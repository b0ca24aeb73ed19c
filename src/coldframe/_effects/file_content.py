"""What is in a file, as the details of an effect tell it."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any

#: Texts up to this many bytes are kept; of anything else only size and digest.
LONGEST_TEXT = 65_536


def described(content: bytes) -> dict[str, Any]:
    """Size, digest, and the text if it is one."""
    told: dict[str, Any] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    if len(content) <= LONGEST_TEXT:
        with suppress(UnicodeDecodeError):
            told["text"] = content.decode()
    return told
