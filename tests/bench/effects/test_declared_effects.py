"""Effects that the project declares itself, with `coldframe.effect`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

import coldframe
from coldframe import Bench
from coldframe.errors import SetupError

sys.path.insert(0, str(Path(__file__).parent))

from watching import answer, define, error_of, gate_of, kill, outcomes, told, touched

sent: list[str] = []


class SmsRefused(Exception):
    """What the gateway's client raises."""


@pytest.fixture(autouse=True)
def nothing_sent() -> None:
    sent.clear()


def notify(number: str = "+49 30 1") -> None:
    refused = {"refused": lambda: SmsRefused(number)}
    with coldframe.effect("sms", f"to {number}", failures=refused, key="order-1", text="ready") as sms:
        sent.append(number)
        sms.details["id"] = 7


async def notify_later(number: str = "+49 30 1") -> None:
    async with coldframe.effect("sms", f"to {number}", text="ready"):
        await asyncio.sleep(5)
        sent.append(number)


@coldframe.effect(
    "sms", lambda number: f"to {number}", key=lambda order: f"order-{order}", text=lambda text: text, by="us"
)
def send_sms(number: str, text: str, *, order: int = 3) -> str:
    """Send one."""
    sent.append(number)
    return "accepted"


@coldframe.effect("sms", "from a coroutine", said=lambda **given: sorted(given))
async def send_sms_later(number: str, text: str = "hello") -> str:
    await asyncio.sleep(1)
    sent.append(number)
    return "accepted"


def call_decorated() -> str:
    return send_sms("+49 30 2", text="soon")


def call_decorated_coroutine() -> str:
    return asyncio.run(send_sms_later("+49 30 3"))


def test_a_block_is_an_effect_with_its_details(app: Celery) -> None:
    task = define(app, notify)
    with Bench(app) as bench:
        task.delay()
        bench.drain()
    (event,) = touched(bench)
    assert (event.effect, event.what, event.outcome) == ("sms", "to +49 30 1", "done")
    assert event.details == {"text": "ready", "key": "order-1", "id": 7}
    assert event.failures == ("refused",)
    assert event.where.startswith("tests/bench/effects/test_declared_effects.py:")
    assert sent == ["+49 30 1"]


def test_an_async_block_is_an_effect_until_it_is_left(app: Celery) -> None:
    def later() -> None:
        asyncio.run(notify_later())

    task = define(app, later)
    with Bench(app) as bench:
        began = bench.now
        task.delay()
        bench.drain()
    (event,) = touched(bench, "sms")
    assert (event.when - began).total_seconds() == 5
    assert event.details == {"text": "ready"}
    assert sent == ["+49 30 1"]


def test_a_decorated_function_is_an_effect_told_by_its_arguments(app: Celery) -> None:
    task = define(app, call_decorated)
    with Bench(app) as bench:
        assert task.delay().get() == "accepted"
    (event,) = touched(bench)
    assert (event.what, event.details) == ("to +49 30 2", {"text": "soon", "by": "us", "key": "order-3"})
    assert (send_sms.__name__, send_sms.__doc__) == ("send_sms", "Send one.")


def test_a_decorated_coroutine_is_an_effect(app: Celery) -> None:
    task = define(app, call_decorated_coroutine)
    with Bench(app) as bench:
        assert task.delay().get() == "accepted"
    (event,) = touched(bench)
    assert (event.what, event.details) == ("from a coroutine", {"said": ["number", "text"]})


def test_its_failure_is_the_exception_that_was_declared(app: Celery) -> None:
    task = define(app, notify)
    with Bench(app, failures="collect") as bench:
        answer(bench, "sms", "refused")
        task.delay()
        bench.drain()
    assert isinstance(error_of(bench), SmsRefused)
    assert told(bench) == ["sms to +49 30 1 (failed)"]
    assert sent == []


def test_an_exception_of_the_block_is_a_failed_effect(app: Celery) -> None:
    def breaks() -> None:
        with coldframe.effect("sms", "to nobody"):
            raise SmsRefused("nobody")

    task = define(app, breaks)
    with Bench(app, failures="collect") as bench:
        task.delay()
        bench.drain()
    assert told(bench) == ["sms to nobody (failed)"]


def test_an_answer_is_refused_with_a_word(app: Celery) -> None:
    task = define(app, notify)
    with Bench(app, failures="collect") as bench:
        gate_of(bench).before.append(lambda touch: setattr(touch, "answer", 500))
        task.delay()
        bench.drain()
    assert isinstance(error_of(bench), SetupError)
    assert str(error_of(bench)) == (
        "the declared effect 'sms' was given the answer 500, and it has none to give\n"
        "  hint: let it fail with one of its failures, or with an exception"
    )
    assert sent == []


@pytest.mark.parametrize(("place", "expected"), [("before", []), ("after", ["+49 30 1"])])
def test_a_process_that_dies_there_has_sent_or_not(app: Celery, place: str, expected: list[str]) -> None:
    task = define(app, notify)
    with Bench(app, failures="collect") as bench:
        kill(bench, place, "sms")
        task.delay()
        bench.drain()
    assert outcomes(bench) == ["LOST"]
    assert sent == expected


def test_what_happens_inside_counts_as_part_of_it(app: Celery) -> None:
    def nested() -> None:
        with coldframe.effect("order", "a taxi"):
            notify()
        notify("+49 30 9")

    task = define(app, nested)
    with Bench(app) as bench:
        task.delay()
        bench.drain()
    assert told(bench) == ["order a taxi", "sms to +49 30 9"]


def test_outside_of_tasks_nothing_is_recorded(app: Celery) -> None:
    notify()
    with Bench(app) as bench:
        notify("+49 30 2")
        assert send_sms("+49 30 3", text="") == "accepted"
    assert asyncio.run(send_sms_later("+49 30 4")) == "accepted"
    assert touched(bench) == []
    assert sent == ["+49 30 1", "+49 30 2", "+49 30 3", "+49 30 4"]


def test_a_generator_cannot_be_decorated() -> None:
    def lines() -> Iterator[int]:
        yield 1

    with pytest.raises(SetupError, match=r"lines is a generator, and calling it does nothing yet\n  hint: write `with"):
        coldframe.effect("sms")(lines)


def test_a_detail_that_asks_for_an_unknown_argument_is_told_what_there_is(app: Celery) -> None:
    @coldframe.effect("sms", lambda phone: phone)
    def send(number: str) -> None:
        sent.append(number)

    def asks() -> Any:
        return send("+49 30 1")

    task = define(app, asks)
    with Bench(app, failures="collect") as bench:
        task.delay()
        bench.drain()
    assert str(error_of(bench)) == (
        "a detail of the declared effect asks for 'phone', and the function has no such argument\n"
        "  hint: name its parameters as the function does: number"
    )


def test_importing_it_loads_neither_celery_nor_the_bench() -> None:
    code = (
        "import sys, coldframe\n"
        "with coldframe.effect('sms', 'to nobody'): pass\n"
        "heavy = {'celery', 'kombu', 'greenlet', 'django', 'asyncio', 'inspect', 'coldframe._bench'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
