"""The picture of a signature is a picture, and not too large."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

import pytest
from PIL import Image

from applications.picture import MAX_BYTES, picture_of
from core.errors import NotPossible

pytestmark = pytest.mark.unit


def drawn(kind: str = "PNG", size: tuple[int, int] = (300, 100)) -> bytes:
    file = BytesIO()
    Image.new("L", size, 255).save(file, kind)
    return file.getvalue()


def as_text(content: bytes) -> str:
    return b64encode(content).decode()


@pytest.mark.parametrize(("kind", "name"), [("PNG", "signature.png"), ("JPEG", "signature.jpg")])
@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,", "data:image/jpeg;base64,"])
def test_a_picture_is_taken_as_it_is_and_named_for_what_it_is(kind: str, name: str, prefix: str) -> None:
    picture = picture_of(prefix + as_text(drawn(kind)))
    assert (picture.name, picture.read()) == (name, drawn(kind))


@pytest.mark.parametrize(
    "text", ["", "not base64!", "data:text/html;base64,PGI+", "ä", "QUJD\x00", "Q", "data:image/png;base64,"]
)
def test_what_is_no_base64_or_empty_is_refused(text: str) -> None:
    with pytest.raises(NotPossible, match="send a PNG or JPEG"):
        picture_of(text)


@pytest.mark.parametrize(
    "content",
    [
        b"plain text",
        b"%PDF-1.4",
        b"\x89PNG\r\n\x1a\n",
        drawn()[:60],
        drawn("JPEG")[:200],
        drawn("GIF"),
        drawn("BMP"),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
)
def test_what_is_no_whole_picture_of_the_two_kinds_is_refused(content: bytes) -> None:
    with pytest.raises(NotPossible, match="not a picture that can be read; send a PNG or JPEG"):
        picture_of(as_text(content))


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(NotPossible, match=f"has {MAX_BYTES + 1} bytes; send one of at most {MAX_BYTES}"):
        picture_of(as_text(b"x" * (MAX_BYTES + 1)))


def test_too_many_points_are_refused_before_they_are_unpacked() -> None:
    with pytest.raises(NotPossible, match="larger than 4000 × 4000 points"):
        picture_of(as_text(drawn(size=(4001, 10))))


def test_a_small_file_that_would_unpack_to_gigabytes_is_refused() -> None:
    bomb = bytearray(drawn(size=(10, 10)))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2  # the size in the header
    import zlib

    bomb[29:33] = zlib.crc32(bytes(bomb[12:29])).to_bytes(4, "big")
    with pytest.raises(NotPossible, match="not a picture that can be read"):
        picture_of(as_text(bytes(bomb)))
