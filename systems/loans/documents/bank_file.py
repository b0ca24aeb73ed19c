"""A bank's file of payments, read line by line: never more than a few lines of it are in memory.

The file is CSV in UTF-8, with or without a byte order mark. Its first line names the columns, in any order:
`reference` (the bank's own, unique), `date` (2026-03-31 or 31/03/2026), `amount` (1000.00 or 1000,00), and
`application` (its reference number), `repayment` (its id), or both. Other columns are left alone. Columns are separated
by commas, semicolons or tabs. What is in quotation marks may contain all of these, and line breaks.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

#: Longer lines are reported, and only this much of them is ever read at once.
LONGEST_LINE = 10_000
#: A quotation mark that is never closed would swallow the rest of the file.
LONGEST_RECORD = 10
REQUIRED = {"reference", "date", "amount"}
TARGETS = {"application", "repayment"}
OTHER_NAMES = {"application_reference": "application", "repayment_id": "repayment"}
EXPECTED = "the columns reference, date, amount, and application or repayment"


class NotABankFile(Exception):
    """Nothing in the file can be read; the message is for the person who uploaded it."""


class Unreadable(Exception):
    """A line cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file, or several with a line break in quotation marks: its columns, or what is wrong with it."""

    number: int
    last: int
    text: str
    columns: dict[str, str] = field(default_factory=dict)
    problem: str = ""


def read(stream: BinaryIO) -> Iterator[Line]:
    """All lines after the first that say anything.

    Raises:
        NotABankFile: the first line does not name the columns.
    """
    source = _Source(stream)
    header, delimiter = _header(source)
    while source.at(0) is not None:
        line = _next(source, header, delimiter)
        if line.problem or any(line.columns.values()):
            yield line


class _Source:
    """Numbered lines of bytes, some of which can be looked at before they are taken."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ahead: deque[bytes] = deque()
        self.taken = 0

    def at(self, index: int) -> bytes | None:
        """The line that comes after `index` others; None after the end."""
        while len(self._ahead) <= index:
            raw = self._stream.readline(LONGEST_LINE + 1)
            if not raw:
                return None
            self._ahead.append(raw)
            while _is_cut(raw):
                raw = self._stream.readline(LONGEST_LINE + 1)
        return self._ahead[index]

    def take(self, count: int) -> bytes:
        """The next lines, which have been looked at."""
        self.taken += count
        return b"".join(self._ahead.popleft() for _ in range(count))


def _is_cut(raw: bytes) -> bool:
    return len(raw) > LONGEST_LINE and not raw.endswith(b"\n")


def _header(source: _Source) -> tuple[list[str], str]:
    if source.at(0) is None:
        raise NotABankFile("The file is empty.")
    try:
        text = _decoded(source.take(1).removeprefix(b"\xef\xbb\xbf"))
    except Unreadable as error:
        raise NotABankFile(f"The first line must name {EXPECTED}, but it {error}.") from None
    for delimiter in ",;\t":
        names = [_name(cell) for cell in text.split(delimiter)]
        if set(names) >= REQUIRED and TARGETS & set(names):
            if twice := {name for name in names if name and names.count(name) > 1}:
                raise NotABankFile(f"The first line names a column twice: {', '.join(sorted(twice))}.")
            return names, delimiter
    raise NotABankFile(f"The first line must name {EXPECTED}; it says: {text.strip()[:200] or 'nothing'}")


def _name(cell: str) -> str:
    name = "_".join(cell.strip().strip('"').lower().replace("-", " ").replace("_", " ").split())
    return OTHER_NAMES.get(name, name)


def _next(source: _Source, header: list[str], delimiter: str) -> Line:
    """The next line. If the lines that seem to belong to it make no sense together, they do not belong to it."""
    number, count = source.taken + 1, _span(source)
    for lines in dict.fromkeys((count, 1)):
        raw = b"".join(source.at(index) or b"" for index in range(lines))
        try:
            columns, problem = _columns(_decoded(raw), header, delimiter), ""
        except Unreadable as error:
            columns, problem = {}, str(error)
        else:
            break
    source.take(lines)
    return Line(number, source.taken, raw.decode(errors="replace").strip("\r\n"), columns, problem)


def _span(source: _Source) -> int:
    """Over how many lines the next one goes: to where its quotation marks are closed, or else one."""
    marks = 0
    for index in range(LONGEST_RECORD):
        raw = source.at(index)
        if raw is None or _is_cut(raw):
            break
        marks += raw.count(b'"')
        if marks % 2 == 0:
            return index + 1
    return 1


def _decoded(raw: bytes) -> str:
    if _is_cut(raw):
        raise Unreadable(f"is longer than {LONGEST_LINE} characters")
    if b"\0" in raw:
        raise Unreadable("contains a NUL character, so it is not text")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Unreadable("is not text in UTF-8; save the file as CSV in UTF-8") from None


def _columns(text: str, header: list[str], delimiter: str) -> dict[str, str]:
    try:
        cells = [cell.strip() for row in csv.reader([text], delimiter=delimiter, strict=True) for cell in row]
    except csv.Error as error:
        raise Unreadable(f"has misplaced quotation marks ({error})") from None
    if (len(cells) < len(header) and any(cells)) or any(cells[len(header) :]):
        raise Unreadable(
            f"has {len(cells)} column{'' if len(cells) == 1 else 's'}, but the first line names {len(header)}"
        )
    return dict(zip(header, cells, strict=False))
