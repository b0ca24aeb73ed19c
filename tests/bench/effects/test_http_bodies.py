"""Bodies of requests and answers: in pieces, as forms, as files; recorded without taking them from the library."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import sys
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import urllib3
from celery import Celery

from coldframe import Bench

sys.path.insert(0, str(Path(__file__).parent))

from http_server import real_server
from watching import define, outcomes, touched

URL = "https://api.example.com/charges"


def run(app: Celery, charge: Any, *, failures: Any = "raise", **declared: Any) -> tuple[Bench, Any]:
    """Run a task with the body of a function against one declared answer; the closed bench, and its result."""
    task = define(app, charge)
    with Bench(app, failures=failures) as bench:
        bench.http("*", URL, **declared)
        result = task.delay()
        bench.drain()
        return bench, result.result


def pieces() -> Iterator[bytes]:
    yield b"first,"
    yield b"0\r\n\r\nsecond"


async def pieces_async() -> AsyncIterator[bytes]:
    for piece in pieces():
        await asyncio.sleep(1)
        yield piece


WHOLE = "first,0\r\n\r\nsecond"


def stream_with_requests(url: str) -> int:
    return requests.post(url, data=pieces(), timeout=5).status_code


def stream_with_urllib3(url: str) -> int:
    with urllib3.PoolManager() as pool:
        return pool.request("POST", url, body=pieces()).status


def stream_with_http_client(url: str) -> int:
    parts = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc)
    connection.request("POST", parts.path, body=pieces())
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def stream_with_httpx(url: str) -> int:
    return httpx.post(url, content=pieces()).status_code


def stream_with_httpx_async(url: str) -> int:
    async def ask() -> int:
        async with httpx.AsyncClient() as client:
            return (await client.post(url, content=pieces_async())).status_code

    return asyncio.run(ask())


def stream_with_aiohttp(url: str) -> int:
    async def ask() -> int:
        async with aiohttp.ClientSession() as session, session.post(url, data=pieces_async()) as response:
            return response.status

    return asyncio.run(ask())


def stream_with_aiohttp_and_leave(url: str) -> int:
    async def ask() -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=pieces_async(), expect100=True) as response,
        ):
            return response.status

    return asyncio.run(ask())


STREAMS = [
    stream_with_requests,
    stream_with_urllib3,
    stream_with_http_client,
    stream_with_httpx,
    stream_with_httpx_async,
    stream_with_aiohttp,
    stream_with_aiohttp_and_leave,
]


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.__name__)
def test_a_body_that_comes_in_pieces_is_recorded_whole(app: Celery, stream: Any) -> None:
    def charge() -> int:
        return stream(URL)

    bench, status = run(app, charge, status=201)
    assert status == 201
    (event,) = touched(bench)
    assert event.details["body"] == WHOLE


def test_a_body_in_pieces_reaches_a_real_server(app: Celery) -> None:
    with real_server() as server:

        def charge() -> list[int]:
            return [stream(server.url) for stream in STREAMS]

        task = define(app, charge)
        with Bench(app) as bench:
            result = task.delay()
            bench.drain()
            assert result.get() == [201] * len(STREAMS)
        assert server.asked == [("POST", "/", WHOLE.encode())] * len(STREAMS)
    assert [event.details["body"] for event in touched(bench)] == [WHOLE] * len(STREAMS)


def test_a_body_whose_length_is_said_twice_is_recorded(app: Celery) -> None:
    def charge() -> int:
        length = {"Content-Length": str(len(WHOLE))}
        return requests.post(URL, data=pieces(), headers=length, timeout=5).status_code

    bench, status = run(app, charge, status=201)
    assert (touched(bench)[0].details["body"], status) == (WHOLE, 201)


def test_a_body_that_fails_half_way_is_no_request(app: Celery) -> None:
    def broken() -> Iterator[bytes]:
        yield b"first"
        raise ZeroDivisionError("in the body")

    async def broken_async() -> AsyncIterator[bytes]:
        for piece in broken():
            yield piece

    def with_requests() -> None:
        requests.post(URL, data=broken(), timeout=5)

    def with_httpx() -> None:
        httpx.post(URL, content=broken())

    def with_aiohttp() -> None:
        async def ask() -> None:
            async with aiohttp.ClientSession() as session:
                await session.post(URL, data=broken_async())

        asyncio.run(ask())

    for body, kind in (
        (with_requests, ZeroDivisionError),
        (with_httpx, ZeroDivisionError),
        (with_aiohttp, aiohttp.ClientConnectionError),
    ):
        bench, error = run(app, body, failures="collect")
        assert isinstance(error, kind)
        assert "in the body" in str(error)
        assert (touched(bench), outcomes(bench)) == ([], ["FAILURE"])


def upload_with_requests() -> int:
    file = io.BytesIO(b"a,b\n1,2\n")
    return requests.post(URL, data={"kind": "bank"}, files={"file": ("day.csv", file)}, timeout=5).status_code


def upload_with_httpx() -> int:
    return httpx.post(URL, data={"kind": "bank"}, files={"file": ("day.csv", io.BytesIO(b"a,b\n1,2\n"))}).status_code


def upload_with_aiohttp() -> int:
    async def ask() -> int:
        form = aiohttp.FormData({"kind": "bank"})
        form.add_field("file", io.BytesIO(b"a,b\n1,2\n"), filename="day.csv", content_type="text/csv")
        async with aiohttp.ClientSession() as session, session.post(URL, data=form) as response:
            return response.status

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "upload", [upload_with_requests, upload_with_httpx, upload_with_aiohttp], ids=lambda upload: upload.__name__
)
def test_an_upload_is_recorded_without_the_boundary_that_was_drawn_by_chance(app: Celery, upload: Any) -> None:
    def charge() -> list[int]:
        return [upload(), upload()]

    bench, statuses = run(app, charge, status=201)
    assert statuses == [201, 201]
    first, second = touched(bench)
    assert first.details == second.details
    assert first.details["headers"]["content-type"] == "multipart/form-data; boundary=boundary"
    body = first.details["body"]
    assert body.startswith("--boundary\r\n")
    assert body.endswith("\r\n--boundary--\r\n")
    assert 'name="kind"' in body
    assert "a,b\n1,2\n" in body


def test_a_body_that_is_no_text_is_recorded_as_base64(app: Celery) -> None:
    def charge() -> int:
        return requests.post(URL, data=b"\xff\x00", timeout=5).status_code

    bench, _ = run(app, charge)
    assert touched(bench)[0].details["body"] == {"base64": "/wA="}
    assert bench.http.requests()[0].body == b"\xff\x00"


def test_an_answer_can_be_read_in_pieces(app: Celery) -> None:
    def with_requests() -> list[str]:
        with requests.get(URL, stream=True, timeout=5) as response:
            return [line.decode() for line in response.iter_lines()]

    def with_httpx() -> list[str]:
        with httpx.stream("GET", URL) as response:
            return list(response.iter_lines())

    def with_aiohttp() -> list[str]:
        async def ask() -> list[str]:
            async with aiohttp.ClientSession() as session, session.get(URL) as response:
                return [line.decode().rstrip("\n") async for line in response.content]

        return asyncio.run(ask())

    for body in (with_requests, with_httpx, with_aiohttp):
        _, lines = run(app, body, body="\n".join(map(str, range(3))))
        assert lines == ["0", "1", "2"]


def test_a_large_answer_arrives_whole(app: Celery) -> None:
    content = json.dumps(list(range(300_000)))

    def with_requests() -> int:
        return len(requests.get(URL, timeout=5).json())

    def with_httpx() -> int:
        return len(httpx.get(URL).json())

    def with_aiohttp() -> int:
        async def ask() -> int:
            async with aiohttp.ClientSession() as session, session.get(URL) as response:
                return len(await response.json(content_type=None))

        return asyncio.run(ask())

    for body in (with_requests, with_httpx, with_aiohttp):
        assert run(app, body, body=content)[1] == 300_000
