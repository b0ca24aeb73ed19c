"""Requests of `http.client`, and of all that is built on it: urllib, urllib3, requests.

Their connections get a `Line` for a socket, so everything above the socket is theirs. What nobody may answer is refused
at the front door of each library, where it does not yet turn errors of the connection into its own.
"""

from __future__ import annotations

import ssl
import sys
from contextlib import ExitStack
from typing import Any
from urllib.error import URLError

from coldframe._effects.http_exchange import Http
from coldframe._effects.http_line import Line, url_of
from coldframe._effects.http_patching import library_of, wrap
from coldframe._effects.http_urls import joined, normal

#: vcrpy, which brings connections of its own.
CASSETTES = "vcr"


def patch_http_client(stack: ExitStack, http: Http, module: Any) -> None:
    """Give connections of the standard library a line for a socket."""

    def put_request(original: Any) -> Any:
        def putrequest(connection: Any, method: str, url: str, *args: Any, **options: Any) -> Any:
            if http.on_bench():
                _begin(http, connection, method, url_of(connection, url or "/"))
            return original(connection, method, url, *args, **options)

        return putrequest

    wrap(stack, module.HTTPConnection, "putrequest", put_request)
    _patch_connect(stack, http, module)


def patch_urllib3_connections(stack: ExitStack, http: Http, module: Any) -> None:
    """Give connections of urllib3 a line for a socket."""
    _patch_connect(stack, http, module)


def patch_urllib3_pools(stack: ExitStack, http: Http, module: Any) -> None:
    """Refuse before urllib3 tries again."""

    def url_open(original: Any) -> Any:
        def urlopen(pool: Any, method: str, url: str, *args: Any, **options: Any) -> Any:
            if http.on_bench() and library_of(original) == "urllib3" and not _plays_cassettes(pool):
                http.check(method, joined(pool.scheme, pool.host, pool.port, url))
            return original(pool, method, url, *args, **options)

        return urlopen

    wrap(stack, module.HTTPConnectionPool, "urlopen", url_open)


def patch_requests(stack: ExitStack, http: Http, module: Any) -> None:
    """Refuse before requests makes a `ConnectionError` of it, which tasks catch and try again."""

    def send(original: Any) -> Any:
        def checked(adapter: Any, request: Any, *args: Any, **options: Any) -> Any:
            pools = sys.modules["urllib3.connectionpool"]
            is_real = library_of(original) == "requests" and not _plays_cassettes(pools.HTTPSConnectionPool)
            if http.on_bench() and is_real:
                http.check(request.method, normal(request.url))
            return original(adapter, request, *args, **options)

        return checked

    wrap(stack, module.HTTPAdapter, "send", send)


def patch_urllib(stack: ExitStack, http: Http, module: Any) -> None:
    """Refuse before urllib makes a `URLError` of it, and make one of a refused connection, as urllib does."""

    def do_open(original: Any) -> Any:
        def opened(handler: Any, http_class: Any, request: Any, **options: Any) -> Any:
            if not http.on_bench() or library_of(http_class) == CASSETTES:
                return original(handler, http_class, request, **options)
            http.check(request.get_method(), normal(request.full_url))
            try:
                return original(handler, http_class, request, **options)
            except ConnectionRefusedError as error:
                raise URLError(error) from error

        return opened

    wrap(stack, module.AbstractHTTPHandler, "do_open", do_open)


def _plays_cassettes(pool: Any) -> bool:
    """Whether vcrpy answers instead of the network: it puts classes of its own into the pools."""
    return library_of(pool.ConnectionCls) == CASSETTES


def _begin(http: Http, connection: Any, method: str, url: str) -> None:
    """A request begins: it is refused, or waits on a line until it is whole, or nobody is interested."""
    http.check(method, url)
    if isinstance(connection.sock, Line):
        return
    if http.declares(method, url) or http.gate.watches():
        connection.sock = Line(http, connection, connection.sock)


def _patch_connect(stack: ExitStack, http: Http, module: Any) -> None:
    def connects(original: Any) -> Any:
        def connect(connection: Any) -> None:
            wanted = http.on_bench() and (http.gate.watches() or not http.service.is_empty)
            if not wanted or http.connects_for_real(connection):
                original(connection)
                return
            connection.sock = Line(http, connection)
            _look_connected(connection)

        return connect

    for kind in (module.HTTPConnection, module.HTTPSConnection):
        if "connect" in vars(kind):
            wrap(stack, kind, "connect", connects)


def _look_connected(connection: Any) -> None:
    """What urllib3 notes of a connection that stands."""
    if not hasattr(connection, "is_verified"):
        return
    connection._has_connected_to_proxy = bool(connection.proxy)  # noqa: SLF001 - it calls later errors the proxy's
    if hasattr(connection, "cert_reqs"):
        required = connection.cert_reqs
        if required is None:
            required = getattr(connection.ssl_context, "verify_mode", ssl.CERT_REQUIRED)
        connection.is_verified = required not in (ssl.CERT_NONE, "CERT_NONE", "NONE")
