"""What goes wrong says what went wrong and what to do next, and leaves nothing patched."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from celery import Celery
from celery.exceptions import QueueNotFound
from celery.exceptions import TimeoutError as CeleryTimeout
from kombu.exceptions import EncodeError

from coldframe import Bench
from coldframe.errors import (
    AlreadyOpen,
    AppNotFound,
    NeverEnds,
    NeverReady,
    NotOpen,
    SetupError,
    TaskFailed,
    TimeError,
    UnknownProfile,
    UnreadQueue,
)

sys.path.insert(0, str(Path(__file__).parent))

from process_state import nothing_left


@pytest.fixture(autouse=True)
def nothing_left_patched(app: Celery) -> Iterator[None]:
    with Bench(app):
        task(app, nothing).delay().get()
    with nothing_left():
        yield


def nothing() -> None:
    """A task."""


def task(app: Celery, body: Callable[..., Any], **options: Any) -> Any:
    return app.task(name=f"shop.{body.__name__}", shared=False, **options)(body)


# --- opening -------------------------------------------------------------------------------------------------


def test_an_unknown_profile(app: Celery) -> None:
    with pytest.raises(UnknownProfile, match=r"no broker profile 'rabit'\n  hint: did you mean 'rabbitmq'\?"):
        Bench(app, profile="rabit").__enter__()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "nosuch.proj:app",
            r"'nosuch.proj:app' does not import: ModuleNotFoundError: .*\n  hint: run from the directory",
        ),
        ("json:app", r"names no Celery app: module 'json' has no app called 'app'\n  hint: name the module in which"),
        ("broken_proj:app", r"does not import: SyntaxError: .*\n  hint: make 'import broken_proj' work first"),
        ("raising_proj:app", r"does not import: ZeroDivisionError: .*\n  hint: make 'import raising_proj' work first"),
        ("half_proj:ap", r"'half_proj:ap' names no Celery app: .*\n  hint: did you mean 'half_proj:application'\?"),
        ("", r"'' is no path of an app\n  hint: correct it; its form is 'package\.module:app'"),
        (".proj:app", r"'\.proj:app' is no path of an app"),
        (42, r"a bench needs a Celery app, not 42\n  hint: pass the app itself, or its path"),
    ],
)
def test_a_path_that_leads_to_no_app(path: Any, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_proj.py").write_text("def (:\n")
    (tmp_path / "raising_proj.py").write_text("1 / 0\n")
    (tmp_path / "half_proj.py").write_text("from celery import Celery\napplication = Celery(set_as_current=False)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(AppNotFound, match=text):
        Bench(path).__enter__()


@pytest.mark.parametrize(
    ("start", "text"),
    [
        (
            "2026-01-01T00:00",
            r"has no time zone, so it is no exact moment\n  hint: add the offset: '2026-01-01T00:00:00\+00:00'",
        ),
        (datetime(2026, 1, 1), r"the start datetime.* has no time zone"),
        (
            "next week",
            r"the start 'next week' is no moment in ISO form: .*\n  hint: write it as '2026-03-29T00:00\+01:00'",
        ),
        (5, r"the start 5 is no moment\n  hint: pass an aware datetime, or its ISO form"),
    ],
)
def test_a_start_that_is_no_moment(app: Celery, start: Any, text: str) -> None:
    with pytest.raises(SetupError, match=text):
        Bench(app, start=start).__enter__()


def test_a_bench_in_a_bench(app: Celery) -> None:
    with (
        Bench(app) as bench,
        pytest.raises(AlreadyOpen, match=r"while another one is open.*\n  hint: close the first one"),
    ):
        bench.__enter__()


@pytest.mark.parametrize("use", ["settle", "drain", "node", "beat"])
def test_a_bench_that_is_not_open_yet_or_no_more(app: Celery, use: str) -> None:
    bench = Bench(app)
    with pytest.raises(NotOpen, match=r"the bench is not open\n  hint: use it as a context manager: with Bench\(app\)"):
        getattr(bench, use)()
    with bench:
        pass
    with pytest.raises(NotOpen, match="the bench is not open"):
        getattr(bench, use)()


def test_an_app_whose_settings_no_worker_takes(app: Celery) -> None:
    app.conf.accept_content = ["jsn"]
    text = r"the app 'shop' cannot be put on a bench: .*installed for jsn\n  hint: correct the setting or the task"
    with pytest.raises(SetupError, match=text):
        Bench(app).__enter__()


def test_time_machine_that_travels_already_is_where_it_was_afterwards(app: Celery) -> None:
    with time_machine.travel("2020-01-01T00:00+00:00", tick=False):
        with Bench(app, start="2026-01-05T09:00Z"):
            assert time.time() == 1767603600
        assert time.time() == 1577836800


def test_freezegun_that_holds_the_clock(app: Celery) -> None:
    freezegun = pytest.importorskip("freezegun")
    with freezegun.freeze_time("2020-01-01"), pytest.raises(SetupError, match="while freezegun holds the clock"):
        Bench(app).__enter__()


# --- time ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("move", "kind", "text"),
    [
        (
            lambda bench: bench.run_until("2020-01-01T00:00Z"),
            TimeError,
            r"time cannot move back from 2026-01-05 .*\n  hint:",
        ),
        (
            lambda bench: bench.advance(-1),
            TimeError,
            r"time cannot move back .* open a second bench with an earlier start",
        ),
        (lambda bench: bench.advance(timedelta(days=-1)), TimeError, "time cannot move back"),
        (lambda bench: bench.run_until("tomorrow"), SetupError, "the moment 'tomorrow' is no moment in ISO form"),
        (lambda bench: bench.run_until(datetime(2027, 1, 1)), SetupError, "the moment .* has no time zone"),
        (lambda bench: bench.run_until(5), SetupError, "the moment 5 is no moment"),
        (lambda bench: bench.advance(houres=2), SetupError, r"no part 'houres'\n  hint: did you mean 'hours'\?"),
        (
            lambda bench: bench.advance("5"),
            SetupError,
            r"'5' is no span of time: .*\n  hint: pass seconds, a timedelta",
        ),
    ],
)
def test_a_move_of_time_that_cannot_be(
    app: Celery, move: Callable[[Bench], Any], kind: type[Exception], text: str
) -> None:
    with Bench(app) as bench, pytest.raises(kind, match=f"(?s){text}"):
        move(bench)


def test_draining_while_beat_is_on(app: Celery) -> None:
    with Bench(app) as bench:
        bench.beat()
        with pytest.raises(NeverEnds, match=r"while beat is on \(1 running\): .*\n  hint: let a span of time pass"):
            bench.drain()


def test_an_entry_of_the_schedule_that_beat_cannot_read(app: Celery) -> None:
    app.conf.beat_schedule = {"nightly": {"task": "shop.nap", "schedule": "at night"}}
    with Bench(app) as bench:
        bench.beat()
        with pytest.raises(SetupError, match=r"beat cannot start: .*\n  hint: correct the entry of beat_schedule"):
            bench.advance(1)


# --- messages ------------------------------------------------------------------------------------------------


def test_a_queue_that_nobody_reads(app: Celery) -> None:
    with Bench(app) as bench:
        task(app, nothing).apply_async(queue="mial")
        text = r"1 message waits in queue 'mial', which no node reads: shop\.nothing\n  hint: .*bench\.node\('mial'"
        with pytest.raises(UnreadQueue, match=text):
            bench.drain()
        bench.node("mial", queues=["mial"])
        assert bench.drain().succeeded == 1


def test_a_queue_that_nobody_reads_is_told_at_the_end_at_the_latest(app: Celery) -> None:
    with pytest.raises(UnreadQueue, match="queue 'mial'"), Bench(app):
        task(app, nothing).apply_async(queue="mial")


def test_a_message_that_the_default_node_would_read_is_no_complaint(app: Celery) -> None:
    with Bench(app) as bench:
        task(app, nothing).delay()
        bench.assert_queued("nothing")


def test_a_routing_key_without_a_queue(app: Celery) -> None:
    with Bench(app) as bench:
        task(app, nothing).apply_async(exchange="celery", routing_key="mial")
        text = r"with routing key 'mial', where no queue is bound: it is lost\n  hint: bind a queue to that key"
        with pytest.raises(UnreadQueue, match=text):
            bench.drain()


UNENCODABLE = [
    (object(), "json", "Object of type object is not JSON serializable"),
    ({1}, "json", "Object of type set is not JSON serializable"),
    (lambda: 1, "pickle", "Can't pickle <function"),
]


@pytest.mark.parametrize(("value", "serializer", "text"), UNENCODABLE, ids=["object", "set", "lambda"])
def test_arguments_that_cannot_be_encoded(app: Celery, value: Any, serializer: str, text: str) -> None:
    def take(value: Any) -> None:
        """A task."""

    with Bench(app), pytest.raises(EncodeError, match=text):
        task(app, take).apply_async((value,), serializer=serializer)


@pytest.mark.parametrize(("value", "serializer", "text"), UNENCODABLE, ids=["object", "set", "lambda"])
def test_results_that_cannot_be_encoded(app: Celery, value: Any, serializer: str, text: str) -> None:
    app.conf.update(result_serializer=serializer, accept_content=["json", "pickle"])

    def give() -> Any:
        return value

    with Bench(app) as bench:
        task(app, give).delay()
        with pytest.raises(TaskFailed, match=f"(?s)task shop\\.give .*{text}.*hint: if the test expects this failure"):
            bench.drain()


def test_exceptions_that_cannot_be_encoded(app: Celery) -> None:
    class Unpicklable(Exception):
        def __init__(self, first: int, second: int) -> None:
            self.value = lambda: first + second

    def fail() -> None:
        raise Unpicklable(1, 2)

    with Bench(app) as bench:
        task(app, fail).delay()
        with pytest.raises(TaskFailed, match=r"(?s)task shop\.fail .*Unpicklable"):
            bench.drain()


def test_a_task_that_no_node_knows(app: Celery) -> None:
    with Bench(app) as bench:
        app.send_task("shop.gone")
        with pytest.raises(TaskFailed, match=r"for task 'shop\.gone', .* \(NotRegistered\)\n  hint: Import the module"):
            bench.drain()


def test_a_queue_that_is_not_declared_when_it_must_be(app: Celery) -> None:
    app.conf.task_create_missing_queues = False
    with Bench(app) as bench:
        text = r"node 'one' cannot read queue 'mial', which the app does not declare\n  hint: add it to task_queues"
        with pytest.raises(SetupError, match=text):
            bench.node("one", queues=["mial"])
        with pytest.raises(QueueNotFound, match="Queue 'mial' missing from task_queues"):
            task(app, nothing).apply_async(queue="mial")


# --- nodes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"pool": "gevnt"}, r"cannot have a pool 'gevnt'\n  hint: a bench knows 'prefork', 'threads', 'solo'"),
        ({"concurrency": -1}, r"cannot have -1 pool processes\n  hint: give a whole number above zero"),
        (
            {"prefetch_multiplier": "many"},
            r"cannot start: ValueError: .*'many'\n  hint: correct the setting or the option",
        ),
    ],
)
def test_a_node_that_cannot_start(app: Celery, options: dict[str, Any], text: str) -> None:
    with Bench(app) as bench, pytest.raises(SetupError, match=f"node 'one' {text}"):
        bench.node("one", **options)
        bench.settle()


def test_a_worker_setting_that_cannot_be_loaded(app: Celery) -> None:
    app.conf.worker_consumer = "nosuch.module:Consumer"
    with (
        Bench(app) as bench,
        pytest.raises(SetupError, match="node 'celery' cannot start: ModuleNotFoundError: No module"),
    ):
        bench.settle()


def test_two_nodes_of_one_name(app: Celery) -> None:
    with Bench(app) as bench:
        bench.node("one")
        with pytest.raises(
            SetupError, match=r"there is a node 'one' already\n  hint: give the second one another name"
        ):
            bench.node("one")


def test_killing_a_node_that_is_not_there(app: Celery) -> None:
    with Bench(app) as bench:
        node = bench.node("one")
        bench.settle()
        with pytest.raises(SetupError, match=r"no node 'two' alive on this bench\n  hint: the nodes are: 'one'"):
            bench.kill("two")
        bench.kill(node)
        with pytest.raises(SetupError, match=r"no node 'one' alive on this bench\n  hint: the nodes are: none yet"):
            bench.kill(node)


def test_killing_a_process_when_nothing_runs(app: Celery) -> None:
    with Bench(app) as bench:
        bench.node("one")
        bench.settle()
        with pytest.raises(SetupError, match=r"no pool process of node 'one' runs a task\n  hint: let the task start"):
            bench.kill_process("one")


# --- results -------------------------------------------------------------------------------------------------


def test_a_result_that_never_comes(app: Celery) -> None:
    with (
        Bench(app),
        pytest.raises(NeverReady, match=r"result nope will never come: .*\n  hint: was the task sent at all"),
    ):
        app.AsyncResult("nope").get()


def test_a_result_that_does_not_come_in_time(app: Celery) -> None:
    with Bench(app) as bench:
        began = bench.now
        with pytest.raises(CeleryTimeout, match=r"The operation timed out\."):
            app.AsyncResult("nope").get(timeout=5)
        assert bench.now - began == timedelta(seconds=5)


def test_a_result_that_is_ignored_is_nothing_at_once_as_in_life(app: Celery) -> None:
    with Bench(app):
        assert task(app, nothing, ignore_result=True).delay().get() is None


def test_a_result_without_a_store(app: Celery) -> None:
    app.conf.result_backend = "disabled"
    with Bench(app), pytest.raises(NotImplementedError, match=r"No result backend is configured\."):
        task(app, nothing).delay().get()


def test_a_result_whose_message_nobody_reads(app: Celery) -> None:
    with Bench(app, unread="collect"):
        result = task(app, nothing).apply_async(queue="mial")
        text = r"task shop\.nothing waits in queue 'mial', which no node reads\n  hint: correct the route"
        with pytest.raises(NeverReady, match=text):
            result.get()


def test_an_app_that_is_not_on_the_bench(app: Celery) -> None:
    other = Celery("other", broker="amqp://other.internal//", backend="redis://other.internal/1", set_as_current=False)
    with Bench(app) as bench:
        with pytest.raises(
            SetupError, match=r"app 'other' is not on this bench, so .* can never come\n  hint: pass it"
        ):
            other.AsyncResult("nope").get()
        with pytest.raises(SetupError, match=r"app 'other' is not on this bench, so 'shop\.nap' cannot be sent"):
            other.send_task("shop.nap")
        with pytest.raises(
            SetupError, match=r"the app 'other' is not on this bench\n  hint: pass it to the bench, too"
        ):
            bench.node(app=other)
