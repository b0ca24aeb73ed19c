"""What becomes of a request of HTTP: refused, answered as declared, or sent to a real server; and recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from coldframe._core.moments import seconds_to_micros
from coldframe._effects import http_urls
from coldframe._effects.gate import Failures, Touch
from coldframe._effects.http_answers import FAILED_ANSWERS, Answer
from coldframe._effects.http_asked import Asked

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench

EFFECT = "http.request"
FAILED, UNKNOWN, DONE = "failed", "unknown", "done"


class Http:
    """Decides what becomes of a request.

    Args:
        opened: The bench.
    """

    def __init__(self, opened: OpenBench) -> None:
        self.gate = opened.gate
        self.service = opened.http_service
        self._guard = opened.guard
        self._scheduler = opened.scheduler
        self.is_open = True
        self._for_real: list[Any] = []

    def close(self) -> None:
        """From now on every request goes where it did before."""
        self.is_open = False

    def on_bench(self) -> bool:
        """Whether the running code is the bench's."""
        return self.is_open and self._scheduler.is_own_thread()

    def declares(self, method: str, url: str) -> bool:
        """Whether the test declared what answers a request now."""
        return self.service.find(method, url) is not None

    def lets_through(self, url: str) -> bool:
        """Whether a server may be reached for real."""
        return self._guard.lets_through(*http_urls.host_and_port(url))

    def check(self, method: str, url: str) -> None:
        """Refuse a request that nobody may answer.

        Raises:
            NetworkRefused: It was recorded in the trace, too.
        """
        is_http = url.startswith(("http://", "https://"))
        if is_http and not self.declares(method, url) and not self.lets_through(url):
            self._refuse(method, url)

    def _refuse(self, method: str, url: str) -> NoReturn:
        self._guard.refuse_request(method, url, self.service.why_not(method, url))

    @contextmanager
    def for_real(self, connection: Any) -> Iterator[None]:
        """Let a connection connect inside this block."""
        self._for_real.append(connection)
        try:
            yield
        finally:
            self._for_real.remove(connection)

    def connects_for_real(self, connection: Any) -> bool:
        """Whether it is inside such a block."""
        return any(known is connection for known in self._for_real)

    @contextmanager
    def passing(self, asked: Asked, failures: Failures) -> Iterator[Touch]:
        """Ask a server inside this block, if the touch that it gives has no answer."""
        with self.gate.passing(
            EFFECT,
            asked.what,
            details=asked.details(),
            failures={**failures, **FAILED_ANSWERS},
            resource=http_urls.origin(asked.url),
        ) as touch:
            yield touch

    def answered(self, touch: Touch | None, status: int) -> Answer | None:
        """A real server has answered; what the client gets instead, if a fault says so."""
        if touch is None:
            return None
        touch.details["status"] = status
        touch.outcome = DONE
        return self.given_instead(touch)

    @staticmethod
    def given_instead(touch: Touch) -> Answer | None:
        """The answer of a fault that comes although the server has served the request, as from a gateway before it."""
        instead: Any = touch.error
        if not isinstance(instead, Answer):
            return None
        touch.details["status"] = instead.status
        touch.outcome = UNKNOWN
        touch.error = None
        return instead

    @contextmanager
    def recording(self, asked: Asked, failures: Failures) -> Iterator[Touch | None]:
        """Let a real server, or a library of tests that stands for it, answer inside this block.

        The touch is None where nothing is recorded: outside of tasks, or inside another effect. Once the request was
        written its outcome is `unknown`, and so it stays if an error comes before the answer.
        """
        if not self.gate.watches():
            yield None
            return
        with self.passing(asked, failures) as touch:
            if touch.answer is not None:
                self._broken(touch)
            try:
                yield touch
            except (Exception, asyncio.CancelledError) as error:
                if touch.outcome != UNKNOWN:
                    raise
                touch.error = error

    def answer(self, asked: Asked, failures: Failures, patience: float | None) -> Answer:
        """The declared answer of a request, which may arrive later.

        Args:
            asked: The request.
            failures: How it can fail, by name.
            patience: After how many seconds without an answer the client gives up.
        """
        if not self.gate.watches():
            return self._declared(asked, failures)
        with self.passing(asked, failures) as touch:
            if touch.answer is not None:
                return self._broken(touch)
            answer = self._declared(asked, failures)
            touch.details["status"] = answer.status
            answer = self.given_instead(touch) or answer
            if patience is not None and answer.delay >= patience:
                touch.outcome = UNKNOWN
        return answer

    @staticmethod
    def _broken(touch: Touch) -> Answer:
        """The answer that a fault gives in the place of the server, which never hears of the request."""
        answer: Answer = touch.answer
        touch.details["status"] = answer.status
        touch.outcome = FAILED
        return answer

    def _declared(self, asked: Asked, failures: Failures) -> Answer:
        planned = self.service.find(asked.method, asked.url)
        if planned is None:
            self._refuse(asked.method, asked.url)
        planned.used += 1
        if planned.fails:
            raise failures[planned.fails]()
        attempt = self.gate.world.attempt()
        return planned.answer(asked, attempt.task if attempt is not None else None)

    def wait(self, answer: Answer, patience: float | None) -> bool:
        """Let the time of an answer pass; False if the client gives up before it arrives."""
        arrives = patience is None or answer.delay < patience
        span = answer.delay if patience is None else min(answer.delay, patience)
        if span and self._scheduler.can_park:
            self._scheduler.park(seconds_to_micros(span))
        return arrives
