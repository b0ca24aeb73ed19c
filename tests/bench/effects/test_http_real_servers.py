"""Servers that tasks may reach for real: asked as ever, recorded, and broken where they can break."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from coldframe import Bench, effect

sys.path.insert(0, str(Path(__file__).parent))

from http_clients import CLIENTS, Ask
from http_server import real_server
from watching import answer, define, outcomes, touched

URL = "https://api.example.com/charges"
EFFECT = "http.request"

every_client = pytest.mark.parametrize("ask", CLIENTS, ids=lambda ask: ask.__name__)


def asking(app: Celery, ask: Ask, *args: Any, **options: Any) -> Any:
    """A task that makes one request, and returns what was answered."""

    def charge() -> Any:
        status, content = ask(*args, **options)
        return [status, content.decode()]

    return define(app, charge)


@every_client
def test_a_server_that_may_be_reached_is_asked_and_recorded(app: Celery, ask: Ask) -> None:
    with real_server() as server:
        url = f"{server.url}/charges?try=1"
        task = asking(app, ask, "POST", url, body=b"7")
        with Bench(app) as bench:
            result = task.delay()
            bench.drain()
            assert result.get() == [201, "7"]
        assert server.asked == [("POST", "/charges?try=1", b"7")]
    (event,) = touched(bench)
    assert (event.what, event.details["status"], event.outcome) == (f"POST {url}", 201, "done")


@every_client
def test_a_declared_answer_goes_before_a_server_that_may_be_reached(app: Celery, ask: Ask) -> None:
    with real_server() as server:
        with Bench(app) as bench:
            bench.http("POST", f"{server.url}/charges", status=202)
            assert ask("POST", f"{server.url}/charges", body=b"7") == (202, b"")
            assert ask("POST", f"{server.url}/others", body=b"8") == (201, b"8")
        assert server.asked == [("POST", "/others", b"8")]


@every_client
def test_an_answer_of_a_real_server_can_be_broken_and_it_hears_of_nothing(app: Celery, ask: Ask) -> None:
    with real_server() as server:
        task = asking(app, ask, "POST", server.url, body=b"7")
        with Bench(app) as bench:
            answer(bench, EFFECT, "500")
            result = task.delay()
            bench.drain()
            assert result.get() == [500, "Internal Server Error"]
        assert server.asked == []


@every_client
def test_a_real_answer_that_is_lost_leaves_the_outcome_unknown(app: Celery, ask: Ask) -> None:
    with real_server() as server:
        task = asking(app, ask, "POST", f"{server.url}/lost", body=b"7")
        with Bench(app, failures="collect") as bench:
            task.delay()
            bench.drain()
        assert server.asked == [("POST", "/lost", b"7")]
    assert ([event.outcome for event in touched(bench)], outcomes(bench)) == (["unknown"], ["FAILURE"])


@every_client
def test_a_request_inside_another_effect_is_part_of_it(app: Celery, ask: Ask) -> None:
    with real_server() as server:

        def charge() -> list[int]:
            with effect("payment"):
                return [ask("POST", url)[0] for url in (URL, server.url)]

        task = define(app, charge)
        with Bench(app) as bench:
            bench.http("POST", URL, status=202)
            result = task.delay()
            bench.drain()
            assert result.get() == [202, 201]
    assert [event.effect for event in touched(bench)] == ["payment"]


@every_client
def test_other_threads_are_left_alone(app: Celery, ask: Ask) -> None:
    seen: list[Any] = []
    with real_server() as server:
        with Bench(app) as bench:
            bench.http("POST", server.url, status=500)
            thread = threading.Thread(target=lambda: seen.append(ask("POST", server.url, body=b"7")))
            thread.start()
            thread.join()
        assert seen == [(201, b"7")]
        assert touched(bench) == []


@every_client
def test_a_real_server_that_does_not_answer_fails_as_ever(app: Celery, ask: Ask) -> None:
    with real_server() as server:
        url = server.url
    seen: list[BaseException] = []

    def charge() -> None:
        try:
            ask("POST", url)
        except Exception as error:
            seen.append(error)

    task = define(app, charge)
    with Bench(app) as bench:
        task.delay()
        bench.drain()
    assert [event.outcome for event in touched(bench)] == ["failed"]
    charge()
    assert type(seen[0]) is type(seen[1])
