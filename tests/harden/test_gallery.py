"""Classic flaws of background tasks: each is found and named with its two lines, and no repaired task is accused."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import gallery
import gallery_page

NAMES = gallery.names()


@pytest.fixture(scope="module")
def specimens() -> Iterator[gallery.Gallery]:
    """Where they are hardened."""
    with gallery.Gallery() as process:
        yield process


@pytest.mark.parametrize("name", NAMES)
def test_a_flaw_is_found_and_told_with_its_two_lines(specimens: gallery.Gallery, name: str) -> None:
    answer = specimens.harden("flaw", name)
    first = answer.result.causes[0]
    assert (first.verdict, first.simplest.lines) == (answer.verdict, gallery.marked_lines(name)), str(first)
    assert gallery.families(answer.result.reports) == answer.found_by
    assert 0 < answer.first <= answer.within
    page = gallery_page.PAGE.read_text("utf-8")
    assert gallery_page.row(answer) in page, "run: python tests/harden/gallery_page.py"
    assert f"\n{gallery_page.section(answer)}\n" in page, "run: python tests/harden/gallery_page.py"


@pytest.mark.parametrize("name", NAMES)
def test_its_repaired_twin_holds_whatever_is_broken(specimens: gallery.Gallery, name: str) -> None:
    result = specimens.harden("repair", name).result
    assert result.held, str(result)
    assert result.complete


def test_the_page_has_each_of_them_and_nothing_else() -> None:
    page = gallery_page.PAGE.read_text("utf-8")
    assert page.startswith(gallery_page.INTRO)
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == [gallery_page.title(name) for name in NAMES]


def test_there_are_at_least_25() -> None:
    assert len(NAMES) >= 25
