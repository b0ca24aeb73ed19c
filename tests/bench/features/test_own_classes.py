"""Task, Request and bootstep classes of the project."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from celery import Celery, Task, bootsteps
from celery.worker.request import Request
from kombu import Consumer, Exchange, Queue

from coldframe import Bench, SetupError


class Diary(Task):  # type: ignore[type-arg]
    """Notes each handler that Celery calls."""

    abstract = True
    notes: list[Any]

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        self.notes.append(("before_start", args, kwargs))

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        self.notes.append(("on_success", retval))

    def on_failure(self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        self.notes.append(("on_failure", repr(exc), einfo.traceback.splitlines()[0]))

    def on_retry(self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        self.notes.append(("on_retry", repr(exc)))

    def after_return(self, status: str, retval: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        self.notes.append(("after_return", status))


def diary_task(app: Celery) -> Any:
    @app.task(name="shop.work", bind=True, base=Diary, notes=[])
    def work(self: Any, ends: str) -> str:
        if ends == "fails":
            raise ValueError("no")
        if ends == "retries" and not self.request.retries:
            raise self.retry(exc=KeyError("again"), countdown=1)
        return ends

    return work


@pytest.mark.parametrize(
    ("ends", "notes"),
    [
        ("well", [("on_success", "well"), ("after_return", "SUCCESS")]),
        (
            "fails",
            [("on_failure", "ValueError('no')", "Traceback (most recent call last):"), ("after_return", "FAILURE")],
        ),
        (
            "retries",
            [
                ("on_retry", "KeyError('again')"),
                ("before_start", ["retries"], {}),
                ("on_success", "retries"),
                ("after_return", "SUCCESS"),
            ],
        ),
    ],
)
def test_the_handlers_of_a_task_class(app: Celery, ends: str, notes: list[Any]) -> None:
    work = diary_task(app)
    with Bench(app, failures="collect") as bench:
        work.delay(ends)
        bench.drain()
        assert work.notes == [("before_start", [ends], {}), *notes]


def test_a_task_class_may_wrap_the_call_and_the_sending(app: Celery) -> None:
    class Tenanted(Task):  # type: ignore[type-arg]
        def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
            return super().apply_async(args, kwargs, headers={"tenant": "acme"}, **options)

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return [self.request.tenant, super().__call__(*args, **kwargs)]

    @app.task(name="shop.work", base=Tenanted)
    def work(number: int) -> int:
        return number

    with Bench(app):
        assert work.delay(3).get() == ["acme", 3]


def test_the_request_class_of_a_task(app: Celery) -> None:
    seen: list[Any] = []

    class Watching(Request):
        def on_accepted(self, pid: int, time_accepted: float) -> None:
            seen.append(("accepted", pid))
            super().on_accepted(pid, time_accepted)

        def on_success(self, failed__retval__runtime: Any, **options: Any) -> None:
            seen.append("a worker calls a faster one of its own")

        def on_failure(self, exc_info: Any, **options: Any) -> None:
            seen.append(("failure", repr(exc_info.exception)))
            super().on_failure(exc_info, **options)

    class Watched(Task):  # type: ignore[type-arg]
        Request = Watching

    @app.task(name="shop.work", base=Watched)
    def work(ends: str) -> str:
        if ends == "badly":
            raise ValueError(ends)
        return ends

    with Bench(app, failures="collect") as bench:
        bench.node(concurrency=1)
        work.delay("well")
        work.delay("badly")
        bench.drain()
    assert seen == [("accepted", 70002), ("accepted", 70002), ("failure", "ValueError('badly')")]


def test_a_task_class_for_the_whole_app(app: Celery) -> None:
    class Patient(Task):  # type: ignore[type-arg]
        autoretry_for = (ValueError,)
        default_retry_delay = 42

    app.task_cls = Patient

    @app.task(name="shop.work")
    def work() -> None:
        raise ValueError("no")

    with Bench(app, failures="collect") as bench:
        work.delay()
        bench.drain()
        starts = [run.started_at for run in bench.runs() if run.started_at]
        assert [(b - a).total_seconds() for a, b in itertools.pairwise(starts)] == [42.0] * 3


def test_bootsteps_of_the_worker(app: Celery) -> None:
    seen: list[Any] = []

    class Pacemaker(bootsteps.StartStopStep):
        requires = ("celery.worker.components:Timer", "celery.worker.components:Pool")

        def __init__(self, parent: Any, pace: int = 10, **options: Any) -> None:
            self.pace = pace

        def start(self, parent: Any) -> None:
            seen.append(("start", parent.hostname, parent.pool.num_processes))
            self.entry = parent.timer.call_repeatedly(self.pace, seen.append, ("beat",))

        def stop(self, parent: Any) -> None:
            seen.append("stop")
            self.entry.cancel()

    app.steps["worker"].add(Pacemaker)
    with Bench(app) as bench:
        bench.node("web", concurrency=3)
        bench.advance(seconds=35)
        assert seen == [("start", "web@coldframe", 3), "beat", "beat", "beat"]
        bench.stop("web")
        bench.advance(seconds=60)
        assert seen[-1] == "stop"
        assert seen.count("beat") == 3


def test_a_consumer_step_that_reads_a_queue_of_its_own(app: Celery) -> None:
    letters: list[Any] = []
    post = Queue("post", Exchange("post"), "post")

    class Postman(bootsteps.ConsumerStep):
        def get_consumers(self, channel: Any) -> list[Consumer]:
            return [Consumer(channel, queues=[post], callbacks=[self.read], accept=["json"])]

        def read(self, body: Any, message: Any) -> None:
            letters.append(body)
            message.ack()

    app.steps["consumer"].add(Postman)

    @app.task(name="shop.write")
    def write(text: str) -> None:
        with app.producer_pool.acquire() as producer:
            producer.publish({"text": text}, exchange=post.exchange, routing_key="post", declare=[post])

    with Bench(app) as bench:
        bench.node()
        write.delay("hello")
        bench.drain()
        assert letters == [{"text": "hello"}]


def test_a_step_of_the_consumer_comes_again_with_each_connection(app: Celery) -> None:
    seen: list[str] = []

    class Noting(bootsteps.StartStopStep):
        requires = ("celery.worker.consumer.tasks:Tasks",)

        def start(self, parent: Any) -> None:
            seen.append("start")

        def stop(self, parent: Any) -> None:
            seen.append("stop")

    app.steps["consumer"].add(Noting)
    with Bench(app) as bench:
        bench.node("web")
        bench.settle()
        bench.disconnect("web")
        bench.advance(seconds=10)
        assert seen == ["start", "stop", "start"]


def test_a_step_with_a_real_file_is_told_what_to_do(app: Celery) -> None:
    class Real(bootsteps.StartStopStep):
        requires = ("celery.worker.components:Hub",)

        def register_with_event_loop(self, parent: Any, hub: Any) -> None:
            hub.add_reader(7, print)

        def start(self, parent: Any) -> None:
            parent.hub.add_reader(7, print)

    app.steps["worker"].add(Real)
    with Bench(app, unread="collect") as bench:
        bench.node("web")
        with pytest.raises(SetupError, match="a bootstep registered the real file descriptor 7 with a node's event"):
            bench.settle()


def test_options_of_the_worker_reach_its_steps(app: Celery) -> None:
    seen: list[Any] = []

    class Optional(bootsteps.Step):
        def __init__(self, parent: Any, flavour: str = "plain", **options: Any) -> None:
            seen.append(flavour)

    app.steps["worker"].add(Optional)
    with Bench(app) as bench:
        bench.node("web", flavour="vanilla")
        bench.settle()
    assert seen == ["vanilla"]
