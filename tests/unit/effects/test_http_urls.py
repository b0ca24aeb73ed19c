"""Addresses in their normal form."""

from __future__ import annotations

import pytest

from coldframe._effects.http_urls import host_and_port, joined, normal, origin


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://api.example.com", "https://api.example.com/"),
        ("HTTPS://API.Example.com:443/Charges?Page=2#top", "https://api.example.com/Charges?Page=2"),
        ("http://ada:secret@api.example.com:80/", "http://api.example.com/"),
        ("http://api.example.com:8080/", "http://api.example.com:8080/"),
        ("http://[::1]:8080/a%20b", "http://[::1]:8080/a%20b"),
        ("http://[::1]:80/", "http://[::1]/"),
    ],
)
def test_what_does_not_reach_the_server_is_left_out(given: str, expected: str) -> None:
    assert normal(given) == expected
    assert normal(expected) == expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("https", "api.example.com", 443, "/charges?page=2"), "https://api.example.com/charges?page=2"),
        (("http", "localhost", 8000, "/"), "http://localhost:8000/"),
        (("http", "::1", 8000, "/"), "http://[::1]:8000/"),
        (("http", "[::1]", None, "/"), "http://[::1]/"),
        (("http", "proxy.internal", 3128, "http://api.example.com/charges"), "http://api.example.com/charges"),
    ],
)
def test_what_a_connection_asks_for(parts: tuple[str, str, int | None, str], expected: str) -> None:
    assert joined(*parts) == expected


def test_the_server_of_an_address() -> None:
    assert host_and_port("https://api.example.com/charges") == ("api.example.com", 443)
    assert host_and_port("http://[::1]:8000/") == ("::1", 8000)
    assert origin("http://[::1]:8000/charges?page=2") == "http://[::1]:8000"
