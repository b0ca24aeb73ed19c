"""A request as it is recorded, and as it is read from the bytes that a client writes."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

#: Requests that change nothing at the server.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

#: Headers that tell of the client, the connection or a tracing run, and not of what is asked.
VOLATILE = frozenset(
    {
        *("accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection"),
        *("transfer-encoding", "user-agent"),
        *("baggage", "sentry-trace", "traceparent", "tracestate"),
    }
)

WIDTH = 200
_BOUNDARY = re.compile(r'(;\s*boundary=)("[^"]+"|[^\s;]+)', re.IGNORECASE)
#: A multipart boundary is drawn by chance: two runs that ask the same would differ by it.
_ONE_BOUNDARY = "boundary"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks of a server.

    Attributes:
        url: The whole address, in its normal form.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def what(self) -> str:
        """It in one line."""
        line = f"{self.method} {self.url}"
        return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"

    def details(self) -> dict[str, Any]:
        """It in full, as values that JSON knows."""
        headers = {name: value for name, value in self._told_headers() if name not in VOLATILE}
        body = self.body
        kind = headers.get("content-type", "")
        if kind.lower().startswith("multipart/") and (found := _BOUNDARY.search(kind)):
            body = body.replace(found[2].strip('"').encode(), _ONE_BOUNDARY.encode())
            headers["content-type"] = _BOUNDARY.sub(rf"\g<1>{_ONE_BOUNDARY}", kind)
        details: dict[str, Any] = {"method": self.method, "url": self.url, "headers": headers, "body": _told(body)}
        if self.method in SAFE_METHODS:
            details["safe"] = True
        return details

    def _told_headers(self) -> Iterable[tuple[str, str]]:
        """In lower case and in order; one that comes several times is put together, as HTTP allows."""
        together: dict[str, list[str]] = {}
        for name, value in self.headers:
            together.setdefault(name.lower(), []).append(value)
        return ((name, ", ".join(values)) for name, values in sorted(together.items()))


def _told(body: bytes) -> Any:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


class Written:
    """A request as a client writes it, piece by piece."""

    def __init__(self) -> None:
        self.raw = bytearray()
        self.method = ""
        self.target = ""
        self.headers: tuple[tuple[str, str], ...] = ()
        self.is_whole = False
        self._is_chunked = False
        self._chunks: list[bytes] = []
        #: Where the content begins, or the next chunk of it; 0 until the head is there.
        self._at = 0

    @property
    def has_head(self) -> bool:
        """Whether the request line and all headers are there."""
        return self._at > 0

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for leave to send the content."""
        return self.header("expect").lower() == "100-continue"

    def header(self, name: str) -> str:
        """The value of a header, by its name in lower case; empty if there is none."""
        return next((value for known, value in self.headers if known.lower() == name), "")

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """One more piece."""
        self.raw += data
        if not self.has_head:
            self._read_head()
        if self.has_head and not self.is_whole:
            self._read_content()

    def asked(self, url: str) -> Asked:
        """The request, whose whole address the connection knows."""
        content = b"".join(self._chunks) if self._is_chunked else bytes(self.raw[self._at :])
        return Asked(self.method, url, self.headers, content)

    def _read_head(self) -> None:
        end = self.raw.find(b"\r\n\r\n")
        if end < 0:
            return
        first, *lines = bytes(self.raw[:end]).decode("latin-1").split("\r\n")
        self.method, self.target, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines)
        self.headers = tuple((name.strip(), value.strip()) for name, _, value in pairs)
        self._is_chunked = self.header("transfer-encoding").lower() == "chunked"
        self._at = end + 4

    def _read_content(self) -> None:
        if self._is_chunked:
            try:
                self._read_chunks()
            except ValueError:  # requests says chunked also of a body whose length the caller gave
                self._is_chunked = False
        if not self._is_chunked:
            self.is_whole = len(self.raw) - self._at >= int(self.header("content-length") or 0)

    def _read_chunks(self) -> None:
        while (end := self.raw.find(b"\r\n", self._at)) >= 0:
            size = int(bytes(self.raw[self._at : end]).partition(b";")[0], 16)
            after = end + 2 + size + 2
            if len(self.raw) < after:
                return
            if size == 0:
                self.is_whole = True
                return
            self._chunks.append(bytes(self.raw[end + 2 : after - 2]))
            self._at = after
