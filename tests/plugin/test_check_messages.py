"""Recorded messages of an older release against today's tasks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, chain, chord
from kombu import Exchange, Queue

from coldframe import Bench, Mismatch, SetupError
from coldframe.testing import check_messages


def make_app(**tasks: Any) -> Celery:
    app = Celery("depot", broker="amqp://broker.internal", backend="redis://results.internal", set_as_current=False)
    events = Exchange("events", type="topic")
    app.conf.task_queues = [Queue("celery"), Queue("mail"), Queue("audit", exchange=events, routing_key="order.#")]
    app.conf.task_default_queue = "celery"
    for name, run in tasks.items():
        app.task(name=f"depot.{name}", shared=False)(run)
    return app


def load(crate, lorry=None):
    return crate


def load_without_lorry(crate):
    return crate


def load_at_depot(crate, depot, lorry=None):
    return crate


def total(crates):
    return len(crates)


def failed(request, error, traceback):
    return None


OLD = {"load": load, "total": total, "failed": failed}


@pytest.fixture
def old() -> Iterator[Celery]:
    app = make_app(**OLD)
    yield app
    app.close()


@pytest.fixture
def recorded(old: Celery, tmp_path: Path) -> Path:
    """A directory with what the old release sent."""
    loading, totalling, failing = (old.tasks[f"depot.{name}"] for name in OLD)
    with Bench(old, unread="collect") as bench:
        bench.settle()  # the node declares queues and exchanges
        loading.delay(1)
        loading.delay(1)
        loading.apply_async((2,), {"lorry": "red"}, queue="mail", link_error=failing.s())
        loading.apply_async((3,), exchange="events", routing_key="order.placed")
        chain(loading.s(4), loading.s(lorry="blue")).delay()
        chord([loading.s(5)])(totalling.s())
        files = bench.record_messages(tmp_path / "1.0")
    assert [path.name for path in files] == [f"depot.load-{number}.json" for number in range(1, 6)]
    return tmp_path / "1.0"


def check(directory: Path, **tasks: Any) -> list[str]:
    """What no longer fits, without the directory."""
    app = make_app(**tasks)
    try:
        with pytest.raises(Mismatch, match="recorded messages no longer fit today's tasks") as caught:
            check_messages(directory / "*.json", app=app)
    finally:
        app.close()
    return [line.strip().removeprefix(f"{directory.as_posix()}/") for line in caught.value.message.splitlines()]


def test_the_same_release_understands_its_messages(recorded: Path, old: Celery) -> None:
    messages = check_messages(recorded / "*.json", app=old)
    assert [(message.task, message.routing_key) for message in messages] == [
        ("depot.load", "celery"),
        ("depot.load", "mail"),
        ("depot.load", "order.placed"),
        ("depot.load", "celery"),
        ("depot.load", "celery"),
    ]
    assert {message.celery for message in messages} == {__import__("celery").__version__}


def test_a_file_says_what_was_sent(recorded: Path) -> None:
    content = json.loads((recorded / "depot.load-3.json").read_text("utf-8"))
    assert content["coldframe_message"] == 1
    assert (content["task"], content["exchange"], content["routing_key"]) == ("depot.load", "events", "order.placed")
    assert json.loads(content["body"])[0] == [3]


def test_a_parameter_that_is_gone_is_named(recorded: Path) -> None:
    unexpected = "does not fit its parameters: got an unexpected keyword argument 'lorry' (today it is load(crate))"
    assert check(recorded, **{**OLD, "load": load_without_lorry}) == [
        "2 of 5 recorded messages no longer fit today's tasks:",
        f"depot.load-2.json: depot.load(2, lorry='red') {unexpected}",
        f"depot.load-4.json: depot.load, its next in the chain: depot.load(None, lorry='blue') {unexpected}",
    ]


def test_a_parameter_that_is_new_is_named(recorded: Path) -> None:
    lines = check(recorded, **{**OLD, "load": load_at_depot})
    missing = "missing a required argument: 'depot' (today it is load(crate, depot, lorry=None))"
    assert lines[0] == "5 of 5 recorded messages no longer fit today's tasks:"
    assert lines[1] == f"depot.load-1.json: depot.load(1) does not fit its parameters: {missing}"


def test_a_task_that_was_renamed_is_named_with_its_new_name(recorded: Path) -> None:
    tasks = {"total": OLD["total"], "failed": OLD["failed"], "load_crate": OLD["load"], "loads": OLD["load"]}
    lines = check(recorded, **tasks)
    assert lines[1] == "depot.load-1.json: there is no task 'depot.load' any more; did it become 'depot.loads'?"


def test_tasks_that_are_to_follow_must_be_there(recorded: Path) -> None:
    assert check(recorded, load=OLD["load"]) == [
        "2 of 5 recorded messages no longer fit today's tasks:",
        "depot.load-2.json: depot.load, its errback: there is no task 'depot.failed' any more",
        "depot.load-5.json: depot.load, its chord: there is no task 'depot.total' any more",
    ]


def test_queues_must_be_declared(recorded: Path, old: Celery) -> None:
    old.conf.task_queues = [Queue("celery")]
    with pytest.raises(Mismatch, match="2 of 5 recorded messages") as caught:
        check_messages(recorded / "*.json", app=old)
    assert "depot.load went to queue 'mail', which the app no longer declares (it declares 'celery')" in str(
        caught.value
    )
    assert "went to exchange 'events' with routing key 'order.placed', where no declared queue is bound" in str(
        caught.value
    )


def test_serializers_must_be_accepted(old: Celery, tmp_path: Path) -> None:
    old.conf.accept_content = ["json", "pickle"]
    with Bench(old) as bench:
        old.tasks["depot.load"].apply_async((1, {2, 3}), serializer="pickle")
        bench.record_messages(tmp_path / "all.jsonl")
        bench.drain()
    assert check_messages(tmp_path / "all.jsonl", app=old)[0].source == f"{tmp_path.as_posix()}/all.jsonl:1"
    old.conf.accept_content = ["json"]
    with pytest.raises(Mismatch, match=r"depot\.load cannot be decoded: ContentDisallowed: Refusing to deserialize"):
        check_messages(tmp_path / "*.jsonl", app=old)


def test_on_an_open_bench_its_app_is_taken_and_nothing_runs(recorded: Path, old: Celery) -> None:
    with Bench(old) as bench:
        assert len(check_messages(str(recorded / "*.json"))) == 5
        assert list(bench.trace) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "holds no recorded message: JSONDecodeError"),
        ('{"task": "depot.load"}', "holds no recorded message: KeyError: 'coldframe_message'"),
        ('{"coldframe_message": 9, "body": "", "task": "t"}', "holds no recorded message: TypeError"),
    ],
    ids=["no json", "other json", "half"],
)
def test_other_files_are_told(tmp_path: Path, old: Celery, content: str, said: str) -> None:
    (tmp_path / "one.json").write_text(content, "utf-8")
    with pytest.raises(SetupError, match=f"one.json {said}"):
        check_messages(tmp_path / "*.json", app=old)


def test_a_pattern_that_fits_nothing_is_told(tmp_path: Path, old: Celery) -> None:
    with pytest.raises(SetupError, match=r"(?s)no file fits '.*\*\.json'.*bench\.record_messages"):
        check_messages(tmp_path / "*.json", app=old)
