"""Requests of aiohttp: its connections lead to a `Line`, so everything above the socket is aiohttp's own."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from coldframe._effects.gate import Failures
from coldframe._effects.http_asked import Asked, Written
from coldframe._effects.http_exchange import UNKNOWN, Http
from coldframe._effects.http_patching import wrap
from coldframe._effects.http_urls import normal
from coldframe.errors import NetworkRefused

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Carried(BaseException):
    """Takes a refusal past aiohttp, which would make an error of its own of it."""

    def __init__(self, refusal: NetworkRefused) -> None:
        super().__init__(refusal)
        self.refusal = refusal


def patch(stack: ExitStack, http: Http, aiohttp: Any) -> None:
    """Put the gate behind the connections of aiohttp's clients."""
    wrap(stack, aiohttp.TCPConnector, "_create_connection", lambda original: _connecting(http, aiohttp, original))
    wrap(stack, aiohttp.ClientSession, "_request", _unwrapping)


def _connecting(http: Http, aiohttp: Any, original: Any) -> Any:
    handler = _handler_class(aiohttp)

    async def create_connection(connector: Any, request: Any, traces: Any, timeout: Any) -> Any:
        if not http.on_bench():
            return await original(connector, request, traces, timeout)
        url = normal(str(request.url))
        try:
            http.check(request.method, url)
        except NetworkRefused as refusal:
            raise Carried(refusal) from None
        if not http.declares(request.method, url) and not http.gate.watches():
            return await original(connector, request, traces, timeout)

        async def connect() -> Any:
            return await original(connector, request, traces, timeout)

        protocol = handler(asyncio.get_running_loop())
        protocol.asking = _Asking(http, protocol, url, failures_of(aiohttp, request.connection_key), connect)
        protocol.connection_made(_Line(protocol))
        protocol.force_close()
        return protocol

    return create_connection


def _unwrapping(original: Any) -> Any:
    async def request(session: Any, *args: Any, **options: Any) -> Any:
        try:
            return await original(session, *args, **options)
        except Carried as carried:
            refusal = carried.refusal
        raise refusal

    return request


def failures_of(aiohttp: Any, connection_key: Any) -> Failures:
    """How a request can fail."""
    refused = OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    timeout = getattr(aiohttp, "SocketTimeoutError", aiohttp.ServerTimeoutError)
    return {
        "timeout": lambda: timeout("Timeout on reading data from socket"),
        "refused": lambda: aiohttp.ClientConnectorError(connection_key, refused),
        "connection lost": lambda: aiohttp.ServerDisconnectedError(),
    }


def _handler_class(aiohttp: Any) -> Any:
    """What reads from a line as aiohttp reads from a connection; it does so where the task waits."""

    class Handler(aiohttp.client_proto.ResponseHandler):  # type: ignore[misc] # aiohttp is optional
        asking: Any = None

        async def read(self) -> Any:
            asking = self.asking
            if asking.is_done:
                return await super().read()
            return await asking.ask(super().read)

        async def read_instead(self, raw: bytes) -> Any:
            """Read these bytes, and forget the answer that came."""
            self.set_response_params(**self.params)
            self.data_received(raw)
            self.transport.close()
            return await super().read()

        def set_response_params(self, **params: Any) -> None:
            self.params = params
            super().set_response_params(**params)

        def set_exception(self, *args: Any, **options: Any) -> None:
            super().set_exception(*args, **options)
            self.asking.wake()

    return Handler


class _Asking:
    """One request on its way: written, then asked of whom it may be, then answered.

    Args:
        http: The bench.
        protocol: Who writes and reads.
        url: What is asked for.
        failures: How it can fail, by name.
        connect: Connects for real.
    """

    def __init__(self, http: Http, protocol: Any, url: str, failures: Failures, connect: Callable[[], Any]) -> None:
        self.written = Written()
        self.is_done = False
        self._http = http
        self._protocol = protocol
        self._url = url
        self._failures = failures
        self._connect = connect
        self._waiter: asyncio.Future[None] | None = None
        self._said_continue = False

    def wake(self) -> None:
        """The request is whole, or never will be, or its content is to be asked for."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def ask(self, read: Callable[[], Any]) -> Any:
        """Wait for the whole request, have it answered, and read that."""
        while not self.written.is_whole:
            if self._protocol.exception() is not None:
                return await read()
            if self.written.expects_continue and not self._said_continue:
                self._said_continue = True
                self._protocol.data_received(CONTINUE)
                return await read()
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        self.is_done = True
        asked = self.written.asked(self._url)
        if self._http.declares(asked.method, asked.url) or not self._http.lets_through(asked.url):
            return await self._answered(asked, read)
        with self._http.recording(asked, self._failures) as touch:
            if touch is not None and touch.answer is not None:
                self._protocol.data_received(touch.answer.raw(asked.method))
                return await read()
            transport = await self._connected()
            if touch is not None:
                touch.outcome = UNKNOWN
            transport.write(bytes(self.written.raw))
            self._protocol.start_timeout()
            message = await read()
            instead = self._http.answered(touch, message[0].code)
            return message if instead is None else await self._protocol.read_instead(instead.raw(asked.method))

    async def _answered(self, asked: Asked, read: Callable[[], Any]) -> Any:
        patience = self._protocol.read_timeout or None  # aiohttp takes 0 for no limit
        try:
            answer = self._http.answer(asked, self._failures, patience)
        except NetworkRefused as refusal:  # others came first, and the declared answers are used up
            raise Carried(refusal) from None
        raw = answer.raw(asked.method)
        if answer.delay:
            loop = asyncio.get_running_loop()
            self._protocol.transport.arrival = loop.call_later(answer.delay, self._protocol.data_received, raw)
        else:
            self._protocol.data_received(raw)
        return await read()

    async def _connected(self) -> Any:
        """The transport of a real connection, in the place of the line."""
        real = await self._connect()
        transport, real.transport = real.transport, None
        transport.set_protocol(self._protocol)
        self._protocol.connection_made(transport)
        return transport


class _Line(asyncio.Transport):
    """The transport of a connection that leads nowhere until the whole request is there."""

    def __init__(self, protocol: Any) -> None:
        super().__init__()
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._is_closing = False
        #: When what was asked for comes.
        self.arrival: asyncio.TimerHandle | None = None

    def write(self, data: Any) -> None:
        """Keep what is written."""
        asking = self._protocol.asking
        asking.written.feed(data)
        if asking.written.is_whole or asking.written.expects_continue:
            asking.wake()

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self._is_closing

    def close(self) -> None:
        """Nothing comes any more."""
        if not self._is_closing:
            self._is_closing = True
            if self.arrival is not None:
                self.arrival.cancel()
            self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        """Nothing comes any more."""
        self.close()
