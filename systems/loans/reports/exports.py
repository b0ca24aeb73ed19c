"""The same figures as a file: CSV for machines and for large tables, XLSX for people."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import date
from decimal import Decimal
from io import BytesIO
from itertools import chain
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from rest_framework.request import Request

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: A text that begins with one of these is a formula to a spreadsheet, which then runs what somebody else wrote.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last: full width
LINES_AT_ONCE = 200


class _Echo:
    """A file for the CSV writer that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def export(
    request: Request, kind: str, name: str, columns: list[str], rows: Iterable[dict[str, Any]]
) -> HttpResponseBase:
    """The answer that the browser saves as `name.csv` or `name.xlsx`."""
    table = chain([columns], ([row[column] for column in columns] for row in rows))
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    if kind == "xlsx":
        return HttpResponse(workbook(name, table), content_type=XLSX, headers=headers)
    lines: Any = csv_lines(table)
    if hasattr(request, "scope"):  # it came through ASGI
        lines = _in_turn(lines)
    return StreamingHttpResponse(lines, content_type=CSV, headers=headers)


def csv_lines(table: Iterable[list[Any]]) -> Iterator[str]:
    """The table as CSV, some lines at a time, with nothing in it that a spreadsheet would run."""
    writer = csv.writer(_Echo())
    lines: list[str] = []
    for row in table:
        lines.append(writer.writerow([harmless(value) for value in row]))
        if len(lines) >= LINES_AT_ONCE:
            yield "".join(lines)
            lines.clear()
    yield "".join(lines)


def harmless(value: Any) -> Any:
    """A text that looks like a formula gets an apostrophe in front; numbers and dates stay as they are."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def workbook(title: str, table: Iterable[list[Any]]) -> bytes:
    """The table as a workbook: numbers are numbers, dates are dates, and texts are never formulas."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    rows = iter(table)
    header = [_cell(sheet, name) for name in next(rows)]
    for number, cell in enumerate(header, 1):
        cell.font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(number)].width = max(12, len(cell.value) + 2)
    sheet.append(header)
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def _cell(sheet: Any, value: Any) -> WriteOnlyCell:
    if isinstance(value, str):
        cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value))
        cell.data_type = "s"
        return cell
    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, Decimal):
        cell.number_format = "#,##0.0" if value.as_tuple().exponent == -1 else "#,##0.00"
    elif isinstance(value, date):
        cell.number_format = "yyyy-mm-dd"
    return cell


async def _in_turn(lines: Iterator[str]) -> AsyncIterator[str]:
    """The same lines for a server with an event loop, which must not wait for the database itself."""
    following = sync_to_async(next)
    while (text := await following(lines, None)) is not None:
        yield text
