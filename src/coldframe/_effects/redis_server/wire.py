"""The protocol of Redis: requests from bytes, replies to bytes, in version 2 and 3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

CODES = ("WRONGTYPE", "NOSCRIPT", "EXECABORT", "NOPROTO", "WRONGPASS", "BUSYGROUP", "UNSUPPORTED")


class Status(str):
    """A reply that is no value, such as `OK`."""

    __slots__ = ()


class Members(list[Any]):
    """The members of a set: version 3 knows sets."""

    __slots__ = ()


class Scored(list[tuple[bytes, float]]):
    """Members with their scores: pairs in version 3, and one flat list in version 2."""

    __slots__ = ()


class Push(list[Any]):
    """A message that was not asked for."""

    __slots__ = ()


OK = Status("OK")


class Requests:
    """Takes bytes as they come in, and gives the requests that are complete."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> Iterator[list[bytes]]:
        """The requests that these bytes complete."""
        self._held += data
        while (found := _request(self._held)) is not None:
            request, end = found
            self._held = self._held[end:]
            if request:
                yield request


def _request(data: bytes) -> tuple[list[bytes], int] | None:
    """The first request, and where it ends; None if it is not complete."""
    end = data.find(b"\r\n")
    if end < 0:
        return None
    if not data.startswith(b"*"):
        return data[:end].split(), end + 2
    at = end + 2
    words = []
    for _ in range(int(data[1:end])):
        end = data.find(b"\r\n", at)
        if end < 0:
            return None
        begin = end + 2
        at = begin + int(data[at + 1 : end]) + 2
        if len(data) < at:
            return None
        words.append(data[begin : at - 2])
    return words, at


def number(value: float) -> bytes:
    """A number as Redis writes it."""
    if value == int(value) if abs(value) < 1e17 else False:
        return b"%d" % int(value)
    return repr(value).encode()


def encoded(reply: Any, protocol: int) -> bytes:
    """A reply in bytes."""
    return b"".join(_parts(reply, protocol))


def _parts(reply: Any, protocol: int) -> Iterator[bytes]:
    if reply is None:
        yield b"_\r\n" if protocol == 3 else b"$-1\r\n"
    elif isinstance(reply, Status):
        yield b"+%s\r\n" % reply.encode()
    elif isinstance(reply, (bytes, str)):
        data = reply.encode() if isinstance(reply, str) else reply
        yield b"$%d\r\n%s\r\n" % (len(data), data)
    elif isinstance(reply, int):
        yield b":%d\r\n" % reply
    elif isinstance(reply, float):
        yield b",%s\r\n" % number(reply) if protocol == 3 else encoded(number(reply), 2)
    elif isinstance(reply, Exception):
        yield b"-%s\r\n" % error_line(reply)
    else:
        yield from _collection(reply, protocol)


def _collection(reply: Any, protocol: int) -> Iterator[bytes]:
    sign, items = b"*", reply
    if isinstance(reply, dict):
        sign, items = (b"%", reply) if protocol == 3 else (b"*", reply)
        yield b"%s%d\r\n" % (sign, len(reply) if protocol == 3 else 2 * len(reply))
        for name, value in reply.items():
            yield from _parts(name, protocol)
            yield from _parts(value, protocol)
        return
    if isinstance(reply, Scored) and protocol == 2:
        items = [part for pair in reply for part in pair]
    elif isinstance(reply, Members) and protocol == 3:
        sign = b"~"
    elif isinstance(reply, Push) and protocol == 3:
        sign = b">"
    yield b"%s%d\r\n" % (sign, len(items))
    for item in items:
        yield from _parts(item, protocol)


def error_line(error: Exception) -> bytes:
    """An error as it is sent."""
    text = str(error).replace("\r\n", " ").replace("\n", " ")
    return (text if text.startswith(CODES) else f"ERR {text}").encode()
