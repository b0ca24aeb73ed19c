"""`bench.http`: what outside services answer, and what they were asked."""

from __future__ import annotations

import asyncio
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import urllib3
from celery import Celery

from coldframe import Bench
from coldframe.errors import NetworkRefused, NotOpen, SetupError

sys.path.insert(0, str(Path(__file__).parent))

import http_clients
from http_clients import CLIENTS, Ask
from watching import define, error_of, told, touched

URL = "https://api.example.com/charges"

every_client = pytest.mark.parametrize("ask", CLIENTS, ids=lambda ask: ask.__name__)


# --- which answer ------------------------------------------------------------------------------------------


@every_client
def test_answers_come_in_turn_and_the_last_one_repeats(app: Celery, ask: Ask) -> None:
    with Bench(app) as bench:
        bench.http("GET", URL, status=500)
        bench.http("GET", URL, status=429, times=2)
        bench.http("GET", URL, body="paid")
        assert [ask("GET", URL)[0] for _ in range(5)] == [500, 429, 429, 200, 200]


def test_an_answer_that_was_given_for_a_while_makes_way_for_one_that_is_declared_later(app: Celery) -> None:
    with Bench(app) as bench:
        bench.http("GET", URL, status=503)
        assert [requests.get(URL, timeout=5).status_code for _ in range(3)] == [503, 503, 503]
        bench.http("GET", URL)
        assert requests.get(URL, timeout=5).status_code == 200


@every_client
def test_a_simulated_service_keeps_state(app: Celery, ask: Ask) -> None:
    charges: dict[str, Any] = {}

    def charge(request: Any) -> Any:
        key = request.headers["Idempotency-Key"]
        if key in charges:
            return 409
        charges[key] = request.json
        return 201, {"id": len(charges), "url": request.url}, {"Location": f"/charges/{len(charges)}"}

    with Bench(app) as bench:
        bench.http("POST", URL, respond=charge)
        first = ask("POST", URL, body=b'{"amount": 7}', headers={"Idempotency-Key": "k-1"})
        again = ask("POST", URL, body=b'{"amount": 7}', headers={"Idempotency-Key": "k-1"})
    assert first == (201, b'{"id": 1, "url": "https://api.example.com/charges"}')
    assert again == (409, b"")
    assert charges == {"k-1": {"amount": 7}}


def test_a_simulated_service_is_told_which_task_asks(app: Celery) -> None:
    seen: list[Any] = []

    def charge() -> None:
        requests.get(URL, timeout=5)

    task = define(app, charge)
    with Bench(app) as bench:
        bench.http("GET", URL, respond=lambda request: seen.append(request.task))
        task.delay()
        bench.drain()
    assert seen == ["shop.charge"]


@pytest.mark.parametrize(
    ("reply", "status", "kind", "content"),
    [
        (None, 202, None, b""),
        (204, 204, None, b""),
        ({"id": 7}, 202, "application/json", b'{"id": 7}'),
        ([], 202, "application/json", b"[]"),
        ("paid", 202, "text/plain; charset=utf-8", b"paid"),
        (b"\x00", 202, "application/octet-stream", b"\x00"),
        ((404, "no such charge"), 404, "text/plain; charset=utf-8", b"no such charge"),
        ((200, b"a,b", {"Content-Type": "text/csv"}), 200, "text/csv", b"a,b"),
    ],
)
def test_what_a_service_may_reply(app: Celery, reply: Any, status: int, kind: str | None, content: bytes) -> None:
    with Bench(app) as bench:
        bench.http("GET", URL, status=202, headers={"X-Service": "pay"}, respond=lambda request: reply)
        response = requests.get(URL, timeout=5)
    assert (response.status_code, response.headers.get("Content-Type"), response.content) == (status, kind, content)
    assert response.headers["X-Service"] == "pay"


@every_client
def test_an_error_in_a_simulated_service_is_not_hidden(app: Celery, ask: Ask) -> None:
    def broken(request: Any) -> Any:
        raise ZeroDivisionError(f"in the service: {request!r}")

    with Bench(app) as bench:
        bench.http("GET", URL, respond=broken)
        with pytest.raises(
            ZeroDivisionError, match=r"in the service: <Request GET https://api\.example\.com/charges>$"
        ):
            ask("GET", URL)


# --- which address -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "declared",
    [
        URL,
        "HTTPS://API.example.com:443/charges",
        f"{URL}?page=2",
        "https://api.example.com/*",
        "*/charges?*",
        "*",
        re.compile(r"/charges\?page=\d$"),
    ],
)
def test_addresses_that_are_meant(app: Celery, declared: Any) -> None:
    with Bench(app) as bench:
        bench.http("get", declared)
        assert requests.get(URL, params={"page": 2}, timeout=5).status_code == 200


@pytest.mark.parametrize(
    "declared",
    [
        "http://api.example.com/charges",
        "https://api.example.com:8443/charges",
        "https://api.example.com/charges/",
        f"{URL}?page=3",
        f"{URL}?page=2&page=2",
        "https://api.example.com/charges*3",
        re.compile("refunds"),
    ],
)
def test_addresses_that_are_not_meant(app: Celery, declared: Any) -> None:
    with Bench(app) as bench:
        bench.http("GET", declared)
        with pytest.raises(NetworkRefused, match="declared are GET "):
            requests.get(URL, params={"page": 2}, timeout=5)


def test_the_nearest_address_answers(app: Celery) -> None:
    with Bench(app) as bench:
        bench.http("GET", f"{URL}?page=2", body="the second page")
        bench.http("GET", URL, body="a page")
        bench.http("GET", "https://api.example.com/*", body="old")
        bench.http("*", "*", body="anything")
        urls = (f"{URL}?page=2", f"{URL}?page=3", "https://api.example.com/refunds")
        assert [requests.get(url, timeout=5).text for url in urls] == ["the second page", "a page", "anything"]
        assert requests.delete(URL, timeout=5).text == "anything"


def test_text_in_an_address_may_be_quoted_or_not(app: Celery) -> None:
    with Bench(app) as bench:
        bench.http("GET", "https://api.example.com/customers/Ada Lovelace")
        assert requests.get("https://api.example.com/customers/Ada%20Lovelace", timeout=5).status_code == 200


# --- what it is like for the client ------------------------------------------------------------------------


def test_headers_and_cookies_arrive(app: Celery) -> None:
    with Bench(app) as bench, requests.Session() as session, httpx.Client() as client:
        bench.http("GET", URL, headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Page", "2")])
        assert session.get(URL, timeout=5).headers["X-Page"] == "2"
        assert session.cookies.get_dict() == {"a": "1", "b": "2"}
        assert client.get(URL).headers["x-page"] == "2"
        assert dict(client.cookies) == {"a": "1", "b": "2"}


def test_what_has_no_content_has_none(app: Celery) -> None:
    with Bench(app) as bench:
        bench.http("*", URL, json={"id": 7})
        for response in (requests.head(URL, timeout=5), httpx.head(URL)):
            assert (response.content, response.headers["Content-Length"]) == (b"", "9")


@every_client
def test_an_answer_takes_its_time(app: Celery, ask: Ask) -> None:
    def wait() -> Any:
        return ask("GET", URL, timeout=5)[0]

    task = define(app, wait)
    with Bench(app) as bench:
        bench.http("GET", URL, delay=2.5)
        started = bench.now
        result = task.delay()
        bench.drain()
        assert (result.get(), bench.now - started) == (200, timedelta(seconds=2.5))
    (event,) = touched(bench)
    assert (event.when, event.outcome) == (started, "done")


TIMEOUTS: dict[str, type[BaseException]] = {
    "with_requests": requests.exceptions.ReadTimeout,
    "with_urllib3": urllib3.exceptions.ReadTimeoutError,
    "with_urllib": TimeoutError,
    "with_http_client": TimeoutError,
    "with_httpx": httpx.ReadTimeout,
    "with_httpx_async": httpx.ReadTimeout,
    "with_aiohttp": aiohttp.SocketTimeoutError,
}


@every_client
def test_an_answer_that_takes_too_long_is_a_timeout_and_has_happened(app: Celery, ask: Ask) -> None:
    reached: list[str] = []

    def wait() -> Any:
        return ask("POST", URL, body=b"7", timeout=5)[0]

    task = define(app, wait)
    with Bench(app, failures="collect") as bench:
        bench.http("POST", URL, delay=60, respond=lambda request: reached.append(request.text))
        started = bench.now
        task.delay()
        bench.drain()
        assert bench.now - started == timedelta(seconds=5)
    assert reached == ["7"]
    assert told(bench) == [f"http.request POST {URL} (unknown)"]
    assert type(error_of(bench)) is TIMEOUTS[ask.__name__]


def test_a_limit_for_all_of_a_request_ends_it(app: Celery) -> None:
    async def ask() -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            await session.get(URL)

    with Bench(app) as bench:
        bench.http("GET", URL, delay=60)
        started = bench.now
        with pytest.raises(asyncio.TimeoutError, match=r"^$"):
            asyncio.run(ask())
        assert bench.now - started == timedelta(seconds=5)


def test_others_go_on_while_an_answer_is_waited_for(app: Celery) -> None:
    def slow() -> None:
        requests.get(URL, timeout=60)

    def quick() -> None:
        requests.get(f"{URL}/1", timeout=60)

    first, second = define(app, slow), define(app, quick)
    with Bench(app) as bench:
        bench.node(concurrency=2)
        bench.http("GET", URL, delay=30)
        bench.http("GET", f"{URL}/1", delay=10)
        first.delay()
        second.delay()
        bench.drain()
    ended = [run.task for run in sorted(bench.runs(), key=lambda run: run.finished_at)]
    assert ended == ["shop.quick", "shop.slow"]


def test_requests_of_one_loop_wait_together(app: Celery) -> None:
    async def all_of_them() -> list[int]:
        async with httpx.AsyncClient(timeout=60) as client, aiohttp.ClientSession() as session:

            async def with_aiohttp(number: int) -> int:
                async with session.get(f"{URL}/{number}") as response:
                    return response.status

            async def with_httpx(number: int) -> int:
                return (await client.get(f"{URL}/{number}")).status_code

            return await asyncio.gather(*(ask(number) for number in (1, 2) for ask in (with_httpx, with_aiohttp)))

    def charge() -> list[int]:
        return asyncio.run(all_of_them())

    task = define(app, charge)
    with Bench(app) as bench:
        bench.http("GET", f"{URL}/*", delay=10)
        started = bench.now
        result = task.delay()
        bench.drain()
        assert (result.get(), bench.now - started) == ([200] * 4, timedelta(seconds=10))
    assert sorted(event.what for event in touched(bench)) == [f"GET {URL}/{number}" for number in (1, 1, 2, 2)]


def test_of_two_at_once_the_second_may_find_the_answers_used_up(app: Celery) -> None:
    async def both() -> list[Any]:
        async with aiohttp.ClientSession() as session:

            async def ask() -> int:
                async with session.get(URL) as response:
                    return response.status

            return await asyncio.gather(ask(), ask(), return_exceptions=True)

    with Bench(app) as bench:
        bench.http("GET", URL, times=1)
        first, second = asyncio.run(both())
    assert (first, type(second)) == (200, NetworkRefused)


# --- what was asked ----------------------------------------------------------------------------------------


def test_what_tasks_asked_can_be_looked_at_also_when_the_bench_is_closed(app: Celery) -> None:
    def charge() -> None:
        requests.post(URL, json={"customer": 7}, headers={"Idempotency-Key": "k-7"}, timeout=5)
        requests.get(URL, params={"customer": 7}, timeout=5)

    task = define(app, charge)
    with Bench(app) as bench:
        bench.http("POST", URL, status=201)
        bench.http("GET", URL)
        result = task.delay()
        bench.drain()
    posted, got = bench.http.requests()
    assert repr(posted) == f"<Request POST {URL} → 201 by shop.charge>"
    assert (posted.method, posted.url, posted.json, posted.text) == ("POST", URL, {"customer": 7}, '{"customer": 7}')
    assert (posted.headers["Idempotency-Key"], posted.headers.get("idempotency-key")) == ("k-7", "k-7")
    assert ("IDEMPOTENCY-KEY" in posted.headers, "Cookie" in posted.headers) == (True, False)
    assert (posted.task, posted.task_id, posted.status) == ("shop.charge", result.id, 201)
    assert posted.where.startswith("tests/bench/effects/test_http_declared.py:")
    assert (got.params, got.json) == ({"customer": "7"}, None)
    assert bench.http.requests("post") == [posted]
    assert bench.http.requests(url="*?customer=7") == [got]
    assert bench.http.requests("PUT") == []


def test_a_failed_request_is_listed_with_its_outcome(app: Celery) -> None:
    def charge() -> None:
        requests.post(URL, data={"amount": 7}, timeout=5)

    task = define(app, charge)
    with Bench(app, failures="collect") as bench:
        bench.http("POST", URL, fails="refused")
        task.delay()
        bench.drain()
    (request,) = bench.http.requests()
    assert repr(request) == f"<Request POST {URL} (failed) by shop.charge>"
    assert (request.form, request.status) == ({"amount": "7"}, None)


# --- what cannot be declared -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"url": "api.example.com/charges"}, r"'api\.example\.com/charges' is no whole address of HTTP\n  hint: write"),
        ({"url": "ftp://example.com"}, "no whole address"),
        ({"url": "https://[::1"}, "is no address: Invalid IPv6 URL"),
        ({"status": 99}, "99 is no status of an answer\n  hint: give a whole number from 200 to 599"),
        ({"status": True}, "True is no status"),
        ({"json": {1}}, r"\{1\} cannot become JSON: Object of type set is not JSON serializable\n  hint: give what"),
        ({"json": 1, "body": "1"}, "declared with body and json, and has one content\n  hint: leave out json=, or"),
        ({"respond": len, "fails": "timeout"}, "declared with respond and fails"),
        ({"fails": "500"}, "fails='500' is no way in which a request fails\n  hint: use one of 'timeout', 'refused', "),
        ({"times": 0}, "times=0 is no number of requests\n  hint: give 1 or more"),
        ({"delay": -1}, "delay=-1 is in the past\n  hint: give the seconds"),
    ],
)
def test_an_answer_that_cannot_be(app: Celery, given: dict[str, Any], text: str) -> None:
    with Bench(app) as bench, pytest.raises(SetupError, match=text):
        bench.http("GET", **{"url": URL, **given})


def test_null_is_json_too(app: Celery) -> None:
    with Bench(app) as bench:
        bench.http("GET", URL, json=None)
        assert requests.get(URL, timeout=5).json() is None


def test_answers_are_declared_while_the_bench_is_open_and_end_with_it(app: Celery) -> None:
    bench = Bench(app)
    with pytest.raises(NotOpen, match="not open"):
        bench.http("GET", URL)
    with bench:
        bench.http("GET", URL)
    with bench, pytest.raises(NetworkRefused, match="no real host"):
        http_clients.with_requests("GET", URL)
