"""Addresses of HTTP requests in one form, and patterns that they are compared with."""

from __future__ import annotations

import re
from collections import Counter
from urllib.parse import parse_qsl, unquote, urlsplit

from coldframe.errors import SetupError

PORTS = {"http": 80, "https": 443}

#: How near to one single address a pattern is; the nearest one answers.
ANY, EXACT, EXACT_WITH_QUERY = range(3)


def normal(url: str) -> str:
    """The address without what does not reach the server, or is meant anyway: user, fragment, default port."""
    parts = urlsplit(url)
    scheme, query = parts.scheme.lower(), f"?{parts.query}" if parts.query else ""
    return f"{scheme}://{_netloc(scheme, parts.hostname, parts.port)}{parts.path or '/'}{query}"


def joined(scheme: str, host: str, port: int | None, target: str) -> str:
    """The address that a request line asks for over a connection; a proxy is asked for whole addresses."""
    if target.startswith(("http://", "https://")):
        return normal(target)
    return normal(f"{scheme}://{_netloc(scheme, host.strip('[]'), port)}{target}")


def host_and_port(url: str) -> tuple[str, int]:
    """Which server an address is on."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)


def origin(url: str) -> str:
    """The address of the server alone."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _netloc(scheme: str, host: str | None, port: int | None) -> str:
    host = (host or "").lower()
    if ":" in host:
        host = f"[{host}]"
    return host if port in (None, PORTS.get(scheme)) else f"{host}:{port}"


class UrlPattern:
    """An address as a test declares it.

    Args:
        given: A whole address: one without a query stands for any query, and the parameters of a query must all be
            asked for, beside others. Or one with `*` for any text, or a compiled regular expression to be found.
    """

    def __init__(self, given: str | re.Pattern[str]) -> None:
        self.given = given
        self.rank = ANY
        self._found: re.Pattern[str] | None = None
        if isinstance(given, re.Pattern):
            self._found = given
        elif "*" in given:
            self._found = re.compile(rf"\A{'.*'.join(map(re.escape, given.split('*')))}\Z", re.DOTALL)
        else:
            self._place, self._params = _parsed(given)
            self.rank = EXACT_WITH_QUERY if self._params else EXACT

    def matches(self, url: str) -> bool:
        """Whether a normal address is meant."""
        if self._found is not None:
            return self._found.search(url) is not None
        place, params = _parts(url)
        return place == self._place and self._params <= params


def _parsed(given: str) -> tuple[str, Counter[tuple[str, str]]]:
    try:
        url = normal(given)
    except ValueError as error:
        raise SetupError(
            f"{given!r} is no address: {error}", hint="write it as 'https://api.example.com/charges'"
        ) from error
    if urlsplit(url).scheme not in PORTS or not urlsplit(url).netloc:
        raise SetupError(
            f"{given!r} is no whole address of HTTP",
            hint="write it as 'https://api.example.com/charges', or with * for any text: '*/charges'",
        )
    return _parts(url)


def _parts(url: str) -> tuple[str, Counter[tuple[str, str]]]:
    parts = urlsplit(url)
    return f"{origin(url)}{unquote(parts.path)}", Counter(parse_qsl(parts.query, keep_blank_values=True))
