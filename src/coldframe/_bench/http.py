"""`bench.http`: what outside services answer, and what they were asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from coldframe._effects import http_answers
from coldframe._effects.http_answers import Answer
from coldframe._effects.http_asked import Asked
from coldframe._effects.http_service import ANY_METHOD, Planned
from coldframe._effects.http_urls import UrlPattern
from coldframe._looking import http as looking_http
from coldframe._looking.criteria import UNSET
from coldframe._looking.http import Request
from coldframe.errors import SetupError

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench
    from coldframe._core.trace import Trace

FAILURES = ("timeout", "refused", "connection lost")

Respond = Callable[[Request], Any]


class DeclaredHttp:
    """What outside services answer to HTTP while the bench is open.

    Example:
        >>> bench.http("POST", "https://api.example.com/charges", status=201, json={"id": 7})  # doctest: +SKIP

    Args:
        opened: Gives the open bench.
        trace: Gives its trace.
    """

    def __init__(self, opened: Callable[[], OpenBench], trace: Callable[[], Trace]) -> None:
        self._opened = opened
        self._trace = trace

    def __call__(
        self,
        method: str,
        url: str | re.Pattern[str],
        *,
        status: int = 200,
        json: Any = UNSET,
        body: str | bytes | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        times: int | None = None,
        delay: float = 0.0,
        respond: Respond | None = None,
        fails: str = "",
    ) -> None:
        """Declare an answer. Further ones for the same method and address come in turn; the last one repeats.

        Args:
            method: Such as `"POST"`, or `"*"` for any.
            url: A whole address: without a query it stands for any query, and a query may be asked for in part. With
                `*` for any text, or a compiled regular expression that is found in it, it is a pattern.
            status: Of the answer.
            json: Its content, as what becomes JSON.
            body: Its content, as text or bytes.
            headers: Its headers; `Content-Type` and `Content-Length` come by themselves.
            times: For how many requests it is; then the next one is due, or the request is refused.
            delay: After how many seconds of virtual time it arrives. A client that gives up before gets its own
                timeout, and the request has reached the server all the same.
            respond: A function that gets the request and gives the answer: a status, content (text, bytes, or what
                becomes JSON), or a tuple of status, content and headers. It may keep state, as a service does.
            fails: Instead of an answer, what the client's library raises on `"timeout"`, `"refused"` or
                `"connection lost"`.

        Raises:
            SetupError: There cannot be such an answer.
        """
        _check(json, body, times, delay, respond, fails)
        if respond is not None:
            answer = _responding(respond, http_answers.made(status, None, headers, delay=delay))
        else:
            is_json = json is not UNSET
            answer = _giving(
                http_answers.made(status, json if is_json else body, headers, is_json=is_json, delay=delay)
            )
        self._opened().http_service.declare(method, url, Planned(answer, times, fails))

    def requests(self, method: str = ANY_METHOD, url: str | re.Pattern[str] | None = None) -> list[Request]:
        """What tasks asked for so far, in order; also of servers that were reached for real.

        Args:
            method: Only requests with this method.
            url: Only requests for this address, or for those that match the pattern.
        """
        pattern = None if url is None else UrlPattern(url)
        return [
            request
            for request in looking_http.requests(self._trace())
            if method.upper() in (ANY_METHOD, request.method) and (pattern is None or pattern.matches(request.url))
        ]


def _giving(answer: Answer) -> Callable[[Asked, str | None], Answer]:
    return lambda asked, task: answer


def _responding(respond: Respond, default: Answer) -> Callable[[Asked, str | None], Answer]:
    def answer(asked: Asked, task: str | None) -> Answer:
        request = looking_http.request_of(asked.details(), task=task)
        return http_answers.replied(respond(request), default.status, default.headers, default.delay)

    return answer


def _check(
    json: Any, body: str | bytes | None, times: int | None, delay: float, respond: Respond | None, fails: str
) -> None:
    given = [name for name, value in (("body", body), ("respond", respond)) if value is not None]
    given += ["json"] * (json is not UNSET) + ["fails"] * bool(fails)
    if len(given) > 1:
        raise SetupError(
            f"an answer was declared with {' and '.join(given)}, and has one content",
            hint=f"leave out {given[-1]}=, or declare two answers, which come in turn",
        )
    if fails and fails not in FAILURES:
        raise SetupError(
            f"fails={fails!r} is no way in which a request fails",
            hint=f"use one of {', '.join(map(repr, FAILURES))}; an answer such as 500 is declared by its status",
        )
    if times is not None and times < 1:
        raise SetupError(f"times={times!r} is no number of requests", hint="give 1 or more, or leave it out")
    if delay < 0:
        raise SetupError(f"delay={delay!r} is in the past", hint="give the seconds until the answer arrives")
