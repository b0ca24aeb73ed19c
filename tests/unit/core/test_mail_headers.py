"""Headers of mail as people read them."""

from __future__ import annotations

import pytest

from coldframe._core.mail_headers import decoded, header_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Your receipt", "Your receipt"),
        ("a line that\r\n goes on\n\tand on", "a line that goes on\tand on"),
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?= from\r\n =?utf-8?b?S8O2bG4=?=", "Grüße from Köln"),
        ("=?klingon?q?nuqneH?=", "=?klingon?q?nuqneH?="),
        ("=?utf-8?b?a?=", "=?utf-8?b?a?="),
        ("Gr\udcc3\udcbc\udcff", "Grü�"),
    ],
)
def test_a_value_is_unfolded_and_decoded(value: str, text: str) -> None:
    assert decoded(value) == text


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (b"From: a@x\r\nSUBJECT: one\r\n two\r\nTo: b@x\r\n\r\nHello", "one two"),
        (b"From: a@x\r\n\r\nSubject: in the text", ""),
        (b"Subject:\r\n\r\nHello", ""),
        (b"Subject: Gr\xc3\xbc\xc3\x9fe", "Grüße"),
        (b"", ""),
    ],
)
def test_a_header_is_found_in_the_head_of_a_message(message: bytes, text: str) -> None:
    assert header_of(message, "Subject") == text
