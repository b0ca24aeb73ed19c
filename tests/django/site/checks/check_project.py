"""Celery's own parts for Django, and Django's own for Celery."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from celery import signals
from django.core.cache import cache
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.test import TestCase, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_results.models import TaskResult
from shop import app
from shop.models import Note
from shop.tasks import moment, note, ship, ship_and_fail

from coldframe import Bench

pytestmark = pytest.mark.django_db


@pytest.fixture
def result_backend():
    """Sets where results go, and forgets the backend that was made of it."""

    def choose(name):
        app.conf.result_backend = name
        forget()

    def forget():
        app._backend_cache = None
        vars(app._local).pop("backend", None)

    yield choose
    app.conf.changes.pop("result_backend", None)
    forget()


def test_nothing_closes_the_connection_and_nothing_stays_behind():
    raw = connection.connection
    watched = [
        (transaction.Atomic, "__enter__"),
        (transaction.Atomic, "__exit__"),
        (transaction, "mark_for_rollback_on_error"),
        (BaseDatabaseWrapper, "on_commit"),
        (BaseDatabaseWrapper, "run_and_clear_commit_hooks"),
        (BaseDatabaseWrapper, "close"),
        (CursorWrapper, "_execute_with_wrappers"),
    ]
    before = [getattr(owner, name) for owner, name in watched]
    capture = vars(TestCase)["captureOnCommitCallbacks"].__func__.__closure__[0].cell_contents
    names = ("task_prerun", "task_postrun", "worker_process_init", "worker_init", "beat_embedded_init")
    receivers = {name: list(getattr(signals, name).receivers) for name in names}
    with Bench(app) as bench:
        note.delay("x").get()
        assert len(signals.task_prerun.receivers) > len(receivers["task_prerun"])
        bench.drain()
    assert connection.connection is raw
    assert connection.connection is not None
    assert {name: list(getattr(signals, name).receivers) for name in names} == receivers
    assert [getattr(owner, name) for owner, name in watched] == before
    assert vars(TestCase)["captureOnCommitCallbacks"].__func__.__closure__[0].cell_contents is capture


def test_the_present_is_virtual_everywhere():
    with Bench(app, start="2026-03-29T00:00+01:00") as bench:
        assert timezone.now() == datetime(2026, 3, 28, 23, 0, tzinfo=UTC)
        result = moment.apply_async(countdown=1200)
        assert result.get() == "2026-03-28T23:20:00+00:00"
        bench.advance(hours=2)
        assert timezone.localtime().hour == 3
        note.delay("x").get()
        assert Note.objects.get().written_at == bench.now


def test_tasks_are_not_eager_whatever_the_settings_say():
    with Bench(app) as bench:
        note.delay("queued")
        bench.assert_queued("note")
        bench.drain()
    assert app.conf.task_always_eager is True
    with override_settings(CELERY_TASK_ALWAYS_EAGER=False), Bench(app) as bench:
        assert app.conf.task_always_eager is False
        with override_settings(CELERY_TASK_ALWAYS_EAGER=True):
            note.delay("still queued")
            bench.assert_queued("note")
        bench.drain()
    assert app.conf.task_always_eager is True
    assert sorted(Note.objects.values_list("text", flat=True)) == ["queued", "still queued"]


def test_results_go_to_the_database(result_backend):
    result_backend("django-db")
    with Bench(app) as bench:
        bench.expect_failure(RuntimeError)
        good, bad = note.delay("x"), ship_and_fail.delay(1)
        assert good.get() == "x"
        with pytest.raises(RuntimeError, match="no stock"):
            bad.get()
        bench.drain()
        stored = TaskResult.objects.get(task_id=good.id)
        assert stored.status == "SUCCESS"
        assert stored.date_done == bench.runs("note")[0].finished_at
        group = (note.s("a") | note.si("b")).delay()
        assert group.get() == "b"
        ship.delay(1).get()


def test_results_go_to_the_cache(result_backend):
    result_backend("django-cache")
    with Bench(app) as bench:
        assert note.delay("x").get() == "x"
        cache.set("kept", 1, timeout=60)
        bench.advance(seconds=61)
        assert cache.get("kept") is None


def test_looking_costs_no_query():
    with Bench(app) as bench:
        note.delay("x")
        bench.drain()
        with CaptureQueriesContext(connection) as queries:
            assert repr(bench.runs("note"))
            assert bench.runs("note")[0].result == "x"
            assert bench.timeline()
            assert bench.queued() == []
        assert len(queries) == 0


def test_on_commit_may_be_given_options():
    with Bench(app) as bench, transaction.atomic():
        note.apply_async_on_commit(["later"], countdown=60)
        bench.assert_not_queued("note")
        transaction.on_commit(lambda: bench.assert_queued("note", args=["later"]))
