"""Chains, groups, chords and the rest of the canvas, with messages and results on the way."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery, chain, chord, group
from celery.canvas import Signature, StampingVisitor

from coldframe import Bench

PROFILES = ["rabbitmq", "redis"]


class Tasks:
    """Tasks to compose."""

    def __init__(self, app: Celery) -> None:
        @app.task(name="calc.add")
        def add(*numbers: int) -> int:
            return sum(numbers)

        @app.task(name="calc.double")
        def double(number: int) -> int:
            return 2 * number

        @app.task(name="calc.total")
        def total(numbers: list[int]) -> int:
            return sum(numbers)

        @app.task(name="calc.fail")
        def fail(*given: Any) -> None:
            raise ValueError(f"no {given}")

        self.add, self.double, self.total, self.fail = add, double, total, fail


@pytest.fixture
def calc(app: Celery) -> Tasks:
    return Tasks(app)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_chain_hands_results_on(app: Celery, calc: Tasks, profile: str) -> None:
    with Bench(app, profile=profile) as bench:
        result = (calc.add.s(1, 2) | calc.double.s() | calc.add.s(10)).delay()
        assert result.get() == 16
        assert (result.parent.get(), result.parent.parent.get()) == (6, 3)
        assert [run.args for run in bench.runs()] == [(1, 2), (3,), (6, 10)]


def test_an_immutable_signature_takes_no_result(app: Celery, calc: Tasks) -> None:
    with Bench(app):
        assert chain(calc.add.s(1, 2), calc.add.si(5, 5)).delay().get() == 10


def test_a_group_keeps_the_order_of_its_members(app: Celery, calc: Tasks) -> None:
    with Bench(app) as bench:
        result = group(calc.double.s(number) for number in range(5)).delay()
        assert result.get() == [0, 2, 4, 6, 8]
        assert {run.process for run in bench.runs()} == {"celery/1", "celery/2", "celery/3", "celery/4"}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_chord_calls_its_body_once(app: Celery, calc: Tasks, profile: str) -> None:
    with Bench(app, profile=profile) as bench:
        assert chord((calc.double.s(number) for number in range(4)), calc.total.s()).delay().get() == 12
        bench.assert_ran("total", times=1, args=([0, 2, 4, 6],))


def test_a_group_in_a_chain_becomes_a_chord(app: Celery, calc: Tasks) -> None:
    with Bench(app) as bench:
        work = calc.add.s(1, 1) | group(calc.add.s(1), calc.add.s(2)) | calc.total.s() | calc.double.s()
        assert work.delay().get() == 14
        bench.assert_ran("total", times=1)


def test_chords_and_groups_nest(app: Celery, calc: Tasks) -> None:
    inner = chord([calc.double.s(1), calc.double.s(2)], calc.total.s())
    with Bench(app):
        assert chord([inner, calc.double.s(3)], calc.total.s()).delay().get() == 12
        nested = group(group(calc.double.s(1), calc.double.s(2)), calc.double.s(3))
        assert nested.delay().get() == [2, 4, 6]


def test_chunks_map_and_starmap(app: Celery, calc: Tasks) -> None:
    with Bench(app) as bench:
        assert calc.add.chunks(zip(range(5), range(5), strict=True), 2).group().delay().get() == [[0, 2], [4, 6], [8]]
        bench.assert_ran("celery.starmap", times=3)
        assert calc.double.map([1, 2]).delay().get() == [2, 4]
        assert calc.add.starmap([(1, 2), (3, 4)]).delay().get() == [3, 7]


def test_the_body_of_a_chord_whose_header_fails_never_runs(app: Celery, calc: Tasks) -> None:
    with Bench(app) as bench:
        result = chord([calc.double.s(1), calc.fail.s(2)], calc.total.s()).delay()
        with pytest.raises(ValueError, match=r"no \(2,\)"):
            result.get()  # the error of the header comes first, as from any parent
        bench.drain()
        assert repr(result.result).startswith("ChordError")
        assert [run.task for run in bench.runs("total")] == []


def test_a_failure_ends_a_chain(app: Celery, calc: Tasks) -> None:
    with Bench(app) as bench:
        result = chain(calc.fail.s(1), calc.double.s()).delay()
        with pytest.raises(ValueError, match=r"no \(1,\)"):
            result.get()
        bench.drain()
        assert [run.task for run in bench.runs()] == ["calc.fail"]
        assert (result.state, result.parent.state) == ("FAILURE", "FAILURE")


def test_a_callback_gets_the_result_and_an_errback_the_failed_request(app: Celery, calc: Tasks) -> None:
    seen: list[Any] = []

    @app.task(name="calc.note")
    def note(value: int, mark: str) -> None:
        seen.append((mark, value))

    @app.task(name="calc.old_errback")
    def old(task_id: str) -> None:
        seen.append(("old", task_id))

    @app.task(name="calc.new_errback")
    def new(request: Any, error: BaseException, traceback: str) -> None:
        seen.append(("new", request.id, repr(error), traceback.splitlines()[0]))

    with Bench(app) as bench:
        calc.double.apply_async((2,), link=[note.s("first"), note.s("second")], link_error=old.s())
        failed = calc.fail.apply_async((1,), link=note.s("never"), link_error=[old.s(), new.s()])
        bench.expect_failure(ValueError)
        bench.drain()
        error = ("new", failed.id, "ValueError('no (1,)')", "Traceback (most recent call last):")
        assert sorted(seen) == sorted([("first", 4), ("second", 4), ("old", failed.id), error])
        assert [run.task for run in bench.runs("new_errback")] == []


def test_the_errback_of_a_chord_is_called_for_each_part_as_celery_does(app: Celery, calc: Tasks) -> None:
    app.conf.task_allow_error_cb_on_chord_header = True
    seen: list[str] = []

    @app.task(name="calc.sorry")
    def sorry(request: Any, error: BaseException, traceback: str) -> None:
        seen.append(type(error).__name__)

    with Bench(app) as bench:
        bench.expect_failure()
        chord([calc.double.s(1), calc.fail.s(2)], calc.total.s()).on_error(sorry.s()).delay()
        bench.drain()
        assert seen == ["ChordError", "ValueError"]


def test_a_task_that_replaces_itself_takes_the_place_of_the_result(app: Celery, calc: Tasks) -> None:
    @app.task(name="calc.swap", bind=True)
    def swap(self: Any, number: int) -> None:
        self.replace(calc.double.s(number) | calc.add.s(1))

    with Bench(app) as bench:
        assert (swap.s(5) | calc.double.s()).delay().get() == 22
        assert [(run.task, run.state) for run in bench.runs()] == [
            ("calc.swap", "IGNORED"),
            ("calc.double", "SUCCESS"),
            ("calc.add", "SUCCESS"),
            ("calc.double", "SUCCESS"),
        ]


def test_a_task_that_adds_to_its_chord_makes_the_body_wait(app: Celery, calc: Tasks) -> None:
    @app.task(name="calc.more", bind=True)
    def more(self: Any, number: int) -> int:
        self.add_to_chord(calc.double.s(10))
        return number

    with Bench(app):
        assert chord([more.s(1), more.s(2)], calc.total.s()).delay().get() == 43


def test_stamps_travel_with_a_canvas(app: Celery, calc: Tasks) -> None:
    seen: list[Any] = []

    @app.task(name="calc.stamped", bind=True)
    def stamped(self: Any, *given: Any) -> int:
        seen.append((self.request.stamped_headers, self.request.stamps))
        return 1

    class Tenant(StampingVisitor):
        def on_signature(self, sig: Signature, **headers: Any) -> dict[str, Any]:
            return {"tenant": "acme"}

    with Bench(app) as bench:
        work = chain(stamped.s(), stamped.s())
        work.stamp(Tenant())
        work.delay().get()
        stamped.s().stamp(order=7).apply_async().get()
        bench.drain()
    assert seen == [(["tenant"], {"tenant": "acme"})] * 2 + [(["order"], {"order": 7})]


def test_parents_and_roots_are_known(app: Celery, calc: Tasks) -> None:
    seen: list[Any] = []

    @app.task(name="calc.who", bind=True)
    def who(self: Any, *given: Any) -> None:
        seen.append((self.request.root_id, self.request.parent_id))

    with Bench(app):
        result = chain(who.s(), who.s(), who.s()).delay()
        result.get()
        third, second, first = result, result.parent, result.parent.parent
    assert seen == [(first.id, None), (first.id, first.id), (first.id, second.id)]
    assert third.id not in (first.id, second.id)


def test_an_empty_group_is_done_at_once(app: Celery) -> None:
    with Bench(app):
        assert group([]).delay().get() == []
