"""Reading a bank's file: each line by itself, whatever is wrong with the others."""

from __future__ import annotations

import csv
import io
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documents.bank_file import LONGEST_LINE, LONGEST_RECORD, Line, NotABankFile, read

pytestmark = pytest.mark.unit

HEADER = "reference,date,amount,application,repayment\n"


def lines(content: str | bytes) -> list[Line]:
    return list(read(io.BytesIO(content if isinstance(content, bytes) else content.encode())))


def references(content: str | bytes) -> list[str]:
    return [line.columns.get("reference", "!" + line.problem) for line in lines(content)]


def test_a_line_is_its_columns_by_name_and_its_number() -> None:
    (line,) = lines(HEADER + "B1, 2026-03-31 ,100.00,APP-1,\n")
    assert line.columns == {
        "reference": "B1",
        "date": "2026-03-31",
        "amount": "100.00",
        "application": "APP-1",
        "repayment": "",
    }
    assert (line.number, line.last, line.problem) == (2, 2, "")


@pytest.mark.parametrize(
    "header",
    [
        "reference,date,amount,repayment",
        "Reference;Date;Amount;Repayment",
        '"REFERENCE"\t" date "\tAmount\tRepayment ID',
        "\ufeffreference,date,amount,repayment-id",
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_separator_is_the_one_of_the_first_line(header: str, end: str) -> None:
    separator = next(sign for sign in ",;\t" if sign in header)
    (line,) = lines(header + end + separator.join(["B1", "2026-03-31", "100.00", "7"]) + end)
    assert (line.columns["reference"], line.columns["repayment"]) == ("B1", "7")


def test_columns_come_in_any_order_and_others_are_left_alone() -> None:
    (line,) = lines("payer,amount,application reference,date,,reference\nSmith,1.00,APP-1,2026-03-31,x,B1\n")
    assert (line.columns["reference"], line.columns["application"], line.columns["payer"]) == ("B1", "APP-1", "Smith")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty"),
        (b"\n", "it says: nothing"),
        (b"B1,2026-03-31,100.00,APP-1\n", "it says: B1,2026-03-31,100.00,APP-1"),
        (b"reference,date,amount\n", "and application or repayment"),
        (b"reference,date,amount,application,date\n", "names a column twice: date"),
        ("reference,date,amount,repayment\n".encode("utf-16"), "NUL"),
        ("r\xe9ference,date,amount,repayment\n".encode("latin-1"), "not text in UTF-8"),
        (b"PK\x03\x04\x14\x00\x00\x00", "NUL"),
        (b"reference,date,amount,repayment," + b"x" * LONGEST_LINE + b"\nB1,2026-03-31,1,7\n", "longer than"),
    ],
)
def test_what_is_no_such_file_is_refused_with_a_reason(content: bytes, message: str) -> None:
    with pytest.raises(NotABankFile, match=message):
        lines(content)


def test_a_first_line_alone_is_a_file_without_payments() -> None:
    assert lines(HEADER) == []
    assert lines(HEADER.rstrip("\n")) == []


def test_empty_lines_count_and_say_nothing() -> None:
    numbers = [line.number for line in lines(HEADER + "\n  \nB1,2026-03-31,1,A,\n,,,,\n\r\nB2,2026-03-31,1,A,")]
    assert numbers == [4, 7]


def test_a_line_break_in_quotation_marks_belongs_to_its_column() -> None:
    content = (
        'reference,date,amount,application,text\nB1,2026-03-31,1,A,"rent, ""March""\nand\nApril"\nB2,2026-03-31,1,A,\n'
    )
    first, second = lines(content)
    assert (first.number, first.last, first.columns["text"]) == (2, 4, 'rent, "March"\nand\nApril')
    assert (second.number, second.columns["reference"]) == (5, "B2")


def test_a_quotation_mark_that_is_never_closed_costs_its_own_line_only() -> None:
    content = HEADER + 'B1,2026-03-31,1,A,"\nB2,2026-03-31,1,A,\nB3,2026-03-31,1,A,\n'
    first, second, third = lines(content)
    assert (first.number, first.last, "quotation marks" in first.problem) == (2, 2, True)
    assert (second.columns["reference"], third.columns["reference"]) == ("B2", "B3")


def test_two_lines_with_such_a_mark_are_two_bad_lines() -> None:
    content = HEADER + 'B1,2026-03-31,1,A,"x\nB2,2026-03-31,1,A,\nB3,2026-03-31,1,A,"y\nB4,2026-03-31,1,A,\n'
    assert [(line.number, bool(line.problem)) for line in lines(content)] == [
        (2, True),
        (3, False),
        (4, True),
        (5, False),
    ]


def test_a_column_cannot_go_on_for_ever() -> None:
    broken = "\n" * LONGEST_RECORD
    found = lines(HEADER + f'B1,2026-03-31,1,A,"{broken}"\nB2,2026-03-31,1,A,\n')
    assert "quotation marks" in found[0].problem
    assert found[-1].columns["reference"] == "B2"


def test_a_mark_inside_a_word_is_a_mark() -> None:
    assert references(HEADER + 'B"1",2026-03-31,1,A,\n') == ['B"1"']


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"B1,2026-03-31", "has 2 columns, but the first line names 5"),
        (b"B1,2026-03-31,1,A,7,more", "has 6 columns, but the first line names 5"),
        (b'B1,2026-03-31,"1"0,A,7', "has misplaced quotation marks"),
        (b"B\xff1,2026-03-31,1,A,7", "is not text in UTF-8"),
        (b"B\x001,2026-03-31,1,A,7", "contains a NUL character"),
        (b"B1,2026-03-31,1,A," + b"7" * LONGEST_LINE, "is longer than 10000 characters"),
    ],
)
def test_a_bad_line_says_why_and_the_next_is_read(line: bytes, problem: str) -> None:
    bad, good = lines(HEADER.encode() + line + b"\nB2,2026-03-31,1,A,7\n")
    assert (bad.number, bad.columns) == (2, {})
    assert bad.problem.startswith(problem)
    assert (good.number, good.columns["reference"]) == (3, "B2")


def test_empty_columns_beyond_the_first_line_do_not_matter() -> None:
    assert references(HEADER + "B1,2026-03-31,1,A,7,,,\n") == ["B1"]


def test_a_long_line_inside_an_open_quotation_is_a_line_of_its_own() -> None:
    content = HEADER + 'B1,2026-03-31,1,A,"x\n' + "y" * 3 * LONGEST_LINE + '"\nB2,2026-03-31,1,A,\n'
    assert [(line.number, bool(line.problem)) for line in lines(content)] == [(2, True), (3, True), (4, False)]


def test_a_file_that_is_one_endless_line_is_never_in_memory() -> None:
    content = HEADER.encode() + b"x" * 30_000_000
    stream = io.BytesIO(content)
    tracemalloc.start()
    (bad,) = read(stream)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "longer than" in bad.problem
    assert peak < 1_000_000


words = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=20)


@settings(deadline=None)
@given(st.lists(st.tuples(words, words, words, words), max_size=20), st.sampled_from(",;\t"))
def test_whatever_is_written_as_csv_is_read_as_it_was(rows: list[tuple[str, ...]], separator: str) -> None:
    rows = [row for row in rows if sum(word.count("\n") for word in row) < LONGEST_RECORD]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([("reference", "date", "amount", "application"), *rows])
    found = [tuple(line.columns.values()) for line in lines(out.getvalue())]
    stripped = [tuple(word.strip() for word in row) for row in rows]
    assert found == [row for row in stripped if any(row)]


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_break_it_and_each_line_is_told_once(noise: bytes) -> None:
    found = lines(HEADER.encode() + noise + b"\nB2,2026-03-31,1,A,\n")
    numbers = [number for line in found for number in range(line.number, line.last + 1)]
    assert numbers == sorted(set(numbers))
    assert found[-1].last == 3 + noise.count(b"\n")
