"""What suites do at the edges: mocks as results, threads, rollbacks, errbacks, class-level set-up."""

from __future__ import annotations
import threading
from concurrent.futures import ThreadPoolExecutor
from unittest import mock
import pytest
from celery import shared_task, signals, group, chain, chord
from django.test import TestCase
from django.db import transaction
from visits import tasks
from visits.models import Entry, Visit

LIES = {
    "test_mock_queue": "wrong queue",
    "ClassLevel::test_moved": "countdown",
    "test_chain_with_unserializable_first": "result not serializable",
    "test_chord_errback_not_called": "chord error",
    "test_link_error_in_chord": "chord error",
    "test_missing": "sent, then rolled back",
    "Rollback::test_rolled_back_note": "on_commit never ran",
}
client = mock.Mock()


class Custom(Exception):
    def __init__(self, code, *, why):
        super().__init__(code, why)
        self.code = code


@shared_task
def calls(x):
    return client.send(x)


@shared_task
def calls_attr(x):
    return {"status": client.send(x).status_code, "list": [client.other]}


@shared_task
def custom():
    raise Custom(3, why="x")


@shared_task(bind=True)
def progress(self):
    self.update_state(state="PROGRESS", meta={"n": 1})
    return 1


@shared_task(bind=True)
def whoami(self, a, b=2):
    return [self.request.id is not None, self.request.args, self.request.kwargs, self.request.retries, self.name]


@shared_task
def seen(pk):
    Entry.objects.create(text=Visit.objects.get(pk=pk).patient)


@shared_task(ignore_result=True)
def bad_but_ignored():
    Entry.objects.create(text="x")
    return {1}


@shared_task
def outer():
    return group(tasks.note.s("a"), tasks.note.s("b"))().id is not None


def texts():
    return list(Entry.objects.order_by("pk").values_list("text", flat=True))


def test_mock_result():
    with mock.patch(__name__ + ".client") as c:
        calls.delay(1)
    c.send.assert_called_once_with(1)


def test_mock_result_same():
    with mock.patch(__name__ + ".client") as c:
        assert calls.delay(1).get() is c.send.return_value


def test_mock_nested():
    with mock.patch(__name__ + ".client"):
        assert calls_attr.delay(1).successful()


def test_mock_queue():
    with mock.patch(__name__ + ".client") as c:
        calls.apply_async([1], queue="nope")
    c.send.assert_called_once_with(1)


@pytest.mark.django_db
def test_thread():
    with ThreadPoolExecutor(1) as pool, mock.patch(__name__ + ".client") as c:
        pool.submit(calls.delay, 5).result()
        c.send.assert_called_once_with(5)


def test_thread_join():
    with mock.patch(__name__ + ".client") as c:
        t = threading.Thread(target=calls.delay, args=(5,))
        t.start()
        t.join()
        c.send.assert_called_once_with(5)


def test_custom_error_state():
    assert custom.delay().failed()


def test_progress():
    assert progress.delay().get() == 1


def test_whoami():
    assert whoami.delay(1, b=3).get() == [True, [1], {"b": 3}, 0, __name__ + ".whoami"]


def test_signal():
    got = []

    def h(sender=None, **k):
        got.append(sender.name)

    signals.task_success.connect(h)
    try:
        progress.delay()
        assert len(got) == 1
    finally:
        signals.task_success.disconnect(h)


@pytest.mark.django_db
def test_num_queries(django_assert_num_queries):
    with django_assert_num_queries(1):
        tasks.note.delay("q")


@pytest.mark.django_db
def test_ignored_bad():
    bad_but_ignored.delay()
    assert texts() == ["x"]


@pytest.mark.django_db
def test_chain_with_unserializable_first():
    chain(tasks.ids.s(), tasks.summary.s())()
    assert texts()


@pytest.mark.django_db
def test_after_atomic():
    with transaction.atomic():
        v = Visit.objects.create(patient="z")
    seen.delay(v.pk)
    assert "z" in texts()


@pytest.mark.django_db
def test_missing():
    try:
        with transaction.atomic():
            v = Visit.objects.create(patient="z")
            seen.delay(v.pk)
            raise KeyError
    except KeyError:
        pass
    assert not Visit.objects.exists()


@pytest.mark.django_db
def test_atomic_then():
    with transaction.atomic():
        v = Visit.objects.create(patient="z")
        seen.delay(v.pk)
    assert "z" in texts()


@pytest.mark.django_db
def test_chord_errback_not_called():
    try:
        chord([tasks.note.s("a"), tasks.sometimes.s()], tasks.summary.s().on_error(tasks.forget.s()))()
    except tasks.Unreachable:
        pass
    assert texts() == ["a"]


@pytest.mark.django_db
def test_link_error_in_chord():
    with pytest.raises(tasks.Unreachable):
        chord([tasks.sometimes.s(), tasks.note.s("b")], tasks.summary.s().on_error(tasks.forget.s())).apply_async()


def test_outer():
    with mock.patch("visits.tasks.Entry"):
        assert outer.delay().get()


@pytest.mark.django_db
def test_starmap():
    assert tasks.note.starmap([("a",), ("b",)]).delay().get() == ["a", "b"]


@pytest.mark.django_db
def test_nested_chord():
    (group(tasks.note.si(str(i)) for i in range(2)) | tasks.summary.s() | tasks.note.si("end")).delay()
    assert texts() == ["0", "1", "summary of 2", "end"]


@pytest.mark.django_db
def test_get_timeout():
    assert tasks.note.delay("a").get(timeout=1) == "a"
    assert tasks.note.delay("a").wait() == "a"


@pytest.fixture(scope="class")
def cls_state():
    return []


class TestC:
    def test_a(self, cls_state):
        cls_state.append(1)
        assert progress.delay().get() == 1


class ClassLevel(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.v = Visit.objects.create(patient="cl")
        tasks.note.delay("class")

    def setUp(self):
        tasks.note.delay("setup")

    def test_texts(self):
        self.assertEqual(texts(), [f"indexed {self.v.pk}", "class", "setup"])

    def test_moved(self):
        tasks.note.apply_async(["m"], countdown=1)
        self.assertIn("m", texts())

    def tearDown(self):
        tasks.note.delay("end")


class Rollback(TestCase):
    def test_rolled_back(self):
        try:
            with transaction.atomic():
                transaction.on_commit(lambda: tasks.note.delay("never"))
                raise KeyError
        except KeyError:
            pass
        self.assertEqual(texts(), [])

    def test_rolled_back_note(self):
        with transaction.atomic():
            transaction.on_commit(lambda: tasks.note.delay("ever"))
        self.assertEqual(texts(), [])

    def test_mail_mock(self):
        with mock.patch("visits.tasks.note.delay") as d, self.captureOnCommitCallbacks(execute=True):
            transaction.on_commit(lambda: tasks.note.delay("ever"))
        d.assert_called_once_with("ever")
