"""Figures as files: real numbers and dates, and no text that a spreadsheet would run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from openpyxl import load_workbook

from reports.exports import LINES_AT_ONCE, csv_lines, export, harmless, workbook

pytestmark = pytest.mark.unit

COLUMNS = ["period", "group", "applications", "amount", "rate"]
ROW = {
    "period": date(2026, 3, 1),
    "group": "Smith",
    "applications": 2,
    "amount": Decimal("1234.50"),
    "rate": Decimal("66.7"),
}
EVIL = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1"]


def sheet(rows: list[dict[str, Any]]) -> Any:
    table = [COLUMNS, *([row[column] for column in COLUMNS] for row in rows)]
    return load_workbook(BytesIO(workbook("figures", table))).active


def test_csv_has_a_header_and_plain_values() -> None:
    table = [COLUMNS, list(ROW.values()), [None, 'He said "no", twice', 0, -5, None]]
    assert "".join(csv_lines(table)).split("\r\n") == [
        "period,group,applications,amount,rate",
        "2026-03-01,Smith,2,1234.50,66.7",
        ',"He said ""no"", twice",0,-5,',
        "",
    ]


@pytest.mark.parametrize("text", EVIL)
def test_a_text_that_looks_like_a_formula_is_disarmed(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("value", [-5, Decimal("-5.00"), date(2026, 3, 1), None, "Smith = Sons", ""])
def test_all_else_stays_as_it_is(value: object) -> None:
    assert harmless(value) is value


def test_csv_comes_in_pieces_while_the_rows_are_read() -> None:
    read = []

    def rows() -> Iterator[list[int]]:
        for number in range(3 * LINES_AT_ONCE):
            read.append(number)
            yield [number]

    lines = csv_lines(rows())
    assert next(lines).count("\r\n") == LINES_AT_ONCE
    assert len(read) == LINES_AT_ONCE
    assert sum(text.count("\r\n") for text in lines) == 2 * LINES_AT_ONCE


def test_a_workbook_has_real_types() -> None:
    header, row = sheet([ROW]).iter_rows()
    assert [cell.value for cell in header] == COLUMNS
    assert all(cell.font.bold for cell in header)
    assert [cell.value for cell in row[1:]] == ["Smith", 2, 1234.5, 66.7]
    assert row[0].value.date() == date(2026, 3, 1)
    assert [cell.data_type for cell in row] == ["d", "s", "n", "n", "n"]
    assert [cell.number_format for cell in row] == ["yyyy-mm-dd", "General", "General", "#,##0.00", "#,##0.0"]


@pytest.mark.parametrize("text", EVIL[:4])
def test_a_workbook_has_no_formulas(text: str) -> None:
    _, row = sheet([{**ROW, "group": text}]).iter_rows()
    assert (row[1].data_type, row[1].value) == ("s", text)


def test_control_characters_break_no_workbook() -> None:
    _, row = sheet([{**ROW, "group": "Smi\x00th\x1b"}]).iter_rows()
    assert row[1].value == "Smith"


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("csv", "text/csv; charset=utf-8"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)
def test_the_browser_saves_it_as_a_file(kind: str, content_type: str) -> None:
    answer = export(SimpleNamespace(), kind, "figures", COLUMNS, [ROW])  # type: ignore[arg-type]
    assert answer["Content-Type"] == content_type
    assert answer["Content-Disposition"] == f'attachment; filename="figures.{kind}"'


def test_a_server_with_an_event_loop_gets_the_same_lines() -> None:
    async def read() -> bytes:
        answer = export(SimpleNamespace(scope={}), "csv", "figures", ["n"], ({"n": n} for n in range(500)))  # type: ignore[arg-type]
        assert answer.is_async
        return b"".join([part async for part in answer])

    assert asyncio.run(read()).decode() == "".join(csv_lines([["n"], *([n] for n in range(500))]))
