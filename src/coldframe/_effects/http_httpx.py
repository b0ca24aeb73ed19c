"""Requests of httpx, sync and async: they pass at its transports, so the client above them is httpx's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from coldframe._effects.gate import Failures, Touch
from coldframe._effects.http_answers import Answer
from coldframe._effects.http_asked import Asked
from coldframe._effects.http_exchange import UNKNOWN, Http
from coldframe._effects.http_patching import library_of, wrap
from coldframe._effects.http_urls import normal

REFUSED = "[Errno 111] Connection refused"
ALL_REFUSED = "All connection attempts failed"


def patch(stack: ExitStack, http: Http, httpx: Any) -> None:
    """Put the gate in front of the transports; those that users bring themselves are left alone."""
    transports = _Transports(http, httpx)
    wrap(stack, httpx.HTTPTransport, "handle_request", transports.handle_request)
    wrap(stack, httpx.AsyncHTTPTransport, "handle_async_request", transports.handle_async_request)


class _Transports:
    """What the methods of the transports become.

    Args:
        http: The bench.
        httpx: The module.
    """

    def __init__(self, http: Http, httpx: Any) -> None:
        self._http = http
        self._httpx = httpx

    def handle_request(self, original: Any) -> Any:
        """The one way of a request with a client."""

        def handle(transport: Any, request: Any) -> Any:
            http = self._http
            if not http.on_bench():
                return original(transport, request)
            request.read()
            asked, failures = asked_of(request), self._failures(REFUSED, "The read operation timed out")
            if self._is_answered_here(original, transport, "handle_request", asked):
                answer, patience = self._answer(asked, failures, request)
                if not http.wait(answer, patience):
                    raise failures["timeout"]()
                return self._response(answer, asked.method)
            with http.recording(asked, failures) as touch:
                if touch is None:
                    return original(transport, request)
                if touch.answer is not None:
                    return self._response(touch.answer, asked.method)
                with self._noting(touch):
                    response = original(transport, request)
                instead = http.answered(touch, response.status_code)
                if instead is None:
                    return response
                response.close()
                return self._response(instead, asked.method)

        return handle

    def handle_async_request(self, original: Any) -> Any:
        """The one way of a request with an async client."""

        async def handle(transport: Any, request: Any) -> Any:
            http = self._http
            if not http.on_bench():
                return await original(transport, request)
            await request.aread()
            asked, failures = asked_of(request), self._failures(ALL_REFUSED, "")
            if self._is_answered_here(original, transport, "handle_async_request", asked):
                answer, patience = self._answer(asked, failures, request)
                if patience is not None and answer.delay >= patience:
                    await asyncio.sleep(patience)
                    raise failures["timeout"]()
                await asyncio.sleep(answer.delay)
                return self._response(answer, asked.method)
            with http.recording(asked, failures) as touch:
                if touch is None:
                    return await original(transport, request)
                if touch.answer is not None:
                    return self._response(touch.answer, asked.method)
                with self._noting(touch):
                    response = await original(transport, request)
                instead = http.answered(touch, response.status_code)
                if instead is None:
                    return response
                await response.aclose()
                return self._response(instead, asked.method)

        return handle

    def _is_answered_here(self, original: Any, transport: Any, name: str, asked: Asked) -> bool:
        """Whether a declared answer is meant; refuses what nobody may answer, unless a library of tests does."""
        pool = getattr(transport, "_pool", None)
        is_mocked = library_of(original) != "httpx" or library_of(getattr(type(pool), name, None)) != "httpcore"
        if is_mocked:
            return False
        self._http.check(asked.method, asked.url)
        return self._http.declares(asked.method, asked.url)

    @contextmanager
    def _noting(self, touch: Touch) -> Iterator[None]:
        """Note whether an error came when the request had been written, or while it was."""
        httpx = self._httpx
        try:
            yield
        except (httpx.ReadError, httpx.ReadTimeout, httpx.WriteError, httpx.WriteTimeout, httpx.RemoteProtocolError):
            touch.outcome = UNKNOWN
            raise

    def _answer(self, asked: Asked, failures: Failures, request: Any) -> tuple[Answer, float | None]:
        patience = request.extensions.get("timeout", {}).get("read")
        return self._http.answer(asked, failures, patience), patience

    def _response(self, answer: Answer, method: str) -> Any:
        return self._httpx.Response(
            answer.status,
            headers=answer.headers_for(method),
            stream=self._httpx.ByteStream(answer.body_for(method)),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": answer.reason.encode()},
        )

    def _failures(self, refused: str, timed_out: str) -> Failures:
        httpx = self._httpx
        return {
            "timeout": lambda: httpx.ReadTimeout(timed_out),
            "refused": lambda: httpx.ConnectError(refused),
            "connection lost": lambda: httpx.RemoteProtocolError("Server disconnected without sending a response."),
        }


def asked_of(request: Any) -> Asked:
    """A request, whose content has been read, as it is recorded."""
    return Asked(request.method, normal(str(request.url)), tuple(request.headers.multi_items()), request.content)
