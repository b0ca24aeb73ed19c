"""What must not add up over many waits, drives and publishes of one bench."""

from __future__ import annotations

import pytest
from celery import Celery

from coldframe import Bench
from coldframe._core.events import Published


@pytest.fixture
def polled() -> Celery:
    """An app whose results are polled for, so that time jumps once in each wait."""
    return Celery("polled", broker="amqp://broker.internal//", backend="cache+memory://", set_as_current=False)


def test_each_wait_for_a_polled_result_has_its_own_patience(polled: Celery) -> None:
    @polled.task(name="polled.double", shared=False)
    def double(number: int) -> int:
        return number * 2

    with Bench(polled):
        assert [double.delay(number).get() for number in range(20)] == [number * 2 for number in range(20)]


def test_each_drive_tells_only_what_is_new(polled: Celery) -> None:
    @polled.task(name="polled.fail", shared=False)
    def fail() -> None:
        raise ValueError("no")

    with Bench(polled, failures="collect") as bench:
        fail.delay()
        assert bench.settle().failed == 1
        fail.delay()
        fail.delay()
        assert bench.settle().failed == 2
        assert bench.settle().failed == 0
        assert bench.tally().failed == 3


def test_a_queue_is_declared_again_only_by_a_connection_that_has_not_declared_it(polled: Celery) -> None:
    @polled.task(name="polled.note", shared=False)
    def note() -> None:
        return None

    with Bench(polled, unread="collect") as bench:
        note.delay()
        with polled.connection_for_write() as connection:
            connection.default_channel.queue_delete("celery")
        note.delay()  # its producer's connection has declared the queue, and does not know that it is gone
        with polled.connection_for_write() as connection, polled.amqp.Producer(connection) as producer:
            note.apply_async(producer=producer)
        published = [event.queues for event in bench.trace if isinstance(event, Published)]
        assert published == [("celery",), (), ("celery",)]
