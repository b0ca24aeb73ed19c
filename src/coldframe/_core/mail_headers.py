"""Headers of mail as people read them, quickly: the standard parser of whole messages takes a millisecond for each."""

from __future__ import annotations

import re
from functools import cache

_FOLDED = re.compile(r"\r?\n(?=[ \t])")
_ENCODED = re.compile(r"=\?[^?]+\?[bq]\?", re.IGNORECASE)


def decoded(value: str) -> str:
    """The value of a header, unfolded and decoded; as it stands where that is not possible."""
    text = _FOLDED.sub("", value)
    if not text.isascii():  # bytes that no standard allows come as surrogates
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if _ENCODED.search(text):
        text = _of_encoded_words(text)
    return text.strip()


def header_of(message: bytes, name: str) -> str:
    """A header of a message as it goes over the wire; empty if there is none."""
    head = message.partition(b"\r\n\r\n")[0]
    found = _pattern(name).search(head)
    return decoded(found[1].decode("utf-8", "surrogateescape")) if found else ""


@cache
def _pattern(name: str) -> re.Pattern[bytes]:
    return re.compile(rb"^%s:[ \t]*(.*(?:\n[ \t].*)*)" % re.escape(name.encode()), re.IGNORECASE | re.MULTILINE)


def _of_encoded_words(text: str) -> str:
    from email.errors import HeaderParseError
    from email.header import decode_header, make_header

    try:
        return str(make_header(decode_header(text)))
    except (LookupError, ValueError, HeaderParseError):  # a charset or an encoding that is none
        return text
