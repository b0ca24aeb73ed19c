"""What reached the outside in a run, and what the other side takes for the same."""

from __future__ import annotations

from typing import Any

import pytest

from coldframe._harden.ending import idempotency_key, said_else, sent_outside
from coldframe.trace import Touched


def request(method: str, **details: Any) -> Touched:
    url = "http://pay.example/charges"
    return Touched(0, 1, "http.request", f"{method} {url}", "node/1", details={"method": method, "url": url, **details})


def times(*events: Touched) -> list[int]:
    return [len(said) for said in sent_outside(events).values()]


def test_the_same_request_twice_is_two() -> None:
    assert times(request("POST", body="30"), request("POST", body="30")) == [2]


@pytest.mark.parametrize(
    "details",
    [
        {"headers": {"Idempotency-Key": "order 7"}},
        {"headers": [("x-idempotency-key", "order 7")]},
        {"body": '{"amount": 30, "idempotency_key": "order 7"}'},
        {"key": "order 7"},
    ],
)
def test_a_key_makes_it_one(details: dict[str, Any]) -> None:
    assert idempotency_key(details) == "order 7"
    assert times(request("POST", **details), request("POST", **details)) == [1]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_http_says_that_some_requests_twice_are_one(method: str) -> None:
    assert times(request(method, body="30"), request(method, body="30")) == [1]
    assert times(request(method, body="30"), request(method, body="31")) == [2]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"body": "30"}, {"body": "30"}, ""),
        (
            {"body": "30"},
            {"body": "31"},
            "body '31' instead of body '30'",
        ),
        ({"body": "30", "headers": {"X-Attempt": "1"}}, {"body": "30", "headers": {"X-Attempt": "2"}}, ""),
        ({"body": '{"at": 1767603600}'}, {"body": '{"at": 1767603605}'}, ""),
        ({"key": "order 7", "body": "first"}, {"key": "order 7", "body": "second"}, ""),
    ],
)
def test_what_is_said_otherwise_is_shown(before: dict[str, Any], after: dict[str, Any], told: str) -> None:
    assert said_else([before], [after]) == told


@pytest.mark.parametrize("body", ["{", "[1]", "7", None, {"base64": "AA=="}])
def test_any_other_content_has_no_key(body: Any) -> None:
    assert idempotency_key({"method": "POST", "body": body}) is None


@pytest.mark.parametrize("status", [400, 429, 500])
def test_what_a_server_refused_has_not_happened(status: int) -> None:
    assert times(request("POST", status=status)) == []
    assert times(request("POST", status=status), request("POST", status=201)) == [1]
