"""`coldframe.harden`: what it finds, how it tells it, where it ends."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

import coldframe
from coldframe import Bench, harden
from coldframe.errors import NotHardened
from coldframe.trace import Touched


def test_a_message_that_is_sent_before_the_task_ends_may_be_sent_twice(app: Celery, tell: Any) -> None:
    result = harden(lambda bench: tell.delay("ada"), app=app, name="tell", faults="kills")
    (cause,) = result.causes
    assert not result.held
    assert cause.verdict == "duplicated"
    assert [report.id for report in cause.reports] == ["tell/2+kill-process", "tell/2+kill-node", "tell/3-kill-node"]
    assert cause.simplest.facts == ("sms to ada happened 2 times instead of 1",)
    assert cause.simplest.story.startswith("killed after `sms to ada` (tests/harden/conftest.py:")
    assert cause.simplest.story.endswith(") and before its end")
    assert cause.simplest.advice == (
        "record it before sms, and look there before doing it again; or send a key that the other side knows it by"
    )


def test_with_a_key_that_the_other_side_knows_it_by_it_counts_once(app: Celery, tell: Any) -> None:
    result = harden(lambda bench: tell.delay("ada", key="ada-1"), app=app, name="tell", faults="kills,twice,overlaps")
    assert result.held
    assert result.complete
    assert set(result.verdicts) == {"held"}


def test_a_refused_message_is_lost_unless_it_is_tried_again(app: Celery, tell: Any) -> None:
    options: dict[str, Any] = {"app": app, "faults": "failures"}
    (cause,) = harden(lambda bench: tell.delay("ada"), name="tell", **options).causes
    assert (cause.verdict, cause.simplest.id) == ("lost", "tell/2-fail:refused")
    assert cause.simplest.facts == (
        "sms to ada never happened",
        "shop.tell ended in vain, and nobody will run it again",
    )

    @app.task(name="shop.tell_again", autoretry_for=(Exception,), default_retry_delay=5)
    def tell_again(name: str) -> None:
        tell(name)

    assert harden(lambda bench: tell_again.delay("ada"), name="tell again", **options).held


def test_a_task_that_is_acked_early_is_lost_with_its_process(app: Celery, tell: Any) -> None:
    tell.acks_late = False
    result = harden(lambda bench: tell.delay("ada", key="ada-1"), app=app, name="tell", faults="kills")
    found = {(cause.verdict, cause.simplest.advice) for cause in result.causes}
    assert (
        "lost",
        "the message was acked when the task began: set acks_late=True and reject_on_worker_lost=True",
    ) in found


def test_a_promise_of_ones_own_takes_the_place_of_the_comparison(app: Celery, tell: Any) -> None:
    def somebody_is_told(bench: Bench) -> None:
        told = [event.what for event in bench.trace if isinstance(event, Touched) and event.outcome == "done"]
        assert "to ada" in told, "ada was never told"

    assert harden(lambda bench: tell.delay("ada"), somebody_is_told, app=app, name="tell", faults="kills").held
    (cause,) = harden(
        lambda bench: tell.delay("ada"), [somebody_is_told], app=app, name="tell", faults="failures"
    ).causes
    assert (cause.verdict, cause.simplest.facts[0]) == ("lost", "ada was never told")


def test_checking_a_result_tells_each_cause_once(app: Celery, tell: Any) -> None:
    result = harden(lambda bench: tell.delay("ada"), app=app, name="tell", faults="kills")
    with pytest.raises(NotHardened, match="tell: 7 broken runs") as raised:
        result.check()
    text = str(raised.value)
    assert text.count("duplicated: killed after") == 1
    assert "  coldframe replay tell/2+kill-process\n  and 2 more runs like this" in text
    assert text.endswith("hint: replay one: coldframe replay tell/2+kill-process")


def test_the_number_of_runs_and_the_first_failure_end_it(app: Celery, tell: Any) -> None:
    few = harden(lambda bench: tell.delay("ada"), app=app, name="tell", runs=3)
    assert (len(few.reports), few.complete) == (3, False)
    assert str(few).endswith(f"the budget ended after 3 of {few.planned} plans: give it more, or choose faults")
    first = harden(lambda bench: tell.delay("ada"), app=app, name="tell", fail_fast=True)
    assert [report.verdict for report in first.reports].count("held") == len(first.reports) - 1


def test_an_interrupt_keeps_what_is_done(app: Celery, tell: Any) -> None:
    def interrupt(report: Any, planned: int) -> None:
        if report.id == "tell/2+kill-process":
            raise KeyboardInterrupt

    result = harden(lambda bench: tell.delay("ada"), app=app, name="tell", progress=interrupt)
    assert [report.id for report in result.reports] == ["tell/2-kill-process", "tell/2+kill-process"]
    assert not result.complete


def test_the_same_seed_gives_the_same_reports(app: Celery, tell: Any) -> None:
    def reports() -> list[tuple[Any, ...]]:
        result = harden(lambda bench: (tell.delay("ada"), tell.delay("ben")), app=app, name="tell", seed=4)
        return [(report.id, report.verdict, report.story, report.facts) for report in result.reports]

    assert reports() == reports()


def test_two_processes_find_what_one_finds(app: Celery, tell: Any) -> None:
    def reports(workers: int) -> list[tuple[Any, ...]]:
        result = harden(lambda bench: (tell.delay("ada"), tell.delay("ben")), app=app, name="tell", workers=workers)
        return [(report.id, report.verdict, report.story, report.facts) for report in result.reports]

    assert reports(2) == reports(1)


def test_finally_blocks_of_a_killed_run_change_nothing(app: Celery) -> None:
    @app.task(name="shop.tidy")
    def tidy() -> None:
        try:
            with coldframe.effect("sms", "to ada", key="1"):
                pass
        except BaseException:
            with coldframe.effect("sms", "sorry"):
                raise
        finally:
            with coldframe.effect("sms", "tidied up", key="2"):
                pass

    result = harden(lambda bench: tidy.delay(), app=app, name="tidy", faults="kills")
    assert result.held
    assert result.places == tuple(place for place in result.places if "sorry" not in place)


def test_what_a_scenario_or_a_promise_raises_in_a_broken_run_is_a_verdict(app: Celery, tell: Any) -> None:
    told: dict[str, str] = {}

    @app.task(name="shop.note")
    def note(name: str) -> None:
        with coldframe.effect("sms", f"to {name}", failures={"refused": OSError}):
            told[name] = "yes"

    def it_is_noted(bench: Bench) -> None:
        """It is noted."""
        assert told.pop("ada") == "yes"

    options: dict[str, Any] = {"app": app, "name": "note", "faults": "failures"}
    (cause,) = harden(lambda bench: note.delay("ada"), it_is_noted, **options).causes
    assert cause.simplest.facts[0] == "It is noted: it raised KeyError: 'ada'"
    told.clear()

    @app.task(name="shop.answer")
    def answer() -> int:
        with coldframe.effect("sms", "to ada", failures={"refused": ConnectionRefusedError}):
            return 42

    app.conf.result_backend = "cache+memory://"

    def waits(bench: Bench) -> None:
        assert answer.delay().get() == 42

    (cause,) = harden(waits, **options).causes
    assert cause.simplest.facts[0] == "the scenario raised ConnectionRefusedError"


def test_files_that_a_task_writes_are_put_back_and_compared(app: Celery, tmp_path: Path) -> None:
    journal = tmp_path / "journal.txt"
    journal.write_text("begun\n")

    @app.task(name="shop.log")
    def log() -> None:
        with journal.open("a") as file:
            file.write("done\n")

    (cause, *_) = harden(lambda bench: log.delay(), app=app, name="log", faults="twice", files=[tmp_path]).causes
    assert cause.simplest.facts[0] == (
        f"1 row of files in {tmp_path.name} differs: "
        r"content b'begun\ndone\ndone\n' instead of b'begun\ndone\n' (file 'journal.txt')"
    )
    assert journal.read_text() == "begun\n"


def test_what_may_happen_more_than_once_can_be_ignored(app: Celery) -> None:
    @app.task(name="shop.convert")
    def convert() -> None:
        subprocess.run([sys.executable, "--version"], check=True, capture_output=True)

    options: dict[str, Any] = {"app": app, "name": "it", "faults": "kills"}
    (cause,) = harden(lambda bench: convert.delay(), **options).causes
    assert cause.verdict == "duplicated"
    assert harden(lambda bench: convert.delay(), ignore=["subprocess"], **options).held
    assert harden(lambda bench: convert.delay(), ignore="subprocess.run", **options).held


def test_a_failure_that_the_scenario_expects_is_a_good_end(app: Celery, tell: Any) -> None:
    @app.task(name="shop.refuse")
    def refuse() -> None:
        with coldframe.effect("sms", "to bob", key="bob-1"):
            raise ValueError("no money")

    def refused(bench: Bench) -> None:
        bench.expect_failure(ValueError, task="shop.refuse")
        refuse.apply_async(link_error=tell.si("ada", key="ada-1"))

    assert harden(refused, app=app, name="it", faults="kills,twice").held


@pytest.mark.parametrize("fault", ["kill-process", "kill-node", "redeliver", "overlap"])
def test_a_key_made_from_the_time_is_another_when_the_message_comes_again(app: Celery, tell: Any, fault: str) -> None:
    @app.task(name="shop.tell_timed")
    def tell_timed(name: str) -> None:
        tell(name, key=f"{name}-{time.time_ns()}")

    def scenario(bench: Bench) -> None:
        tell_timed.delay("ada")
        bench.settle()

    (report,) = harden(scenario, app=app, name="tell", plan=f"2+{fault}").reports
    assert (report.verdict, report.facts) == ("duplicated", ("sms to ada happened 2 times instead of 1",))


def test_what_is_made_from_the_time_may_differ_when_nothing_happens_twice(app: Celery, tell: Any) -> None:
    @app.task(name="shop.sign")
    def sign(name: str) -> None:
        tell(name, key=name, signature=hashlib.sha256(str(time.time_ns()).encode()).hexdigest())

    result = harden(lambda bench: sign.delay("ada"), app=app, name="sign", faults="kills,twice,overlaps")
    assert set(result.verdicts) == {"held"}
