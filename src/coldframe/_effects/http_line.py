"""The socket of a connection of `http.client` that leads nowhere until the whole request is there."""

from __future__ import annotations

import errno
import io
import os
import re
import socket
import sys
from http import client
from typing import Any

from coldframe._effects.gate import Failures
from coldframe._effects.http_asked import Asked, Written
from coldframe._effects.http_exchange import UNKNOWN, Http
from coldframe._effects.http_urls import joined

STATUS = re.compile(rb"HTTP/\d\.\d (\d{3})")


class Line:
    """Takes what a client writes; once it reads, the request passes the gate.

    A declared answer is given as if the server closed the connection after it, so none of these outlives its request
    in a pool of connections. A real server is connected to now, if it was not before, and gets what was written.

    Args:
        http: The bench.
        connection: Whose socket this is.
        real: The socket that the connection had.
    """

    def __init__(self, http: Http, connection: Any, real: Any = None) -> None:
        self._http = http
        self._connection = connection
        self._real = real
        self._written = Written()
        self._timeout: Any = connection.timeout
        if self._timeout is socket._GLOBAL_DEFAULT_TIMEOUT:  # type: ignore[attr-defined] # noqa: SLF001
            self._timeout = socket.getdefaulttimeout()

    # --- what connections ask of a socket ---------------------------------------------------------------

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Keep what is written."""
        self._written.feed(data)

    def settimeout(self, seconds: float | None) -> None:
        """How long the client waits for an answer."""
        self._timeout = seconds

    def gettimeout(self) -> Any:
        """How long the client waits for an answer."""
        return self._timeout

    def setsockopt(self, *args: Any) -> None:
        """Nothing to set."""

    def shutdown(self, how: int) -> None:
        """Nothing to end."""

    def close(self) -> None:
        """The connection gives it up."""
        if self._real is not None:
            self._real.close()

    def makefile(self, *args: Any, **options: Any) -> Any:
        """Where the client reads the answer: the request is whole, and is asked now.

        What the library may catch is raised when it reads, as in life.
        """
        caught: tuple[type[BaseException], ...] = (OSError, client.HTTPException, *_urllib3_errors())
        try:
            return self._answer()
        except caught as error:
            return io.BufferedReader(_Failing(error))

    # --- the request ------------------------------------------------------------------------------------

    def _answer(self) -> Any:
        written = self._written
        asked = written.asked(url_of(self._connection, written.target))
        failures = failures_of(self._connection)
        if not self._http.declares(asked.method, asked.url) and self._http.lets_through(asked.url):
            return self._ask_real_server(asked, failures)
        answer = self._http.answer(asked, failures, self._timeout)
        self._connection.sock = None
        if not self._http.wait(answer, self._timeout):
            raise TimeoutError("timed out")
        return _file(answer.raw(asked.method))

    def _ask_real_server(self, asked: Asked, failures: Failures) -> Any:
        with self._http.recording(asked, failures) as touch:
            if touch is not None and touch.answer is not None:
                self.close()
                self._connection.sock = None
                return _file(touch.answer.raw(asked.method))
            connection = self._connection
            connection.sock = self._real
            if self._real is None:
                with self._http.for_real(connection):
                    connection.connect()
            if touch is not None:
                touch.outcome = UNKNOWN
            connection.sock.settimeout(self._timeout)
            connection.sock.sendall(bytes(self._written.raw))
            answer = connection.sock.makefile("rb")
            if touch is not None and (found := STATUS.match(answer.peek())):
                instead = self._http.answered(touch, int(found[1]))
                if instead is not None:
                    answer.close()
                    connection.close()
                    return _file(instead.raw(asked.method))
            return answer


class _Failing(io.RawIOBase):
    """What cannot be read."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        raise self._error


def _file(content: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(content))


def url_of(connection: Any, target: str) -> str:
    """The whole address of what a connection asks for."""
    scheme = "https" if connection.default_port == client.HTTPS_PORT else "http"
    tunnel_host = connection._tunnel_host  # noqa: SLF001 - nothing public tells it
    if tunnel_host:
        return joined(scheme, tunnel_host, connection._tunnel_port, target)  # noqa: SLF001
    return joined(scheme, connection.host, connection.port, target)


def failures_of(connection: Any) -> Failures:
    """How a request over a connection can fail."""
    refused = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    return {
        "timeout": lambda: TimeoutError("timed out"),
        "refused": lambda: _not_connected(connection, refused),
        "connection lost": lambda: client.RemoteDisconnected("Remote end closed connection without response"),
    }


def _not_connected(connection: Any, cause: OSError) -> Exception:
    """urllib3 tells the cause in an error of its own."""
    if not hasattr(connection, "_new_conn"):
        return cause
    from urllib3.exceptions import NewConnectionError

    error = NewConnectionError(connection, f"Failed to establish a new connection: {cause}")
    error.__cause__ = cause
    return error


def _urllib3_errors() -> tuple[type[Exception], ...]:
    exceptions = sys.modules.get("urllib3.exceptions")
    return () if exceptions is None else (exceptions.HTTPError,)
