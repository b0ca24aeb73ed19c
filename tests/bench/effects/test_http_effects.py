"""Requests of HTTP that tasks make: recorded, answered as declared, broken where they can break, with every library."""

from __future__ import annotations

import http.client
import sys
import urllib.error
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import urllib3.exceptions
from celery import Celery

from coldframe import Bench, trace
from coldframe.errors import NetworkRefused
from coldframe.trace import Refused

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

import http_clients
from http_clients import CLIENTS, Ask
from http_server import real_server
from process_state import nothing_left
from watching import answer, define, error_of, gate_of, kill, outcomes, touched

URL = "https://api.example.com/charges"
EFFECT = "http.request"

every_client = pytest.mark.parametrize("ask", CLIENTS, ids=lambda ask: ask.__name__)


def asking(app: Celery, ask: Ask, *args: Any, **options: Any) -> Any:
    """A task that makes one request, and returns what was answered."""

    def charge() -> Any:
        status, content = ask(*args, **options)
        return [status, content.decode()]

    return define(app, charge)


def charging(app: Celery, ask: Ask) -> Any:
    return asking(app, ask, "POST", URL, body=b'{"amount": 7}', headers={"Idempotency-Key": "k-1"})


@every_client
def test_a_request_is_an_effect_with_all_that_was_asked(app: Celery, ask: Ask) -> None:
    task = charging(app, ask)
    with Bench(app) as bench:
        bench.http("POST", URL, status=201, json={"id": 7})
        result = task.delay()
        bench.drain()
        assert result.get() == [201, '{"id": 7}']
    (event,) = touched(bench)
    assert (event.effect, event.what, event.outcome) == (EFFECT, f"POST {URL}", "done")
    assert event.where.startswith("tests/bench/effects/http_clients.py:")
    details = dict(event.details)
    headers = details.pop("headers")
    assert details == {"method": "POST", "url": URL, "body": '{"amount": 7}', "status": 201}
    assert headers["idempotency-key"] == "k-1"
    assert list(headers) == sorted(headers)
    assert {"user-agent", "host", "content-length", "accept-encoding", "connection"}.isdisjoint(headers)
    assert event.failures == ("timeout", "refused", "connection lost", "500", "429")


@every_client
def test_a_request_that_only_reads_is_marked_as_safe(app: Celery, ask: Ask) -> None:
    task = asking(app, ask, "GET", f"{URL}?page=2")
    with Bench(app) as bench:
        bench.http("GET", URL, json=[])
        task.delay()
        bench.drain()
    (event,) = touched(bench)
    assert event.what == f"GET {URL}?page=2"
    assert (event.details["safe"], event.details["body"]) == (True, "")


@every_client
def test_two_runs_have_the_same_trace(app: Celery, ask: Ask) -> None:
    task = charging(app, ask)
    texts = []
    for _ in range(2):
        with Bench(app) as bench:
            bench.http("POST", URL, status=201)
            task.delay()
            bench.drain()
            texts.append(trace.dumps(bench.trace))
    assert texts[0] == texts[1]


# --- what it refuses ---------------------------------------------------------------------------------------


@every_client
def test_an_undeclared_host_is_refused_and_the_hint_names_the_call_that_declares_it(app: Celery, ask: Ask) -> None:
    task = charging(app, ask)
    with Bench(app, failures="collect") as bench:
        task.delay()
        bench.drain()
    error = error_of(bench)
    assert type(error) is NetworkRefused
    assert str(error) == (
        "task shop.charge reached for api.example.com:443, and a bench reaches no real host: "
        "POST https://api.example.com/charges\n"
        '  hint: declare its answer: bench.http("POST", "https://api.example.com/charges", status=200, json={...}); '
        "or, if the test needs it for real, allow it by name: Bench(app, allow=['api.example.com'])"
    )
    (refused,) = (event for event in bench.trace if isinstance(event, Refused))
    assert (refused.address, refused.by) == ("api.example.com:443", "celery/1")
    assert touched(bench) == []


@every_client
def test_another_method_of_a_declared_address_is_refused(app: Celery, ask: Ask) -> None:
    with Bench(app) as bench:
        bench.http("GET", URL)
        with pytest.raises(
            NetworkRefused, match=r"^test reached .* \(declared are GET https://api\.example\.com/charges\)"
        ):
            ask("POST", URL)


@every_client
def test_answers_that_are_used_up_are_told(app: Celery, ask: Ask) -> None:
    with Bench(app) as bench:
        bench.http("GET", URL, times=2)
        assert [ask("GET", URL)[0], ask("GET", URL)[0]] == [200, 200]
        with pytest.raises(NetworkRefused, match=r"charges \(its declared answers were used up by 2 before\)\n"):
            ask("GET", URL)


def test_a_redirect_to_an_undeclared_host_is_refused(app: Celery) -> None:
    for ask in (http_clients.with_requests, http_clients.with_aiohttp, http_clients.with_urllib):
        with Bench(app) as bench:
            bench.http("GET", URL, status=302, headers={"Location": "https://elsewhere.example.com/"})
            with pytest.raises(NetworkRefused, match=r'bench\.http\("GET", "https://elsewhere\.example\.com/"'):
                ask("GET", URL)


def test_a_hint_stays_readable_where_a_library_wraps_the_refusal(app: Celery) -> None:
    with Bench(app), requests.Session() as session:
        request = session.prepare_request(requests.Request("GET", URL))
        adapter = requests.adapters.HTTPAdapter.send.__wrapped__  # as if another library had put the original back
        with pytest.raises(requests.ConnectionError, match=r'declare its answer: bench\.http\("GET", "https://api'):
            adapter(session.get_adapter(URL), request)


# --- how it fails ------------------------------------------------------------------------------------------

LOST = "Remote end closed connection without response"
FAILURES: list[tuple[str, str, type[BaseException], str]] = [
    ("with_requests", "timeout", requests.exceptions.ReadTimeout, r"Read timed out\. \(read timeout=30\)"),
    ("with_requests", "refused", requests.exceptions.ConnectionError, r"Max retries .* Connection refused"),
    ("with_requests", "connection lost", requests.exceptions.ConnectionError, LOST),
    ("with_urllib3", "timeout", urllib3.exceptions.ReadTimeoutError, r"Read timed out\."),
    ("with_urllib3", "refused", urllib3.exceptions.NewConnectionError, r"Connection refused"),
    ("with_urllib3", "connection lost", urllib3.exceptions.ProtocolError, LOST),
    ("with_urllib", "timeout", TimeoutError, "^timed out$"),
    ("with_urllib", "refused", urllib.error.URLError, r"^<urlopen error \[Errno 111\] Connection refused>$"),
    ("with_urllib", "connection lost", http.client.RemoteDisconnected, LOST),
    ("with_http_client", "timeout", TimeoutError, "^timed out$"),
    ("with_http_client", "refused", ConnectionRefusedError, r"^\[Errno 111\] Connection refused$"),
    ("with_http_client", "connection lost", http.client.RemoteDisconnected, LOST),
    ("with_httpx", "timeout", httpx.ReadTimeout, "^The read operation timed out$"),
    ("with_httpx", "refused", httpx.ConnectError, r"^\[Errno 111\] Connection refused$"),
    ("with_httpx", "connection lost", httpx.RemoteProtocolError, "^Server disconnected without"),
    ("with_httpx_async", "timeout", httpx.ReadTimeout, "^$"),
    ("with_httpx_async", "refused", httpx.ConnectError, "^All connection attempts failed$"),
    ("with_httpx_async", "connection lost", httpx.RemoteProtocolError, "^Server disconnected without"),
    ("with_aiohttp", "timeout", aiohttp.SocketTimeoutError, "^Timeout on reading data from socket$"),
    ("with_aiohttp", "refused", aiohttp.ClientConnectorError, r"^Cannot connect to host api\.example\.com:443 ssl:"),
    ("with_aiohttp", "connection lost", aiohttp.ServerDisconnectedError, "^Server disconnected$"),
]


@pytest.mark.parametrize(("client", "failure", "kind", "text"), FAILURES)
def test_a_failure_is_the_real_exception_of_the_library(
    app: Celery, client: str, failure: str, kind: type[BaseException], text: str
) -> None:
    reached: list[str] = []
    with Bench(app) as bench:
        bench.http("POST", URL, respond=lambda request: reached.append(request.method))
        answer(bench, EFFECT, failure)
        seen: list[BaseException] = []

        def charge() -> None:
            try:
                getattr(http_clients, client)("POST", URL, body=b"7")
            except Exception as error:
                seen.append(error)

        define(app, charge).delay()
        bench.drain()
    (error,) = seen
    assert type(error) is kind
    with pytest.raises(kind, match=text):
        raise error
    (event,) = touched(bench)
    assert (event.outcome, reached) == ("failed", [])


@pytest.mark.parametrize(("client", "failure", "kind", "text"), FAILURES)
def test_a_declared_failure_is_the_same(
    app: Celery, client: str, failure: str, kind: type[BaseException], text: str
) -> None:
    with Bench(app) as bench:
        bench.http("POST", URL, fails=failure)
        with pytest.raises(kind, match=text):
            getattr(http_clients, client)("POST", URL, body=b"7")


@every_client
@pytest.mark.parametrize(("failure", "status"), [("500", 500), ("429", 429)])
def test_an_answer_that_means_failure_is_a_real_response(app: Celery, ask: Ask, failure: str, status: int) -> None:
    task = charging(app, ask)
    with Bench(app) as bench:
        bench.http("POST", URL, status=201)
        answer(bench, EFFECT, failure)
        result = task.delay()
        bench.drain()
        assert result.get()[0] == status
    (event,) = touched(bench)
    assert (event.details["status"], event.outcome) == (status, "failed")


@every_client
def test_a_failure_after_the_deed_reaches_the_client_all_the_same(app: Celery, ask: Ask) -> None:
    reached: list[str] = []
    task = charging(app, ask)

    def lose_the_answer(touch: Any) -> None:
        if touch.effect == EFFECT:
            touch.error = touch.failures["timeout"]()

    with Bench(app, failures="collect") as bench:
        bench.http("POST", URL, respond=lambda request: reached.append(request.text))
        gate_of(bench).before.append(lose_the_answer)
        task.delay()
        bench.drain()
    assert (reached, outcomes(bench)) == (['{"amount": 7}'], ["FAILURE"])
    assert [event.outcome for event in touched(bench)] == ["unknown"]


@every_client
def test_a_server_may_have_served_what_it_answers_with_500(app: Celery, ask: Ask) -> None:
    reached: list[str] = []
    with real_server() as server:

        def charge() -> list[int]:
            return [ask("POST", url, body=b"7")[0] for url in (URL, server.url)]

        task = define(app, charge)
        with Bench(app) as bench:
            bench.http("POST", URL, respond=lambda request: reached.append(request.text))
            for nth in (1, 2):
                bench.break_at(EFFECT, "unknown: 500", nth=nth)
            result = task.delay()
            bench.drain()
            assert result.get() == [500, 500]
        assert ([body for _, _, body in server.asked], reached) == ([b"7"], ["7"])
    assert [(event.details["status"], event.outcome) for event in touched(bench)] == [(500, "unknown")] * 2


# --- processes that die ------------------------------------------------------------------------------------


@every_client
def test_killed_before_a_request_the_server_never_hears_of_it(app: Celery, ask: Ask) -> None:
    with real_server() as server:
        task = asking(app, ask, "POST", f"{server.url}/charges", body=b"7")
        with Bench(app, failures="collect") as bench:
            kill(bench, "before", EFFECT)
            task.delay()
            bench.drain()
        assert (server.asked, touched(bench)) == ([], [])
        assert outcomes(bench) == ["LOST"]


@every_client
def test_killed_after_a_request_the_server_has_served_it(app: Celery, ask: Ask) -> None:
    with real_server() as server:
        task = asking(app, ask, "POST", f"{server.url}/charges", body=b"7")
        with Bench(app, failures="collect") as bench:
            kill(bench, "after", EFFECT)
            task.delay()
            bench.drain()
        assert server.asked == [("POST", "/charges", b"7")]
        assert ([event.details["status"] for event in touched(bench)], outcomes(bench)) == ([201], ["LOST"])


# --- where nothing is recorded -----------------------------------------------------------------------------


@every_client
def test_a_request_of_the_test_itself_is_answered_and_is_no_effect(app: Celery, ask: Ask) -> None:
    with Bench(app) as bench:
        bench.http("POST", URL, status=201, json={"id": 7})
        assert ask("POST", URL) == (201, b'{"id": 7}')
        assert touched(bench) == []


@every_client
def test_all_is_put_back_when_the_bench_closes(app: Celery, ask: Ask) -> None:
    owners = [http.client.HTTPConnection, http.client.HTTPSConnection, urllib3.connection.HTTPConnection]
    owners += [urllib3.connection.HTTPSConnection, urllib3.HTTPConnectionPool, requests.adapters.HTTPAdapter]
    owners += [httpx.HTTPTransport, httpx.AsyncHTTPTransport, aiohttp.TCPConnector, aiohttp.ClientSession]
    before = [dict(vars(owner)) for owner in owners]
    with nothing_left(), Bench(app, failures="collect") as bench:
        bench.http("POST", URL, status=201)
        charging(app, ask).delay()
        bench.drain()
    assert [dict(vars(owner)) for owner in owners] == before
