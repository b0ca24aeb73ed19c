"""What beat sends, and when: every kind of schedule, with its options."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from celery import Celery
from celery.beat import Scheduler
from celery.schedules import crontab, schedule

from coldframe import Bench
from coldframe.errors import SetupError

START = "2026-03-02T09:00+00:00"


@pytest.fixture
def ping(app: Celery) -> Any:
    @app.task(name="shop.ping")
    def ping(*args: Any, **kwargs: Any) -> None: ...

    return ping


def sent(bench: Bench) -> list[str]:
    return [f"{event.when:%d %H:%M:%S}" for event in bench.trace if type(event).__name__ == "BeatSent"]


def test_a_crontab_is_met_to_the_second(app: Celery, ping: Any) -> None:
    app.conf.beat_schedule = {"morning": {"task": "shop.ping", "schedule": crontab(hour="9,14", minute=30)}}
    with Bench(app, start=START) as bench:
        bench.beat()
        bench.advance(days=2)
        assert sent(bench) == ["02 09:30:00", "02 14:30:00", "03 09:30:00", "03 14:30:00"]
        assert [f"{run.started_at:%d %H:%M:%S}" for run in bench.runs("ping") if run.started_at] == sent(bench)


def test_all_the_fields_of_a_crontab(app: Celery, ping: Any) -> None:
    app.conf.beat_schedule = {
        "month end": {"task": "shop.ping", "schedule": crontab("0", "0", day_of_month="1", month_of_year="*/3")},
        "mondays": {"task": "shop.ping", "schedule": crontab("15", "*/12", day_of_week="mon")},
    }
    with Bench(app, start=START) as bench:
        bench.beat()
        bench.advance(days=33)
        mondays = [f"{day:02} {hour}:15:00" for day in (2, 9, 16, 23, 30) for hour in ("00", "12")][1:]
        assert sent(bench) == [*mondays, "01 00:00:00"]


@pytest.mark.parametrize("every", [600, 600.0, timedelta(minutes=10), schedule(run_every=timedelta(minutes=10))])
def test_an_interval_counts_from_the_start(app: Celery, ping: Any, every: Any) -> None:
    app.conf.beat_schedule = {"often": {"task": "shop.ping", "schedule": every}}
    with Bench(app, start="2026-03-02T09:03:20+00:00") as bench:
        bench.beat()
        bench.advance(minutes=35)
        assert sent(bench) == ["02 09:13:20", "02 09:23:20", "02 09:33:20"]


def test_a_relative_interval_is_rounded_to_the_clock(app: Celery, ping: Any) -> None:
    app.conf.beat_schedule = {"often": {"task": "shop.ping", "schedule": timedelta(minutes=10), "relative": True}}
    with Bench(app, start="2026-03-02T09:03:20+00:00") as bench:
        bench.beat()
        bench.advance(minutes=30)
        assert sent(bench) == EXPECTED_RELATIVE


#: Celery rounds the next moment down to the minute.
EXPECTED_RELATIVE = ["02 09:13:00", "02 09:23:00", "02 09:33:00"]


def test_arguments_and_options_of_an_entry(app: Celery, ping: Any) -> None:
    app.conf.beat_schedule = {
        "often": {
            "task": "shop.ping",
            "schedule": 60,
            "args": (1, "two"),
            "kwargs": {"three": 3},
            "options": {"queue": "mail", "expires": 30, "priority": 5},
        }
    }
    with Bench(app, start=START) as bench:
        bench.node("mail", queues=["mail"])
        bench.beat()
        bench.advance(seconds=60)
        (run,) = bench.runs("ping")
        assert (run.args, run.kwargs, run.queue) == ((1, "two"), {"three": 3}, "mail")
        (published,) = [event for event in bench.trace if type(event).__name__ == "Published"]
        assert (published.by, published.priority) == ("beat", 5)
        assert published.expires == "2026-03-02T09:01:30+00:00"


@pytest.mark.parametrize("moment", ["on_after_configure", "on_after_finalize"])
def test_entries_added_when_the_app_is_set_up(moment: str) -> None:
    app = Celery("late", broker="amqp://broker.internal//", backend="redis://results.internal/3")

    @app.task(name="late.ping", shared=False)
    def ping(word: str) -> str:
        return word

    @getattr(app, moment).connect
    def set_up(sender: Celery, **carried: Any) -> None:
        sender.add_periodic_task(30, ping.s("hello"), name="greet")
        sender.add_periodic_task(crontab(minute=5), ping.s("five"), name="five", queue="celery")

    with Bench(app, start=START) as bench:
        bench.beat()
        bench.advance(minutes=5)
        assert sent(bench) == [f"02 09:{minute:02}:{second:02}" for minute, second in HALF_MINUTES] + ["02 09:05:00"]
        assert {run.result for run in bench.runs("ping")} == {"hello", "five"}
    app.close()


HALF_MINUTES = [divmod(seconds, 60) for seconds in range(30, 301, 30)]


def test_an_entry_with_an_unknown_task_is_told(app: Celery) -> None:
    app.conf.beat_schedule = {"gone": {"task": "shop.gone", "schedule": 60}}
    with Bench(app, start=START, failures="collect") as bench:
        bench.beat()
        bench.advance(seconds=60)
        assert [(run.task, run.state) for run in bench.runs()] == [("shop.gone", "UNKNOWN")]


def test_entries_that_are_due_together_all_go(app: Celery, ping: Any) -> None:
    app.conf.beat_schedule = {
        name: {"task": "shop.ping", "schedule": crontab(hour=10, minute=0), "args": (name,)} for name in "abc"
    }
    with Bench(app, start=START) as bench:
        bench.beat()
        bench.advance(hours=24)
        assert sorted(run.args[0] for run in bench.runs("ping")) == ["a", "b", "c"]
        assert sent(bench) == ["02 10:00:00"] * 3


def test_a_schedule_of_the_project(app: Celery, ping: Any) -> None:
    class Fibonacci(schedule):  # type: ignore[misc]
        """Due after 1, 2, 3, 5, 8 ... minutes."""

        steps = (1, 2)

        def is_due(self, last_run_at: datetime) -> tuple[bool, float]:
            left = (last_run_at + timedelta(minutes=self.steps[0]) - self.now()).total_seconds()
            if left > 0:
                return False, left
            first, second = self.steps
            self.steps = (second, first + second)
            return True, 60 * self.steps[0]

    app.conf.beat_schedule = {"growing": {"task": "shop.ping", "schedule": Fibonacci(60)}}
    with Bench(app, start=START) as bench:
        bench.beat()
        bench.advance(minutes=20)
        assert sent(bench) == ["02 09:01:00", "02 09:03:00", "02 09:06:00", "02 09:11:00", "02 09:19:00"]


def test_beat_on_a_bench_leaves_no_file(app: Celery, ping: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app.conf.beat_schedule = {"often": {"task": "shop.ping", "schedule": 60}}
    with Bench(app, start=START) as bench:
        bench.beat()
        bench.advance(minutes=2)
    assert json.dumps(sorted(path.name for path in tmp_path.iterdir())) == "[]"


def test_solar_events(app: Celery, ping: Any) -> None:
    pytest.importorskip("ephem")
    from celery.schedules import solar

    app.conf.beat_schedule = {"dusk": {"task": "shop.ping", "schedule": solar("sunset", 52.5, 13.4)}}
    with Bench(app, start=START) as bench:
        bench.beat()
        bench.advance(days=1)
        assert len(sent(bench)) == 1


EVERY_HOUR = {name: {"task": "shop.ping", "schedule": 3600.0, "args": [name]} for name in ("front", "back", "roof")}


def test_only_the_entries_that_were_asked_for(app: Celery, ping: Any) -> None:
    app.conf.beat_schedule = EVERY_HOUR
    with Bench(app, start=START) as bench:
        bench.beat(only=["roof", "front"])
        bench.advance(hours=2)
        assert [run.args for run in bench.runs("ping")] == [("front",), ("roof",)] * 2
        assert app.conf.beat_schedule == EVERY_HOUR


def test_an_entry_that_is_not_there_is_told_with_those_that_are(app: Celery, ping: Any) -> None:
    app.conf.beat_schedule = EVERY_HOUR
    complaint = (
        "beat was to keep only 'fornt', but the schedule has no entry of that name\n"
        "  hint: did you mean 'front'? The entries are: back, front, roof"
    )
    with pytest.raises(SetupError, match=f"^{re.escape(complaint)}$"), Bench(app, start=START) as bench:
        bench.beat(only=["fornt"])
        bench.advance(hours=2)


def test_entries_of_an_empty_schedule_are_told_as_missing(app: Celery) -> None:
    with pytest.raises(SetupError, match="the schedule is empty: is beat_schedule set"), Bench(app) as bench:
        bench.beat(only=["front"])
        bench.advance(hours=2)


def test_a_scheduler_of_ones_own_keeps_all_its_entries(app: Celery) -> None:
    class Own(Scheduler):
        pass

    with Bench(app) as bench, pytest.raises(SetupError, match=r"only=\.\.\. works with .* default .*, not with Own"):
        bench.beat(scheduler=Own, only=["front"])


def test_results_that_do_not_expire_by_themselves_are_cleaned_up_each_night(tmp_path: Any) -> None:
    """As beat with its file does, and beat without one would not."""
    app = Celery("shop", broker="redis://r", backend=f"file://{tmp_path}")
    with Bench(app, start=START) as bench:
        bench.beat()
        bench.advance(days=2)
        assert sent(bench) == ["03 04:00:00", "04 04:00:00"]
        bench.assert_ran("celery.backend_cleanup", times=2)
