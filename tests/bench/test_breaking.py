"""What a test may break by hand, each thing with one plain call."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery
from celery.schedules import crontab

import coldframe
from coldframe import Bench
from coldframe.errors import NeverFired, SetupError
from coldframe.trace import BeatSent, Broken, Touched


class SmsRefused(Exception):
    """The gateway says no."""


@pytest.fixture
def calls() -> list[str]:
    """What the tasks did, in order, as their own code saw it."""
    return []


@pytest.fixture
def tell(app: Celery, calls: list[str]) -> Any:
    @app.task(name="shop.tell", bind=True, acks_late=True, reject_on_worker_lost=True, max_retries=3)
    def tell(self: Any, name: str) -> str:
        try:
            with coldframe.effect("sms", f"to {name}", failures={"refused": SmsRefused, "timeout": TimeoutError}):
                calls.append(f"sms to {name}")
        except SmsRefused as error:
            raise self.retry(exc=error, countdown=60) from error
        finally:
            calls.append("finally")
        return name

    return tell


def told(bench: Bench) -> list[str]:
    return [f"{event.effect} {event.what} {event.outcome}" for event in bench.trace if isinstance(event, Touched)]


def broken(bench: Bench) -> list[str]:
    return [f"{event.fault} {event.place} {event.what}" for event in bench.trace if isinstance(event, Broken)]


def test_a_process_that_is_killed_before_an_effect_has_not_done_it(app: Celery, tell: Any, calls: list[str]) -> None:
    with Bench(app) as bench:
        armed = bench.break_at("sms", place="before")
        result = tell.delay("ada")
        bench.drain()
        assert armed.fired
        assert [run.state for run in bench.runs(tell)] == ["LOST", "SUCCESS"]
        assert result.get() == "ada"
    assert calls == ["sms to ada", "finally"]  # of the second attempt alone: nothing of a killed one runs
    assert broken(bench) == ["kill process before sms to ada"]
    assert told(bench)[0] == "sms to ada done"


def test_a_process_that_is_killed_after_an_effect_has_done_it_and_does_nothing_more(
    app: Celery, tell: Any, calls: list[str]
) -> None:
    with Bench(app) as bench:
        bench.break_at("sms")
        tell.delay("ada")
        bench.drain()
    assert calls == ["sms to ada", "sms to ada", "finally"]


def test_only_the_nth_effect_of_the_named_task_is_broken(app: Celery, tell: Any) -> None:
    @app.task(name="shop.other")
    def other() -> None:
        with coldframe.effect("sms", "to the office"):
            pass

    with Bench(app) as bench:
        bench.break_at("sms", task=tell, nth=2)
        for name in ("ada", "ben"):
            other.delay()
            tell.delay(name)
        bench.drain()
        assert [(run.args, run.state) for run in bench.runs(tell)] == [
            (("ada",), "SUCCESS"),
            (("ben",), "LOST"),
            (("ben",), "SUCCESS"),
        ]


def test_an_effect_fails_with_the_exception_that_its_code_knows(app: Celery, tell: Any, calls: list[str]) -> None:
    with Bench(app) as bench:
        bench.break_at("sms", "fail: refused")
        tell.delay("ada")
        bench.drain()
        assert [run.state for run in bench.runs(tell)] == ["RETRY", "SUCCESS"]
    assert calls == ["finally", "sms to ada", "finally"]
    assert told(bench)[:2] == ["sms to ada failed", "publish shop.tell done"]


def test_an_effect_of_unknown_outcome_took_place_and_raised(app: Celery, tell: Any, calls: list[str]) -> None:
    with Bench(app) as bench:
        bench.break_at("sms", "unknown: refused")
        tell.delay("ada")
        bench.drain()
    assert calls == ["sms to ada", "finally", "sms to ada", "finally"]
    assert [line for line in told(bench) if line.startswith("sms")] == ["sms to ada unknown", "sms to ada done"]


def test_a_message_that_is_delivered_twice_runs_twice(app: Celery, tell: Any) -> None:
    with Bench(app) as bench:
        result = tell.delay("ada")
        bench.drain()
        bench.redeliver(result)
        bench.drain()
        assert [(run.attempt, run.redelivered) for run in bench.runs(tell)] == [(1, False), (2, True)]


def test_a_second_delivery_overtakes_the_first_at_an_effect(app: Celery, tell: Any, calls: list[str]) -> None:
    with Bench(app) as bench:
        bench.break_at("sms", "overlap", place="before")
        tell.delay("ada")
        bench.drain()
        assert [run.process for run in bench.runs(tell)] == ["celery/1", "celery/2"]
        assert [run.process for run in sorted(bench.runs(tell), key=lambda run: str(run.finished_at))] != []
    assert calls == ["sms to ada", "finally"] * 2
    by = [event.by for event in bench.trace if isinstance(event, Touched) and event.effect == "sms"]
    assert by == ["celery/2", "celery/1"]


def test_a_service_that_is_down_fails_until_it_is_up(app: Celery, tell: Any, calls: list[str]) -> None:
    with Bench(app) as bench:
        with bench.down("sms"):
            tell.delay("ada")
            bench.advance(seconds=90)
        assert calls == ["finally", "finally"]
        bench.drain()
        assert [run.state for run in bench.runs(tell)] == ["RETRY", "RETRY", "SUCCESS"]


def test_a_service_that_nobody_knows_and_nothing_asked_is_an_error(app: Celery, tell: Any) -> None:
    told = (
        r"'mial' was to be down, and nothing came that it is asked for\n  hint: did you mean 'mail'\? It takes 'broker'"
    )
    with Bench(app) as bench, pytest.raises(NeverFired, match=told), bench.down("mial"):
        tell.delay("ada")
        bench.drain()


def test_a_broker_that_is_down_keeps_its_messages(app: Celery, tell: Any) -> None:
    with Bench(app) as bench:
        bench.settle()
        tell.apply_async(["ada"], countdown=30)
        bench.settle()
        with bench.down("broker"):
            bench.advance(minutes=1)
            assert bench.runs(tell) == []
        bench.drain()
        assert [run.state for run in bench.runs(tell)] == ["SUCCESS"]


def test_a_node_that_dies_at_an_effect_is_followed_by_another_one(app: Celery, tell: Any) -> None:
    with Bench(app) as bench:
        bench.break_at("sms", "kill node")
        tell.delay("ada")
        bench.drain()
        assert [run.state for run in bench.runs(tell)] == ["LOST", "SUCCESS"]


def test_beat_that_was_down_for_three_days_sends_what_it_missed_once(app: Celery, tell: Any) -> None:
    app.conf.beat_schedule = {"daily": {"task": "shop.tell", "schedule": crontab(hour=3, minute=0), "args": ["ada"]}}
    with Bench(app, start="2026-03-02T00:00+00:00") as bench:
        bench.beat()
        bench.advance(days=1)
        bench.stop("beat")
        bench.advance(days=3)
        bench.beat()
        bench.advance(days=1)
    sent = [f"{event.when:%d %H:%M}" for event in bench.trace if isinstance(event, BeatSent)]
    assert sent == ["02 03:00", "06 00:00", "06 03:00"]


def test_a_message_that_comes_late_is_overtaken_by_what_was_sent_after_it(app: Celery, tell: Any) -> None:
    with Bench(app) as bench:
        with bench.late(minutes=5, task="tell"):
            tell.delay("ada")
        tell.delay("ben")
        bench.drain()
        runs = [(run.args[0], f"{run.started_at:%H:%M:%S}") for run in bench.runs(tell)]
    assert runs == [("ben", "09:00:00"), ("ada", "09:05:00")]


def test_only_messages_of_the_named_task_come_late(app: Celery, tell: Any) -> None:
    with Bench(app) as bench:
        with bench.late(60, task="pay"):
            tell.delay("ada")
        bench.settle()
        bench.assert_ran(tell, times=1)


def test_what_was_due_is_late_when_the_clock_jumps(app: Celery, tell: Any) -> None:
    with Bench(app) as bench:
        tell.apply_async(["ada"], countdown=60)
        bench.settle()
        bench.jump_clock(hours=1)
        bench.settle()
        (run,) = bench.runs(tell)
        assert f"{run.started_at:%H:%M:%S}" == "10:00:00"


def test_what_was_to_be_broken_and_never_came_is_an_error(app: Celery, tell: Any) -> None:
    with (
        pytest.raises(
            NeverFired, match=r"kill process after mail.send of tell was to be broken.*\n  hint: does the task"
        ),
        Bench(app) as bench,
    ):
        bench.break_at("mail.send", task="tell")
        tell.delay("ada")
        bench.drain()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda bench: bench.disconnect(bench.node("mail")),
            r"node 'mail' is not connected to the broker\n  hint: let it start first: bench.settle\(\)",
        ),
        (
            lambda bench: bench.late(0).__enter__(),
            r"a message cannot be late by 0:00:00\n  hint: say by how much: minutes=5",
        ),
        (
            lambda bench: bench.break_at("sms", "explode"),
            r"there is no fault 'explode'\n  hint: use one of 'kill process'",
        ),
        (
            lambda bench: bench.break_at("sms", place="during"),
            r"there is no place 'during'\n  hint: use place='before'",
        ),
        (lambda bench: bench.redeliver("nobody"), r"no message of task 'nobody' was sent on this bench"),
        (lambda bench: bench.stop("beat"), r"there is no beat on this bench\n  hint: start it first: bench.beat\(\)"),
        (lambda bench: bench.jump_clock(hours=-1), r"a clock on a bench does not go back"),
        (lambda bench: bench.kill("mail"), r"there is no node 'mail' alive on this bench"),
    ],
)
def test_a_mistake_is_told_with_the_next_step(app: Celery, call: Any, text: str) -> None:
    with Bench(app) as bench, pytest.raises(SetupError, match=text):
        call(bench)


def test_a_way_to_fail_that_an_effect_does_not_know_is_told(app: Celery, tell: Any) -> None:
    with Bench(app, failures="collect") as bench:
        bench.break_at("sms", "fail: eaten by a dog")
        tell.delay("ada")
        bench.drain()
        (run,) = bench.runs(tell)
    assert "sms to ada cannot fail by 'eaten by a dog'\n  hint: it can fail by 'refused', 'timeout'" in str(
        run.exception
    )
