"""`celery_eager`: eager mode that says what it hides in the very test."""

from __future__ import annotations

import datetime as dt
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, chain
from celery.exceptions import Retry
from kombu import Queue
from suites import run_suite

from coldframe.testing.eager import Eager, EagerHides, celery_eager


@pytest.fixture
def app() -> Celery:
    app = Celery("shop", broker="amqp://broker.example", backend="cache+memory://", set_as_current=False)
    app.conf.task_queues = [Queue("celery"), Queue("mails")]
    app.conf.task_routes = {"shop.report": {"queue": "reports"}}
    return app


@pytest.fixture
def eager(app: Celery) -> Iterator[Eager]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EagerHides)
        with celery_eager(app) as eager:
            yield eager


def nothing(*args: Any) -> None:
    return None


def same(value: Any) -> Any:
    return value


def give_two() -> int:
    return 2


def give_tuple() -> tuple[int]:
    return (1,)


def give_set() -> set[int]:
    return {1}


def pause() -> None:
    time.sleep(0.02)  # noqa: TID251


def fail() -> None:
    raise ValueError("broken")


def again(self: Any) -> int:
    if not self.request.retries:
        raise self.retry(countdown=60)
    return 1


def raises(task: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        task.delay()


def note_of(app: Celery, body: Callable[..., Any] = nothing, *, name: str = "shop.task", **options: Any) -> Any:
    return app.task(name=name, shared=False, **options)(body)


def texts(eager: Eager, kind: str) -> list[str]:
    return [found.text for found in eager.hidden if found.kind == kind]


def test_eager_mode_is_on_in_the_block_and_the_settings_come_back(app: Celery) -> None:
    assert app.conf.task_always_eager is False
    before = dict(app.conf.changes)
    with celery_eager(app) as eager:
        assert app.conf.task_always_eager is True
        assert app.conf.task_eager_propagates is True
        assert note_of(app, give_two).delay().get() == 2
    assert eager.hidden == []
    assert dict(app.conf.changes) == before
    assert app.conf.task_always_eager is False


def test_the_settings_come_back_after_an_error(app: Celery) -> None:
    app.conf.task_always_eager = True
    with pytest.raises(KeyError, match="inside"), celery_eager(app, propagates=False):
        app.conf.task_always_eager = False
        raise KeyError("inside")
    assert app.conf.task_always_eager is True
    assert app.conf.task_eager_propagates is False


def test_looking_at_routes_leaves_no_queue_in_the_app(app: Celery, eager: Eager) -> None:
    declared = list(app.amqp.queues)
    note_of(app, name="shop.note").apply_async(queue="notes")
    assert list(app.amqp.queues) == declared


def test_a_warning_stands_at_the_line_of_the_test(app: Celery) -> None:
    task = note_of(app, name="shop.note")
    with (
        celery_eager(app),
        pytest.warns(EagerHides, match=r"shop\.note is due in 60 s; eager mode runs it now") as seen,
    ):
        task.apply_async(countdown=60)
    assert seen[0].filename == __file__


def test_each_thing_is_told_once(app: Celery) -> None:
    task = note_of(app, name="shop.note")
    with celery_eager(app) as eager, warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(3):
            task.apply_async(countdown=60)
    assert len(seen) == len(eager.hidden) == 1


LATE = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)

#: What a test does, the kind of what is hidden, and its text.
CASES: dict[str, tuple[Callable[[Celery], Any], str, str]] = {
    "a queue": (
        lambda app: note_of(app).apply_async(queue="mial"),
        "queue",
        "to queue 'mial' (queue='mial'), and the",
    ),
    "a route": (
        lambda app: note_of(app, name="shop.report").delay(),
        "queue",
        "shop.report goes to queue 'reports' (task_routes), and the app declares 'celery', 'mails' only",
    ),
    "countdown": (lambda app: note_of(app).apply_async(countdown=5), "countdown", "shop.task is due in 5 s"),
    "eta": (
        lambda app: note_of(app).apply_async(eta=dt.datetime(2099, 1, 1, tzinfo=dt.UTC)),
        "countdown",
        "shop.task is due in",
    ),
    "expires": (lambda app: note_of(app).apply_async(expires=LATE), "expires", "a worker discards it"),
    "argument": (
        lambda app: note_of(app).delay((1, 2)),
        "argument",
        "argument 1 of shop.task: (1, 2) arrives as [1, 2]",
    ),
    "keys": (
        lambda app: note_of(app).delay({1: 2}),
        "argument",
        "argument 1 of shop.task: {1: 2} arrives as {'1': 2}",
    ),
    "part of a chain": (
        lambda app: chain(note_of(app).si(object()), note_of(app).si(1))(),
        "argument",
        "the arguments of shop.task cannot be sent: Object of type object is not JSON serializable",
    ),
    "result": (
        lambda app: note_of(app, give_tuple).delay(),
        "result",
        "the result of shop.task: (1,) arrives as [1]",
    ),
    "unstorable result": (
        lambda app: note_of(app, give_set).delay(),
        "result",
        "the result of shop.task cannot be stored, and the task fails: Object of type set",
    ),
    "error": (
        lambda app: raises(note_of(app, fail), ValueError, "broken"),
        "error",
        "shop.task raised ValueError('broken') in its caller",
    ),
    "ignored result": (
        lambda app: note_of(app, give_two, ignore_result=True).delay().get(),
        "ignored result",
        "shop.task ignores its result: a worker gives None, not 2",
    ),
    "rate limit": (
        lambda app: [note_of(app, rate_limit="2/m").delay() for _ in range(2)],
        "rate limit",
        "shop.task has a rate limit of 2/m: run 2 would come 30 s later",
    ),
    "time limit": (
        lambda app: note_of(app, pause, time_limit=0.01).delay(),
        "time limit",
        "and has a time limit of 0.01 s",
    ),
    "retry": (
        lambda app: raises(note_of(app, again, bind=True), Retry, "Retry in 60s"),
        "retry",
        "shop.task is tried again after 60 s; eager mode does not wait",
    ),
    "state by id": (
        lambda app: app.AsyncResult(note_of(app).delay().id).state,
        "state by id",
        "shop.task ran, but eager mode stores nothing",
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore:Results are not stored:RuntimeWarning")
def test_what_is_hidden_is_told(app: Celery, eager: Eager, name: str) -> None:
    act, kind, text = CASES[name]
    act(app)
    assert eager.kinds() == [kind]
    assert text in texts(eager, kind)[0]


@pytest.mark.parametrize("value", [[1, 2], {"a": 1.5}, "text", None, dt.datetime(2026, 1, 5, tzinfo=dt.UTC), True])
def test_values_that_arrive_as_they_are_are_no_news(app: Celery, eager: Eager, value: Any) -> None:
    assert note_of(app, same).delay(value).get() == value
    assert eager.hidden == []


def test_a_retry_without_propagation_tells_its_delay(app: Celery) -> None:
    @app.task(name="shop.again", bind=True, shared=False)
    def again(self: Any) -> int:
        if self.request.retries < 2:
            raise self.retry(countdown=9)
        return int(self.request.retries)

    with celery_eager(app, propagates=False) as eager, pytest.warns(EagerHides, match="tried again after 9 s"):
        assert again.delay().get() == 2
    assert eager.kinds() == ["retry"]


def test_send_task_goes_to_the_broker(app: Celery, eager: Eager) -> None:
    app.conf.broker_url = "memory://"
    with pytest.warns(Warning, match="no effect on send_task"):
        app.send_task("shop.elsewhere")
    assert texts(eager, "send_task") == ["send_task('shop.elsewhere') knows no eager mode: it goes to the broker"]


def test_another_app_is_left_alone(eager: Eager) -> None:
    other = Celery("other", broker="memory://", set_as_current=False)
    other.conf.task_always_eager = True
    note_of(other, name="other.note").apply_async(countdown=60, queue="nowhere")
    assert eager.hidden == []


FIXTURE_IN_USE = """
from celery import Celery

app = Celery("shop", broker="amqp://broker.example", backend="cache+memory://")

@app.task(name="shop.note")
def note():
    return "noted"

def test_note(celery_eager):
    assert note.apply_async(countdown=60).get() == "noted"
    assert celery_eager.kinds() == ["countdown"]

def test_off_again():
    assert app.conf.task_always_eager is False
"""


def run(project: Path, *options: str, plugins: tuple[str, ...] = ()) -> str:
    """Run the tests of a project, and give what pytest printed; they must pass."""
    done = run_suite(project, *options, plugins=plugins, environment={"COLUMNS": "200"})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_fixture_switches_the_project_s_app(tmp_path: Path) -> None:
    (tmp_path / "test_note.py").write_text(FIXTURE_IN_USE, "utf-8")
    out = run(tmp_path)
    assert "2 passed, 1 warning" in out
    assert "EagerHides: eager mode hides: shop.note is due in 60 s; eager mode runs it now" in out


DJANGO_TEST = """
from django.db import transaction
from django.test import TestCase
from bookshop import tasks
from bookshop.celery import app
from coldframe.testing.eager import celery_eager

class Orders(TestCase):
    def test_callback_never_runs(self):
        with celery_eager(app) as eager:
            with transaction.atomic():
                transaction.on_commit(lambda: tasks.note.delay("never"))
            with self.captureOnCommitCallbacks(execute=True):
                pass
        self.assertEqual(eager.kinds(), ["on_commit"])
"""


def test_on_commit_callbacks_that_never_ran_are_told(tmp_path: Path) -> None:
    source = Path(__file__).parent / "eager_projects/bookshop"
    project = shutil.copytree(source, tmp_path / "bookshop", ignore=shutil.ignore_patterns("__pycache__"))
    (project / "checks/check_commit.py").write_text(DJANGO_TEST, "utf-8")
    out = run(project, "checks/check_commit.py", plugins=("django",))
    assert "EagerHides: eager mode hides: 1 on_commit callback never ran" in out
