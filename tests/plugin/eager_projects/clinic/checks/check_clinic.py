"""Other styles: signals, class-based tasks, ATOMIC_REQUESTS, commands, locks, asyncio, travelling in time."""

from __future__ import annotations

import datetime as dt
import io
import uuid
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import pytest
import time_machine
from celery import chain, chord, current_app, group
from celery.result import AsyncResult, GroupResult
from django.core.cache import cache
from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone

from billing.tasks import invoice
from config.celery import app
from visits import tasks
from visits.models import Entry, Visit

LIES = {
    "test_invoice": "wrong queue",
    "test_invoice_in_a_chain": "wrong queue",
    "test_ids": "result not serializable",
    "test_visit_is_returned": "result not serializable",
    "test_first_visit": "result not serializable",
    "test_model_in_a_chain": "invalid",
    "test_reminders": "retry",
    "test_reminder_fails": "retry",
    "test_poll": "retry",
    "test_fleeting": "expired",
    "test_delayed_cascade": "countdown",
    "test_rest_of_a_chain_is_delayed": "countdown",
    "test_errors_of_a_chord_are_read": "chord error",
    "test_state_by_id": "result by id",
    "test_hello": "result not serializable",
    "test_note_is_written_inside_the_block": "sent in a transaction",
}


def texts():
    return list(Entry.objects.order_by("pk").values_list("text", flat=True))


def test_signal_indexes(visit):
    assert texts() == [f"indexed {visit.pk}"]


def test_invoice(visit):
    invoice.delay(visit.pk)
    visit.refresh_from_db()
    assert visit.state == "billed"


def test_invoice_in_a_chain(visit):
    chain(tasks.note.si("before"), invoice.si(visit.pk), tasks.note.si("after")).delay()
    assert texts()[-1] == "after"


def test_invoice_sent_elsewhere(visit):
    invoice.apply_async([visit.pk], queue="clinic")
    visit.refresh_from_db()
    assert visit.state == "billed"


def test_close_day(visit):
    assert tasks.close_day.delay().get() == 1
    visit.refresh_from_db()
    assert visit.state == "closed"


def test_command(visit):
    out = io.StringIO()
    call_command("close_day", stdout=out)
    assert out.getvalue() == "closed 1\n"


def test_schedule_names_a_task():
    app.loader.import_default_modules()
    assert app.conf.beat_schedule["nightly"]["task"] in app.tasks


def test_lock(visit):
    cache.clear()
    assert tasks.count_visits.delay().get() == 1
    assert tasks.count_visits.delay().get() == "locked"


def test_lock_without_clearing(visit):
    cache.delete("lock:visits.count")
    assert tasks.count_visits.delay().get() == 1


def test_ids(visit):
    assert list(tasks.ids.delay().get()) == [visit.pk]


def test_visit_is_returned(visit):
    assert tasks.visit_of.delay(visit.pk).get() == visit


def test_first_visit(visit):
    tasks.first_visit.delay()


def test_model_in_a_chain(visit):
    result = chain(tasks.visit_of.s(visit.pk), tasks.pickled.s())()
    assert result.successful()


def test_reminder(visit):
    tasks.remind.delay(visit.pk)
    visit.refresh_from_db()
    assert visit.reminded == 1


def test_reminders(visit):
    with mock.patch("visits.tasks.provider", side_effect=[tasks.Unreachable, tasks.Unreachable, "sent"]):
        tasks.remind.delay(visit.pk)
    visit.refresh_from_db()
    assert visit.reminded == 3


def test_reminder_fails(visit):
    with mock.patch("visits.tasks.provider", side_effect=tasks.Unreachable("no")) as provider:
        result = tasks.remind.delay(visit.pk)
    assert result.state == "FAILURE"
    assert provider.call_count == 5


def test_reminder_is_sent_in_the_end(visit):
    with mock.patch("visits.tasks.provider", side_effect=[tasks.Unreachable, "sent"]):
        tasks.remind.delay(visit.pk).get()
    visit.refresh_from_db()
    assert visit.reminded == 2


@pytest.mark.django_db
def test_poll():
    tasks.poll.delay(3)
    assert texts() == ["polled"]


@pytest.mark.django_db
def test_fleeting():
    tasks.fleeting.delay()
    assert texts() == ["fleeting"]


@pytest.mark.django_db
def test_cascade():
    tasks.cascade.delay(3)
    assert texts() == ["depth 3", "depth 2", "depth 1", "depth 0"]


@pytest.mark.django_db
def test_delayed_cascade():
    tasks.delayed_cascade.delay()
    assert texts() == ["at last"]


@pytest.mark.django_db
def test_delayed_cascade_is_started():
    assert tasks.delayed_cascade.delay().successful()


@pytest.mark.django_db
def test_rest_of_a_chain_is_delayed():
    chain(tasks.note.si("now"), tasks.note.si("later").set(countdown=60)).delay()
    assert texts() == ["now", "later"]


@pytest.mark.django_db
def test_chord_summary():
    chord(group(tasks.note.s(text) for text in "abc"), tasks.summary.s()).delay()
    assert texts()[-1] == "summary of 3"


@pytest.mark.django_db
def test_chord_from_a_chain():
    (group(tasks.note.s("a"), tasks.note.s("b")) | tasks.summary.s()).apply_async()
    assert texts()[-1] == "summary of 2"


@pytest.mark.django_db
@override_settings(CELERY_TASK_EAGER_PROPAGATES=True)
def test_errors_of_a_chord_are_read():
    with pytest.raises(tasks.Unreachable):
        chord([tasks.note.s("a"), tasks.sometimes.s()])(tasks.summary.s())


@pytest.mark.django_db
def test_errback():
    tasks.sometimes.apply_async(link_error=tasks.forget.s())
    assert texts() == ["forgot nobody there"]


@pytest.mark.django_db
def test_results_of_a_group():
    result = group(tasks.note.s(text) for text in "ab").apply_async()
    assert isinstance(result, GroupResult)
    assert [child.get() for child in result] == ["a", "b"]
    assert result.completed_count() == 2


@pytest.mark.django_db
def test_own_id():
    task_id = str(uuid.uuid4())
    assert tasks.note.apply_async(["a"], task_id=task_id).id == task_id


@pytest.mark.django_db
def test_state_by_id():
    task_id = tasks.note.delay("a").id
    assert AsyncResult(task_id).status == "PENDING"


@pytest.mark.django_db
def test_hello():
    assert tasks.hello.delay().state == "SUCCESS"


def test_today_is_now():
    before = timezone.now()
    today = tasks.today.delay().get()
    assert before <= today <= timezone.now()


def test_later_is_later(visit):
    before = visit.changed_at
    tasks.remind.delay(visit.pk)
    visit.save()
    assert visit.changed_at > before


@pytest.mark.django_db
def test_pickled_is_refused_or_not():
    app.conf.accept_content = ["json", "pickle"]
    try:
        tasks.pickled.delay({1, 2})
        assert texts() == ["set"]
    finally:
        app.conf.accept_content = ["json"]


@pytest.mark.django_db
def test_on_another_thread():
    with mock.patch("visits.tasks.index_visit.run") as run, ThreadPoolExecutor(1) as pool:
        pool.submit(tasks.index_visit.apply, args=[1]).result()
    assert run.called


@pytest.mark.django_db(transaction=True)
def test_committed_for_real(client):
    client.post("/visits/", {"patient": "Ada"}, content_type="application/json")
    assert Visit.objects.get().reminded == 1


@pytest.mark.django_db
def test_callbacks(client, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        client.post("/visits/", {"patient": "Ada"}, content_type="application/json")
    assert len(callbacks) == 1
    assert Visit.objects.get().reminded == 1


@pytest.mark.django_db
def test_note_is_written_inside_the_block():
    from django.db import transaction

    with transaction.atomic():
        tasks.note.delay("inside")
        assert texts() == ["inside"]


@pytest.mark.django_db
def test_broken_view(client):
    with pytest.raises(RuntimeError, match="broken view"):
        client.get("/visits/broken/")
    assert not Visit.objects.exists()


@pytest.mark.django_db
def test_sent_by_name_is_patched():
    with mock.patch("config.celery.app.send_task") as send:
        current_app.send_task("elsewhere.task")
    send.assert_called_once()


@pytest.mark.parametrize("day", [1, 2])
def test_travelled(day):
    with time_machine.travel(dt.datetime(2030, 1, day, 12, tzinfo=dt.UTC), tick=False):
        assert tasks.today.delay().get().day == day
