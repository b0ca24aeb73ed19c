"""Libraries of tests that answer requests go before what is declared, and what they are asked is recorded."""

from __future__ import annotations

import asyncio
import sys
import urllib.request
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import requests_mock
import responses
import respx
import urllib3
import vcr
from aioresponses import aioresponses
from celery import Celery
from requests.adapters import HTTPAdapter

from coldframe import Bench
from coldframe.errors import NetworkRefused

sys.path.insert(0, str(Path(__file__).parent))

from watching import answer, define, error_of, kill, outcomes, told, touched

URL = "https://api.example.com/charges"
EFFECT = "http.request"


def charge_with_requests() -> int:
    return requests.post(URL, json={"amount": 7}, timeout=5).status_code


def charge_with_httpx() -> int:
    return httpx.post(URL, json={"amount": 7}).status_code


def charge_with_httpx_async() -> int:
    async def ask() -> int:
        async with httpx.AsyncClient() as client:
            return (await client.post(URL, json={"amount": 7})).status_code

    return asyncio.run(ask())


def charge_with_aiohttp() -> int:
    async def ask() -> int:
        async with aiohttp.ClientSession() as session, session.post(URL, json={"amount": 7}) as response:
            return response.status

    return asyncio.run(ask())


#: aioresponses does not know yet what newer versions of aiohttp ask for.
RESPONSE = partial(aiohttp.ClientResponse, stream_writer=SimpleNamespace(output_size=0))  # type: ignore[arg-type]


class Mocking:
    """One library of tests, made to answer 202 inside a block."""

    def __init__(self, name: str, charge: Any, make: Any, declare: Any) -> None:
        self.name = name
        self.charge = charge
        self.make = make
        self.declare = declare


MOCKS = [
    Mocking("responses", charge_with_requests, responses.RequestsMock, lambda mock: mock.post(URL, status=202)),
    Mocking("requests_mock", charge_with_requests, requests_mock.Mocker, lambda mock: mock.post(URL, status_code=202)),
    Mocking("respx", charge_with_httpx, respx.mock, lambda mock: mock.post(URL).respond(202)),
    Mocking("respx async", charge_with_httpx_async, respx.mock, lambda mock: mock.post(URL).respond(202)),
    Mocking(
        "aioresponses",
        charge_with_aiohttp,
        aioresponses,
        lambda mock: mock.post(URL, status=202, response_class=RESPONSE),
    ),
]
every_mock = pytest.mark.parametrize("mocking", MOCKS, ids=lambda mocking: mocking.name)


@every_mock
def test_it_answers_inside_a_bench_and_is_recorded(app: Celery, mocking: Mocking) -> None:
    task = define(app, mocking.charge)
    with Bench(app) as bench, mocking.make() as mock:
        mocking.declare(mock)
        result = task.delay()
        bench.drain()
        assert result.get() == 202
    (event,) = touched(bench)
    assert (event.effect, event.what, event.details["status"]) == (EFFECT, f"POST {URL}", 202)
    assert event.where.startswith("tests/bench/effects/test_http_mocks.py:")
    assert bench.http.requests()[0].json == {"amount": 7}


@every_mock
def test_it_answers_the_test_itself_and_nothing_is_recorded(app: Celery, mocking: Mocking) -> None:
    with Bench(app) as bench, mocking.make() as mock:
        mocking.declare(mock)
        assert mocking.charge() == 202
        assert touched(bench) == []


@every_mock
def test_it_answers_around_a_bench_and_is_recorded(app: Celery, mocking: Mocking) -> None:
    task = define(app, mocking.charge)
    with mocking.make() as mock:
        mocking.declare(mock)
        with Bench(app) as bench:
            bench.http("POST", URL, status=500)
            result = task.delay()
            bench.drain()
            assert result.get() == 202
    assert told(bench) == [f"http.request POST {URL}"]


@every_mock
def test_it_is_not_asked_when_the_process_dies_before(app: Celery, mocking: Mocking) -> None:
    task = define(app, mocking.charge)
    with Bench(app, failures="collect") as bench, unfired(mocking.make) as mock:
        mocking.declare(mock)
        kill(bench, "before", EFFECT)
        task.delay()
        bench.drain()
    assert (touched(bench), outcomes(bench)) == ([], ["LOST"])


@every_mock
@pytest.mark.parametrize(("failure", "status"), [("500", 500), ("429", 429)])
def test_its_answer_can_be_broken(app: Celery, mocking: Mocking, failure: str, status: int) -> None:
    task = define(app, mocking.charge)
    with Bench(app) as bench, unfired(mocking.make) as mock:
        mocking.declare(mock)
        answer(bench, EFFECT, failure)
        result = task.delay()
        bench.drain()
        assert result.get() == status


@every_mock
def test_its_answer_can_be_broken_although_it_was_asked(app: Celery, mocking: Mocking) -> None:
    task = define(app, mocking.charge)
    with Bench(app) as bench, mocking.make() as mock:
        mocking.declare(mock)
        bench.break_at(EFFECT, "unknown: 500")
        result = task.delay()
        bench.drain()
        assert result.get() == 500
    assert [event.outcome for event in touched(bench)] == ["unknown"]


@every_mock
@pytest.mark.parametrize("failure", ["timeout", "refused", "connection lost"])
def test_it_can_fail_as_the_library_fails(app: Celery, mocking: Mocking, failure: str) -> None:
    task = define(app, mocking.charge)
    with Bench(app, failures="collect") as bench, unfired(mocking.make) as mock:
        mocking.declare(mock)
        answer(bench, EFFECT, failure)
        task.delay()
        bench.drain()
    kinds = {
        charge_with_requests: requests.RequestException,
        charge_with_aiohttp: aiohttp.ClientError,
    }
    assert isinstance(error_of(bench), kinds.get(mocking.charge, httpx.TransportError))
    assert [event.outcome for event in touched(bench)] == ["failed"]


def unfired(make: Any) -> Any:
    """A mock that does not mind if it is not asked."""
    if make is responses.RequestsMock:
        return make(assert_all_requests_are_fired=False)
    return make(assert_all_called=False) if make is respx.mock else make()


@pytest.mark.parametrize(("data", "body"), [("seven", "seven"), (b"seven", "seven"), (None, "")])
def test_what_aioresponses_is_asked_is_recorded_as_far_as_it_knows(app: Celery, data: Any, body: str) -> None:
    def charge() -> None:
        async def ask() -> None:
            async with aiohttp.ClientSession() as session:
                await session.put(URL, data=data, headers={"Idempotency-Key": "k-1"})

        asyncio.run(ask())

    task = define(app, charge)
    with Bench(app) as bench, aioresponses() as mock:
        mock.put(URL, status=202, response_class=RESPONSE)
        task.delay()
        bench.drain()
    (event,) = touched(bench)
    assert (event.details["body"], event.details["headers"]["idempotency-key"]) == (body, "k-1")


def test_a_mock_that_ends_after_the_bench_leaves_nothing_that_matters(app: Celery) -> None:
    before = HTTPAdapter.send
    mock = responses.RequestsMock(assert_all_requests_are_fired=False)
    with Bench(app):
        mock.start()
    mock.stop()
    try:
        with Bench(app) as bench:
            bench.http("POST", URL, status=201)
            assert charge_with_requests() == 201
    finally:
        HTTPAdapter.send = before


def test_a_mock_that_ends_inside_the_bench_hands_over_to_it(app: Celery) -> None:
    mock = responses.RequestsMock(assert_all_requests_are_fired=False)
    mock.start()
    with Bench(app) as bench:
        mock.stop()
        bench.http("POST", URL, status=201)
        assert charge_with_requests() == 201
        with pytest.raises(requests.ConnectionError, match="test reached for elsewhere"):
            requests.get("https://elsewhere.example.com", timeout=5)


def test_what_a_mock_passes_on_is_answered_as_declared(app: Celery) -> None:
    task = define(app, charge_with_requests)
    with Bench(app) as bench, responses.RequestsMock() as mock:
        mock.add_passthru("https://api.example.com")
        bench.http("POST", URL, status=201)
        result = task.delay()
        bench.drain()
        assert result.get() == 201
    assert told(bench) == [f"http.request POST {URL}"]


def test_what_no_mock_knows_fails_as_it_says(app: Celery) -> None:
    with Bench(app), respx.mock, pytest.raises(respx.models.AllMockedAssertionError, match="not mocked"):
        charge_with_httpx()
    with Bench(app), aioresponses(), pytest.raises(aiohttp.ClientConnectionError, match="Connection refused: POST"):
        charge_with_aiohttp()
    with Bench(app), aioresponses(passthrough_unmatched=True), pytest.raises(NetworkRefused, match="no real host"):
        charge_with_aiohttp()


def get_with_requests() -> int:
    return requests.get(URL, timeout=5).status_code


def get_with_urllib3() -> int:
    with urllib3.PoolManager() as pool:
        return pool.request("GET", URL).status


def get_with_urllib() -> int:
    with urllib.request.urlopen(URL, timeout=5) as response:
        return response.status


def get_with_httpx() -> int:
    return httpx.get(URL).status_code


CASSETTE = """\
version: 1
interactions:
- request: {method: GET, uri: "https://api.example.com/charges", body: null, headers: {}}
  response: {status: {code: 202, message: Accepted}, headers: {content-type: [text/plain]}, body: {string: paid}}
"""


@pytest.mark.parametrize("get", [get_with_requests, get_with_urllib3, get_with_urllib, get_with_httpx])
def test_a_cassette_is_played(app: Celery, tmp_path: Path, get: Any) -> None:
    path = tmp_path / "charges.yaml"
    path.write_text(CASSETTE)
    task = define(app, get)
    with Bench(app) as bench, vcr.use_cassette(str(path), record_mode="none"):
        result = task.delay()
        bench.drain()
        assert result.get() == 202
    with vcr.use_cassette(str(path), record_mode="none"), Bench(app) as bench:
        result = task.delay()
        bench.drain()
        assert result.get() == 202
