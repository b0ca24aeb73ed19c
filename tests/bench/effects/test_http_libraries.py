"""What is a library's own stays its own: retries, redirects, sessions, proxies, warnings."""

from __future__ import annotations

import asyncio
import http.client
import io
import socket
import ssl
import sys
import urllib.parse
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import urllib3
from celery import Celery
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from coldframe import Bench

sys.path.insert(0, str(Path(__file__).parent))

from http_server import real_server
from watching import answer, define, error_of, gate_of, told, touched

URL = "https://api.example.com/charges"
EFFECT = "http.request"


def run(
    app: Celery, charge: Any, *, failing: Any = None, failures: Any = "raise", **declared: Any
) -> tuple[Bench, Any]:
    """Run a task with the body of a function against one declared answer; the closed bench, and its result."""
    task = define(app, charge)
    with Bench(app, failures=failures) as bench:
        bench.http("*", f"{URL}*", **declared)
        if failing:
            gate_of(bench).before.append(failing)
        result = task.delay()
        bench.drain()
        return bench, result.result


def retrying(**options: Any) -> requests.Session:
    session = requests.Session()
    session.mount("https://", HTTPAdapter(max_retries=Retry(**options)))
    return session


# --- retries -----------------------------------------------------------------------------------------------


def test_retries_of_urllib3_ask_again_after_the_time_that_the_server_names(app: Celery) -> None:
    def charge() -> int:
        with retrying(total=2, status_forcelist=[429], allowed_methods=None) as session:
            return session.post(URL, json={}, timeout=5).status_code

    task = define(app, charge)
    with Bench(app) as bench:
        bench.http("POST", URL, status=429, headers={"Retry-After": "30"}, times=2)
        bench.http("POST", URL, status=201)
        started = bench.now
        result = task.delay()
        bench.drain()
        assert (result.get(), bench.now - started) == (201, timedelta(seconds=60))
    assert [request.status for request in bench.http.requests()] == [429, 429, 201]


def test_retries_of_urllib3_end_in_the_error_of_requests(app: Celery) -> None:
    def charge() -> int:
        with retrying(total=2, status_forcelist=[500], allowed_methods=None) as session:
            return session.post(URL, json={}, timeout=5).status_code

    bench, error = run(app, charge, failures="collect", status=500)
    assert isinstance(error, requests.exceptions.RetryError)
    assert [event.details["status"] for event in touched(bench)] == [500, 500, 500]


@pytest.mark.parametrize(
    ("failure", "options", "tries"),
    [
        ("refused", {"connect": 2, "read": 0}, 3),
        ("refused", {"connect": 0, "read": 2}, 1),
        ("connection lost", {"connect": 2, "read": 0}, 1),
        ("connection lost", {"connect": 0, "read": 2}, 3),
        ("timeout", {"connect": 0, "read": 1}, 2),
    ],
)
def test_retries_of_urllib3_tell_connecting_from_reading(
    app: Celery, failure: str, options: dict[str, int], tries: int
) -> None:
    def charge() -> int:
        with retrying(allowed_methods=None, **options) as session:
            return session.post(URL, json={}, timeout=5).status_code

    bench, error = run(app, charge, failures="collect", fails=failure)
    assert isinstance(error, requests.exceptions.ConnectionError)
    assert told(bench) == [f"http.request POST {URL} (failed)"] * tries


def test_a_retry_after_one_failure_succeeds(app: Celery) -> None:
    def charge() -> int:
        with retrying(total=1, allowed_methods=None) as session:
            return session.post(URL, json={}, timeout=5).status_code

    def fail_first(touch: Any) -> None:
        if touch.effect == EFFECT and not failed:
            failed.append(touch)
            touch.answer = touch.failures["connection lost"]()

    failed: list[Any] = []
    bench, status = run(app, charge, failing=fail_first, status=201)
    assert status == 201
    assert [event.outcome for event in touched(bench)] == ["failed", "done"]


def test_raise_for_status_raises_for_a_broken_answer(app: Celery) -> None:
    def with_requests() -> None:
        requests.post(URL, timeout=5).raise_for_status()

    def with_httpx() -> None:
        httpx.post(URL).raise_for_status()

    def with_aiohttp() -> None:
        async def ask() -> None:
            async with aiohttp.ClientSession(raise_for_status=True) as session:
                await session.post(URL)

        asyncio.run(ask())

    errors = []
    for body in (with_requests, with_httpx, with_aiohttp):
        task = define(app, body)
        with Bench(app, failures="collect") as bench:
            bench.http("POST", URL)
            answer(bench, EFFECT, "429")
            task.delay()
            bench.drain()
        errors.append(error_of(bench))
    first, second, third = errors
    assert isinstance(first, requests.HTTPError)
    assert isinstance(second, httpx.HTTPStatusError)
    assert isinstance(third, aiohttp.ClientResponseError)
    assert first.response.headers["Retry-After"] == second.response.headers["Retry-After"] == "1"
    assert third.headers is not None
    assert third.headers["Retry-After"] == "1"


# --- redirects and sessions --------------------------------------------------------------------------------


def test_each_hop_of_a_redirect_is_a_request(app: Celery) -> None:
    def with_requests() -> str:
        return requests.get(URL, timeout=5).text

    def with_httpx() -> str:
        return httpx.get(URL, follow_redirects=True).text

    def with_urllib() -> str:
        with urllib.request.urlopen(URL) as response:
            return response.read().decode()

    def with_aiohttp() -> str:
        async def ask() -> str:
            async with aiohttp.ClientSession() as session, session.get(URL) as response:
                return await response.text()

        return asyncio.run(ask())

    for body in (with_requests, with_httpx, with_urllib, with_aiohttp):
        task = define(app, body)
        with Bench(app) as bench:
            bench.http("GET", URL, status=302, headers={"Location": "/paid"})
            bench.http("GET", "https://api.example.com/paid", body="thank you")
            result = task.delay()
            bench.drain()
            assert result.get() == "thank you"
        assert told(bench) == [f"http.request GET {URL}", "http.request GET https://api.example.com/paid"]


SESSION = requests.Session()
CLIENT = httpx.Client()
POOL = urllib3.PoolManager()


def test_a_session_of_a_module_outlives_the_bench(app: Celery) -> None:
    def charge() -> list[int]:
        return [
            *(SESSION.post(URL, timeout=5).status_code for _ in range(2)),
            *(CLIENT.post(URL).status_code for _ in range(2)),
            *(POOL.request("POST", URL).status for _ in range(2)),
        ]

    task = define(app, charge)
    for _ in range(2):
        with Bench(app) as bench:
            bench.http("POST", URL, status=201)
            result = task.delay()
            bench.drain()
            assert result.get() == [201] * 6
        assert told(bench) == [f"http.request POST {URL}"] * 6
    with real_server() as server:
        assert SESSION.post(server.url, data=b"7", timeout=5).content == b"7"
        assert CLIENT.post(server.url, content=b"7").content == b"7"
        assert POOL.request("POST", server.url, body=b"7").data == b"7"
        for pool in (SESSION, CLIENT):
            pool.close()
        POOL.clear()


def test_a_connection_that_was_kept_is_recorded_too(app: Celery) -> None:
    with real_server() as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)

        def charge() -> list[str]:
            contents = []
            for amount in ("7", "8"):
                connection.request("POST", "/", body=amount)
                contents.append(connection.getresponse().read().decode())
            return contents

        task = define(app, charge)
        with Bench(app) as bench:
            result = task.delay()
            bench.drain()
            assert result.get() == ["7", "8"]
            assert connection.sock is not None
        connection.close()
    assert [(event.details["body"], event.details["status"]) for event in touched(bench)] == [("7", 201), ("8", 201)]


def test_requests_to_a_real_server_are_recorded_one_by_one_also_in_one_loop(app: Celery) -> None:
    with real_server() as server:

        async def all_of_them() -> list[int]:
            async with httpx.AsyncClient() as client, aiohttp.ClientSession() as session:

                async def with_aiohttp(number: int) -> int:
                    async with session.post(f"{server.url}/{number}", data=b"x" * number) as response:
                        return response.status

                async def with_httpx(number: int) -> int:
                    return (await client.post(f"{server.url}/{number}", content=b"x" * number)).status_code

                return await asyncio.gather(*(ask(number) for number in (1, 2) for ask in (with_httpx, with_aiohttp)))

        def charge() -> list[int]:
            return asyncio.run(all_of_them())

        task = define(app, charge)
        with Bench(app) as bench:
            result = task.delay()
            bench.drain()
            assert result.get() == [201] * 4
        assert sorted(server.asked) == [("POST", f"/{number}", b"x" * number) for number in (1, 1, 2, 2)]
        whats = [f"POST {server.url}/{number}" for number in (1, 1, 2, 2)]
    assert sorted(event.what for event in touched(bench)) == whats


def test_a_warning_about_a_certificate_that_nobody_checks_stays(app: Celery) -> None:
    with Bench(app) as bench:
        bench.http("GET", URL)
        with pytest.warns(urllib3.exceptions.InsecureRequestWarning, match="host 'api.example.com'"):
            requests.get(URL, verify=False, timeout=5)
        assert requests.get(URL, timeout=5).status_code == 200
        context = ssl.create_default_context()
        with urllib3.PoolManager(ssl_context=context) as pool:
            assert pool.request("GET", URL).status == 200
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            urllib3.PoolManager(ssl_context=context) as pool,
            pytest.warns(urllib3.exceptions.InsecureRequestWarning, match="host 'api.example.com'"),
        ):
            pool.request("GET", URL)


def test_a_connection_that_was_opened_by_hand_is_one_like_the_others(app: Celery) -> None:
    with Bench(app) as bench:
        bench.http("GET", URL, body="paid")
        connection = http.client.HTTPSConnection("api.example.com")
        connection.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        assert connection.sock.gettimeout() is None
        connection.request("GET", "/charges")
        assert connection.getresponse().read() == b"paid"
        connection.connect()
        connection.close()
        assert connection.sock is None


def test_a_request_through_a_proxy_is_told_by_where_it_goes(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.internal:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.internal:3128")

    def charge() -> list[int]:
        plain = URL.replace("https", "http")
        return [ask(url).status_code for ask in (requests.get, httpx.get) for url in (URL, plain)]

    task = define(app, charge)
    with Bench(app) as bench:
        bench.http("GET", "*://api.example.com/charges")
        result = task.delay()
        bench.drain()
        assert result.get() == [200] * 4
    assert told(bench) == [f"http.request GET {url}" for _ in range(2) for url in (URL, URL.replace("https", "http"))]


# --- transports that users bring ---------------------------------------------------------------------------


def test_transports_of_the_user_are_left_alone(app: Celery) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(418))

    class Teapot(requests.adapters.BaseAdapter):
        def send(self, request: Any, **options: Any) -> Any:
            response = requests.Response()
            response.status_code, response.raw, response.url = 418, io.BytesIO(), request.url
            return response

        def close(self) -> None:
            """Nothing is open."""

    def charge() -> list[int]:
        with httpx.Client(transport=transport) as client, requests.Session() as session:
            session.mount("https://", Teapot())
            return [client.get(URL).status_code, session.get(URL, timeout=5).status_code]

    task = define(app, charge)
    with Bench(app) as bench:
        result = task.delay()
        bench.drain()
        assert result.get() == [418, 418]
    assert touched(bench) == []
