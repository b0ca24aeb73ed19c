"""A request is read from the bytes that a client writes, however it cuts them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldframe._effects.http_asked import Asked, Written

URL = "https://api.example.com/charges"
HEAD = b"POST /charges HTTP/1.1\r\nHost: api.example.com\r\nX-Key:  k-1 \r\n"


def whole(chunks: list[bytes], *, chunked: bool) -> bytes:
    if chunked:
        body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks if chunk)
        return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"
    body = b"".join(chunks)
    return HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


@given(st.lists(st.binary(max_size=40)), st.booleans(), st.lists(st.integers(0, 400)))
def test_it_is_whole_with_its_last_byte_and_not_before(chunks: list[bytes], chunked: bool, cuts: list[int]) -> None:
    raw = whole(chunks, chunked=chunked)
    places = sorted({0, *(cut for cut in cuts if cut < len(raw)), len(raw) - 1})
    written = Written()
    for start, end in pairwise(places):
        written.feed(raw[start:end])
        assert not written.is_whole
    written.feed(raw[-1:])
    assert written.is_whole
    asked = written.asked(URL)
    assert (asked.method, asked.body) == ("POST", b"".join(chunks))
    assert dict(asked.headers)["X-Key"] == "k-1"
    assert bytes(written.raw) == raw


def test_a_request_without_content_is_whole_with_its_head() -> None:
    written = Written()
    written.feed(b"GET /charges?page=2 HTTP/1.1\r\nHost: api.example.com\r\n")
    assert (written.has_head, written.is_whole) == (False, False)
    written.feed(b"Expect: 100-Continue\r\n\r\n")
    assert (written.has_head, written.is_whole, written.expects_continue) == (True, True, True)
    assert (written.method, written.target) == ("GET", "/charges?page=2")


@pytest.mark.parametrize("end", [b"not a size\r\n", b"7 with spaces \r\n"])
def test_content_that_is_not_in_chunks_although_it_says_so_is_taken_as_it_is(end: bytes) -> None:
    written = Written()
    written.feed(HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 12\r\n\r\n" + end)
    assert written.asked(URL).body == end
    assert written.is_whole


def test_details_are_in_order_and_the_same_for_any_boundary() -> None:
    def details(boundary: str) -> object:
        headers = (
            ("User-Agent", "python"),
            ("X-B", "1"),
            ("Content-Type", f'multipart/form-data; boundary="{boundary}"; charset=utf-8'),
            ("x-b", "2"),
            ("Accept", "*/*"),
        )
        return Asked("POST", URL, headers, f"--{boundary}--".encode()).details()

    assert details("3f2a") == details("77aa")
    assert details("3f2a") == {
        "method": "POST",
        "url": URL,
        "headers": {
            "accept": "*/*",
            "content-type": "multipart/form-data; boundary=boundary; charset=utf-8",
            "x-b": "1, 2",
        },
        "body": "--boundary--",
    }


def test_a_long_address_is_cut_in_the_line_and_whole_in_the_details() -> None:
    asked = Asked("GET", f"{URL}?q={'x' * 300}")
    assert asked.what == f"GET {URL}?q={'x' * 161}…"
    assert len(asked.what) == 200
    assert asked.details()["url"] == f"{URL}?q={'x' * 300}"
