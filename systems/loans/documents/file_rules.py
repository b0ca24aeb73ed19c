"""Which files are taken: their names, their kinds, their size. Pure rules, without storage or database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from unicodedata import category, normalize

from django.core.files import File

from core.errors import NotPossible

LARGEST = 20 * 1024 * 1024
LONGEST_NAME = 100
HEAD = 4096


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: its content type, and how such a file begins. Text has no sign of its own."""

    content_type: str
    signs: tuple[bytes, ...] = ()


_ZIP = (b"PK\x03\x04",)
_TIFF = (b"II*\x00", b"MM\x00*")
_OFFICE = "application/vnd.openxmlformats-officedocument"
KINDS = {
    ".pdf": Kind("application/pdf", (b"%PDF-",)),
    ".png": Kind("image/png", (b"\x89PNG\r\n\x1a\n",)),
    ".jpg": Kind("image/jpeg", (b"\xff\xd8\xff",)),
    ".jpeg": Kind("image/jpeg", (b"\xff\xd8\xff",)),
    ".tif": Kind("image/tiff", _TIFF),
    ".tiff": Kind("image/tiff", _TIFF),
    ".docx": Kind(f"{_OFFICE}.wordprocessingml.document", _ZIP),
    ".xlsx": Kind(f"{_OFFICE}.spreadsheetml.sheet", _ZIP),
    ".csv": Kind("text/csv"),
    ".txt": Kind("text/plain"),
}


def clean_name(name: str, default: str = "document") -> str:
    """A file name that is safe on every system and in every header: the last part of a path, without signs of power."""
    name = normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    name = "".join(letter for letter in name if category(letter)[0] != "C" and letter not in '<>:"|?*')
    name = re.sub(r"\s+", " ", name).strip(" .")
    ending = PurePosixPath(name).suffix[:10]
    stem = name.removesuffix(ending)[: LONGEST_NAME - len(ending)].rstrip(" .")
    return (stem or default) + ending


def kind_of(file: File) -> Kind:
    """What kind of file it is, by its name and by its first bytes, which must agree.

    Raises:
        NotPossible: it is empty, too large, or of a kind that is not taken; the message says which.
    """
    name = clean_name(file.name or "")
    ending = PurePosixPath(name).suffix.lower()
    if ending not in KINDS:
        taken = ", ".join(each.removeprefix(".") for each in KINDS)
        raise NotPossible(f"Files like {name!r} are not taken; send one of these kinds: {taken}.")
    if not file.size:
        raise NotPossible(f"{name!r} is empty; send a file with something in it.")
    if file.size > LARGEST:
        raise NotPossible(f"{name!r} has {file.size} bytes; at most {LARGEST} ({LARGEST // 1024**2} MB) are taken.")
    kind = KINDS[ending]
    file.seek(0)
    head = file.read(HEAD)
    file.seek(0)
    if not (head.startswith(kind.signs) if kind.signs else b"\0" not in head):
        raise NotPossible(f"{name!r} is not what its name says: it does not begin as a {ending[1:]} file does.")
    return kind
