"""What outside services answer: made from what a test declares, and put into the form that goes over the wire."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from coldframe.errors import SetupError

Headers = tuple[tuple[str, str], ...]

#: Told by their status alone, these have no content.
WITHOUT_CONTENT = frozenset({204, 304})

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a server.

    Attributes:
        delay: After how many seconds it arrives.
    """

    status: int = 200
    headers: Headers = ()
    body: bytes = b""
    delay: float = 0.0

    @property
    def reason(self) -> str:
        """The words for the status."""
        return HTTPStatus(self.status).phrase if self.status in _KNOWN else ""

    def body_for(self, method: str) -> bytes:
        """The content that comes with it."""
        empty = method == "HEAD" or self.status in WITHOUT_CONTENT or self.status < 200
        return b"" if empty else self.body

    def headers_for(self, method: str) -> list[tuple[bytes, bytes]]:
        """The headers as they come over the wire."""
        headers = [(name.encode(), value.encode()) for name, value in self.headers]
        has_content = self.status not in WITHOUT_CONTENT and self.status >= 200
        if has_content and not self.has_header("content-length") and not self.has_header("transfer-encoding"):
            headers.append((b"Content-Length", str(len(self.body)).encode()))
        return headers

    def raw(self, method: str) -> bytes:
        """All of it, as the bytes of HTTP/1.1."""
        head = b"".join(b"%b: %b\r\n" % header for header in self.headers_for(method))
        return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (self.status, self.reason.encode(), head, self.body_for(method))

    def has_header(self, name: str) -> bool:
        """Whether it has a header; the name in lower case."""
        return any(known.lower() == name for known, _ in self.headers)


_KNOWN = frozenset(status.value for status in HTTPStatus)

#: The answers by which a server says that it cannot help now, by the names of failures.
FAILED_ANSWERS: Mapping[str, Callable[[], Answer]] = {
    "500": lambda: Answer(500, (("Content-Type", TEXT),), b"Internal Server Error"),
    "429": lambda: Answer(429, (("Content-Type", TEXT), ("Retry-After", "1")), b"Too Many Requests"),
}


def made(
    status: int = 200,
    content: Any = None,
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    *,
    is_json: bool = False,
    delay: float = 0.0,
) -> Answer:
    """An answer with some content: text, bytes, or what becomes JSON.

    Raises:
        SetupError: There cannot be such an answer.
    """
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise SetupError(
            f"{status!r} is no status of an answer", hint="give a whole number from 200 to 599, such as status=201"
        )
    pairs = tuple(headers.items()) if isinstance(headers, Mapping) else tuple(headers)
    body, kind = (b"", "") if content is None and not is_json else _encoded(content, is_json=is_json)
    answer = Answer(status, tuple((str(name), str(value)) for name, value in pairs), body, delay)
    if kind and not answer.has_header("content-type"):
        answer = Answer(status, (("Content-Type", kind), *answer.headers), body, delay)
    return answer


def _encoded(content: Any, *, is_json: bool) -> tuple[bytes, str]:
    if not is_json and isinstance(content, str):
        return content.encode(), TEXT
    if not is_json and isinstance(content, (bytes, bytearray)):
        return bytes(content), BYTES
    try:
        return json.dumps(content).encode(), JSON
    except (TypeError, ValueError) as error:
        raise SetupError(
            f"{content!r} cannot become JSON: {error}",
            hint="give what json.dumps takes, or the finished content as body=",
        ) from error


def replied(reply: Any, status: int, headers: Headers, delay: float) -> Answer:
    """The answer that a simulated service means: a status, content, or a tuple of status, content and headers.

    Args:
        reply: What its function returned.
        status: The status, if it told none.
        headers: Headers that all of its answers have.
        delay: After how many seconds it arrives.
    """
    if isinstance(reply, tuple):
        status, content, more = (*reply, None, None)[:3]
        pairs = tuple((more or {}).items())
        return made(status, content, (*headers, *pairs), is_json=_is_json(content), delay=delay)
    if isinstance(reply, int) and not isinstance(reply, bool):
        return made(reply, None, headers, delay=delay)
    return made(status, reply, headers, is_json=_is_json(reply), delay=delay)


def _is_json(content: Any) -> bool:
    return content is not None and not isinstance(content, (str, bytes, bytearray))
