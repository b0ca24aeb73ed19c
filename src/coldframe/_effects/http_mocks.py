"""Libraries of tests that answer requests themselves: they go before, and what was asked of them is recorded."""

from __future__ import annotations

import io
import json
from contextlib import ExitStack
from functools import partial
from http.client import RemoteDisconnected
from inspect import signature
from types import SimpleNamespace
from typing import Any

from coldframe._effects.gate import Failures
from coldframe._effects.http_aiohttp import failures_of
from coldframe._effects.http_answers import Answer
from coldframe._effects.http_asked import Asked
from coldframe._effects.http_exchange import Http
from coldframe._effects.http_patching import wrap
from coldframe._effects.http_urls import normal


def patch_responses(stack: ExitStack, http: Http, module: Any) -> None:
    """Record what `responses` is asked."""

    def on_request(original: Any) -> Any:
        def recorded(mock: Any, adapter: Any, request: Any, **options: Any) -> Any:
            return _record(http, request, lambda: original(mock, adapter, request, **options))

        return recorded

    wrap(stack, module.RequestsMock, "_on_request", on_request)


def patch_requests_mock(stack: ExitStack, http: Http, module: Any) -> None:
    """Record what `requests_mock` is asked."""

    def send(original: Any) -> Any:
        def recorded(adapter: Any, request: Any, **options: Any) -> Any:
            return _record(http, request, lambda: original(adapter, request, **options))

        return recorded

    wrap(stack, module.Adapter, "send", send)


def patch_aioresponses(stack: ExitStack, http: Http, module: Any) -> None:
    """Record what `aioresponses` is asked."""

    def match(original: Any) -> Any:
        async def recorded(mock: Any, method: str, url: Any, **options: Any) -> Any:
            known = mock._matches.values()  # noqa: SLF001 - nothing public tells it
            if not http.on_bench() or not any(matcher.match(method, url) for matcher in known):
                return await original(mock, method, url, **options)
            asked = Asked(method.upper(), normal(str(url)), *_content(options))
            with http.recording(asked, _aiohttp_failures(url)) as touch:
                if touch is not None and touch.answer is not None:
                    return await _given(module, touch.answer, method, url)
                response = await original(mock, method, url, **options)
                instead = http.answered(touch, response.status)
                return response if instead is None else await _given(module, instead, method, url)

        return recorded

    wrap(stack, module.aioresponses, "match", match)


def _record(http: Http, request: Any, answer: Any) -> Any:
    """Have a request of `requests` answered by somebody else."""
    if not http.on_bench():
        return answer()
    body = request.body.encode() if isinstance(request.body, str) else request.body
    content = body if isinstance(body, bytes) else b""
    asked = Asked(request.method, normal(request.url), tuple(request.headers.items()), content)
    with http.recording(asked, _requests_failures(request)) as touch:
        if touch is not None and touch.answer is not None:
            return _response(touch.answer, request)
        response = answer()
        instead = http.answered(touch, response.status_code)
        return response if instead is None else _response(instead, request)


def _response(answer: Answer, request: Any) -> Any:
    from requests.adapters import HTTPAdapter
    from urllib3 import HTTPResponse

    raw = HTTPResponse(
        body=io.BytesIO(answer.body_for(request.method)),
        headers=dict(answer.headers),
        status=answer.status,
        reason=answer.reason,
        preload_content=False,
    )
    return HTTPAdapter().build_response(request, raw)


def _requests_failures(request: Any) -> Failures:
    from requests import exceptions
    from urllib3.exceptions import ProtocolError

    lost = RemoteDisconnected("Remote end closed connection without response")
    return {
        "timeout": lambda: exceptions.ReadTimeout("Read timed out.", request=request),
        "refused": lambda: exceptions.ConnectionError("[Errno 111] Connection refused", request=request),
        "connection lost": lambda: exceptions.ConnectionError(
            ProtocolError("Connection aborted.", lost), request=request
        ),
    }


def _aiohttp_failures(url: Any) -> Failures:
    import aiohttp
    from aiohttp.client_reqrep import ConnectionKey

    key = ConnectionKey(url.host, url.port, url.scheme == "https", True, None, None, None)  # noqa: FBT003
    return failures_of(aiohttp, key)


def _content(options: dict[str, Any]) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """The headers and the content of a request that was never put into the form of the wire."""
    headers = tuple((str(name), str(value)) for name, value in dict(options.get("headers") or {}).items())
    content = options.get("data")
    if options.get("json") is not None:
        content = json.dumps(options["json"], default=str)
    if isinstance(content, str):
        content = content.encode()
    return headers, content if isinstance(content, bytes) else b""


async def _given(module: Any, answer: Answer, method: str, url: Any) -> Any:
    from aiohttp import ClientResponse

    # Newer versions of aiohttp ask for what aioresponses does not know of.
    wanted = "stream_writer" in signature(ClientResponse).parameters
    nothing_written: Any = SimpleNamespace(output_size=0)
    matched = module.RequestMatch(
        url,
        method=method,
        status=answer.status,
        body=answer.body,
        headers=dict(answer.headers),
        reason=answer.reason,
        response_class=partial(ClientResponse, stream_writer=nothing_written) if wanted else None,
    )
    return await matched.build_response(url)
