"""The typefaces of printed letters: one for Latin, Greek, Cyrillic and more, and one for Chinese and Japanese."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unicodedata import category, normalize

import pylopdf_fonts_zh_cn
import pymupdf_fonts
from fontTools.ttLib import TTFont

#: Style, as fpdf2 calls it, to the name of the font in its package.
STYLES = {"": "figo", "B": "figbo", "I": "figit"}
EAST_ASIAN = "east-asian"
#: Stands where no typeface has the character, so that everybody sees that one is missing.
MISSING = "□"
NOT_PRINTED = ("Cc", "Cf", "Co", "Cs")
#: How letters combine and join. Not used here, and most of the work when a font is cut down to what a letter needs.
COMBINING = ("GDEF", "GPOS", "GSUB")

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells a hundred details of every subset it makes


@contextmanager
def unpacked(*, east_asian: bool) -> Iterator[dict[str, Path]]:
    """Font files by style, and by `EAST_ASIAN` if that is wanted, for as long as a document is made of them."""
    names = {**STYLES, EAST_ASIAN: EAST_ASIAN} if east_asian else STYLES
    with TemporaryDirectory(prefix="letter-fonts-") as folder:
        files = {style: Path(folder) / f"{name}.ttf" for style, name in names.items()}
        for style, file in files.items():
            file.write_bytes(_font(names[style]))
        yield files


def needs_east_asian(text: str) -> bool:
    """Is there a character that the main typeface does not have?"""
    return not set(map(ord, text)) <= _main()


def printable(text: str) -> str:
    """The text with characters that can all be printed; what no typeface has becomes `MISSING`."""
    text = "".join(letter for letter in normalize("NFC", text) if letter == "\n" or category(letter) not in NOT_PRINTED)
    if not needs_east_asian(text):
        return text
    known = _main() | _characters(EAST_ASIAN)
    return "".join(letter if ord(letter) in known else MISSING for letter in text)


@cache
def _main() -> frozenset[int]:
    """What all styles of the main typeface have; a line break needs no sign."""
    return frozenset.intersection(*map(_characters, STYLES.values())) | {ord("\n")}


@cache
def _characters(name: str) -> frozenset[int]:
    with TTFont(io.BytesIO(_font(name)), lazy=True) as font:
        return frozenset(font.getBestCmap())


@cache
def _font(name: str) -> bytes:
    whole = pylopdf_fonts_zh_cn.sans_path().read_bytes() if name == EAST_ASIAN else pymupdf_fonts.myfont(name)
    plain = io.BytesIO()
    with TTFont(io.BytesIO(whole), lazy=True, recalcTimestamp=False) as font:
        for table in COMBINING:
            del font[table]
        font.save(plain)
    return plain.getvalue()
