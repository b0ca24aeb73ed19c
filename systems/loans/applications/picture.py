"""The picture of a signature, as a browser sends it."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from io import BytesIO

from django.core.files.base import ContentFile
from PIL import Image

from core.errors import NotPossible

MAX_BYTES = 500_000
MAX_SIDE = 4000
#: As base64, with the `data:` that a canvas puts in front.
MAX_CHARACTERS = 700_000
SUFFIXES = {"PNG": "png", "JPEG": "jpg"}
UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning)


def picture_of(text: str) -> ContentFile[bytes]:
    """The picture in a base64 text or a data URL, checked to be one.

    Raises:
        NotPossible: it is not a PNG or JPEG of bounded size.
    """
    content = _decoded(text)
    if len(content) > MAX_BYTES:
        raise NotPossible(f"The picture has {len(content)} bytes; send one of at most {MAX_BYTES}.")
    return ContentFile(content, name=f"signature.{SUFFIXES[_format_of(content)]}")


def _decoded(text: str) -> bytes:
    try:
        return b64decode(re.sub(r"^data:image/(png|jpeg);base64,", "", text), validate=True)
    except (binascii.Error, ValueError):
        raise NotPossible("The signature is not base64; send a PNG or JPEG picture as base64.") from None


def _format_of(content: bytes) -> str:
    try:
        with Image.open(BytesIO(content), formats=list(SUFFIXES)) as picture:
            if max(picture.size) > MAX_SIDE:
                raise NotPossible(f"The picture is larger than {MAX_SIDE} × {MAX_SIDE} points; send a smaller one.")
            picture.load()
            return str(picture.format)
    except UNREADABLE:
        raise NotPossible("The signature is not a picture that can be read; send a PNG or JPEG.") from None
