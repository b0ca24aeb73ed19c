"""One task through the real message path."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest
from celery import Celery

from coldframe import Bench, Mismatch, SetupError
from coldframe.testing import perform


class Size(Enum):
    SMALL = "s"


class Parcel:
    def __repr__(self) -> str:
        return "<Parcel 7>"


@pytest.fixture
def app() -> Iterator[Celery]:
    app = Celery("post", broker="redis://broker.internal", backend="redis://results.internal", set_as_current=False)
    app.conf.task_routes = {"post.route": {"queue": "lorries"}}

    @app.task(name="post.send", shared=False, bind=True, max_retries=2)
    def send(self, parcel, fail=None):
        if fail == "retry" and self.request.retries < 2:
            raise self.retry(countdown=3600)
        if fail == "error":
            raise KeyError(parcel)
        tell.delay(parcel)
        return {"sent": parcel}

    @app.task(name="post.tell", shared=False)
    def tell(parcel):
        return parcel

    @app.task(name="post.route", shared=False)
    def route(parcel):
        return parcel

    @app.task(name="post.weigh", shared=False)
    def weigh(what):
        return {"tuple": {1: (2, 3)}, "object": Parcel(), "inside": lambda: None}[what]

    @app.task(name="post.drop", shared=False, ignore_result=True)
    def drop():
        return {1, 2}

    @app.task(name="post.bad_call", shared=False)
    def bad_call():
        tell.delay(Parcel())

    yield app
    app.close()


def test_it_returns_the_result_as_somebody_reads_it(app: Celery) -> None:
    assert perform(app.tasks["post.send"], 7) == {"sent": 7}
    assert perform(app.tasks["post.weigh"], "tuple") == {"1": [2, 3]}
    assert perform(app.tasks["post.drop"]) == {1, 2}


def test_it_goes_through_the_retries(app: Celery) -> None:
    assert perform(app.tasks["post.send"], 7, fail="retry") == {"sent": 7}


def test_it_raises_what_the_task_raised(app: Celery) -> None:
    with pytest.raises(KeyError, match="7"):
        perform(app.tasks["post.send"], 7, fail="error")


def test_it_runs_nothing_that_the_task_sends(app: Celery) -> None:
    with Bench(app) as bench:
        perform(app.tasks["post.send"], 7)
        bench.assert_queued("post.tell", args=[7])
        assert [run.task for run in bench.runs()] == ["post.send"]
        assert [message.task for message in bench.never_run()] == []
        bench.drain()


def test_on_an_open_bench_it_takes_the_name(app: Celery) -> None:
    with Bench(app, unread="collect") as bench:
        assert perform("send", 7) == {"sent": 7}
        bench.drain()
        with pytest.raises(SetupError, match=r"(?s)there is no task 'snd'.*did you mean 'post.send'\?"):
            perform("snd", 7)


def test_a_signature_brings_its_options(app: Celery) -> None:
    with Bench(app) as bench:
        bench.node("lorry", queues=["lorries"])
        assert perform(app.tasks["post.tell"].s(7).set(queue="lorries")) == 7
        assert bench.runs("post.tell")[0].node == "lorry"


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ((1, 2), r"args\[0\]: the tuple \(1, 2\) comes back as the list \[1, 2\]"),
        ({1: "a"}, r"args\[0\]: the key 1 comes back as '1'"),
        (
            [{"size": {"deep": (1,)}}],
            r"args\[0\]\[0\]\['size'\]\['deep'\]: the tuple \(1,\) comes back as the list \[1\]",
        ),
        ({"p": [Parcel()]}, r"args\[0\]\['p'\]\[0\] is <Parcel 7>, which cannot be serialized: Object of type Parcel"),
        ({1, 2}, r"args\[0\] is \{1, 2\}, which cannot be serialized: Object of type set is not JSON serializable"),
        (Size.SMALL, r"args\[0\] is <Size.SMALL: 's'>, which cannot be serialized"),
    ],
    ids=["tuple", "int key", "deep tuple", "object", "set", "enum"],
)
def test_arguments_must_survive(app: Celery, argument: Any, said: str) -> None:
    with pytest.raises(Mismatch, match=rf"the arguments of post\.tell\(.*\) do not survive[^\n]*\n  {said}"):
        perform(app.tasks["post.tell"], argument)


def test_pickled_arguments_may_be_anything(app: Celery) -> None:
    app.conf.update(task_serializer="pickle", result_serializer="pickle", accept_content=["pickle"])
    assert perform(app.tasks["post.tell"], (Size.SMALL, {1: {2}})) == (Size.SMALL, {1: {2}})


def test_somebody_must_read_the_queue(app: Celery) -> None:
    with pytest.raises(
        Mismatch, match=r"(?s)task post\.route was sent to queue 'lorries', which no node reads.*task_rout"
    ):
        perform(app.tasks["post.route"], 7)


def test_the_result_must_be_fit_to_be_stored(app: Celery) -> None:
    with pytest.raises(
        Mismatch, match=r"the result of post\.weigh\('object'\) cannot be stored: Object of type Parcel"
    ):
        perform(app.tasks["post.weigh"], "object")


def test_what_the_task_itself_cannot_send_is_its_own_error(app: Celery) -> None:
    with pytest.raises(Exception, match="Object of type Parcel is not JSON serializable") as caught:
        perform(app.tasks["post.bad_call"])
    assert type(caught.value).__name__ == "EncodeError"


def test_a_task_that_expires_has_no_result(app: Celery) -> None:
    with pytest.raises(Mismatch, match=r"<Run post\.tell\(7\) EXPIRED on 'celery'> came to no end that has a result"):
        perform(app.tasks["post.tell"].s(7).set(countdown=60, expires=30))


def test_wrong_calls_are_the_errors_of_celery(app: Celery) -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'parcel'"):
        perform(app.tasks["post.tell"])


@pytest.mark.parametrize("wrong", [7, None, lambda: None], ids=["number", "none", "function"])
def test_what_is_no_task_is_told(wrong: Any) -> None:
    with pytest.raises(SetupError, match="is neither a task nor a signature of one"):
        perform(wrong)


def test_several_tasks_are_not_one(app: Celery) -> None:
    with pytest.raises(SetupError, match="is no single task but a chain"):
        perform(app.tasks["post.tell"].s(7) | app.tasks["post.tell"].s())
