"""A message is claimed, sent and confirmed: by one worker, once, and only while there is a reason."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import Exists
from pytest_django import DjangoAssertNumQueries

from core.deliveries import (
    MAX_ATTEMPTS,
    Key,
    NotAccepted,
    claim,
    deliver,
    given_up,
    in_doubt,
    is_open,
    prepare,
    send_again,
)
from core.models import DeliveryLedger
from documents.models import Repayment
from tests.factories import RepaymentFactory

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

KEY = Key("check_repayment_reminders", "repayment:7", "overdue_3", "ann@example.com", "2026-03-20")


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(datetime(2026, 3, 23, 7, tzinfo=UTC), tick=False) as traveller:
        yield traveller


def delivery() -> DeliveryLedger:
    """As the database has it now."""
    return prepare([KEY])[KEY]


def accepted() -> int:
    return 1


def refused() -> int:
    raise smtplib.SMTPRecipientsRefused({"ann@example.com": (550, b"no such mailbox")})


def stopped() -> int:
    raise SoftTimeLimitExceeded("the time limit")


def state() -> tuple[str, int, str]:
    row = delivery()
    return row.status, row.attempts, row.error


def test_a_message_is_prepared_once_however_often_it_is_asked_for() -> None:
    first = prepare([KEY, KEY])
    again = prepare([KEY])
    assert first[KEY].pk == again[KEY].pk
    assert (DeliveryLedger.objects.count(), is_open(again[KEY])) == (1, True)


def test_each_part_of_the_key_makes_another_message() -> None:
    others = [
        Key("send_repayment_reminders", "repayment:7", "overdue_3", "ann@example.com", "2026-03-20"),
        Key("check_repayment_reminders", "repayment:8", "overdue_3", "ann@example.com", "2026-03-20"),
        Key("check_repayment_reminders", "repayment:7", "overdue_7", "ann@example.com", "2026-03-20"),
        Key("check_repayment_reminders", "repayment:7", "overdue_3", "ben@example.com", "2026-03-20"),
        Key("check_repayment_reminders", "repayment:7", "overdue_3", "ann@example.com", "2026-04-20"),
    ]
    rows = prepare([KEY, *others])
    assert list(rows) == [KEY, *others]
    assert len({row.pk for row in rows.values()}) == 6


def test_many_are_prepared_with_two_statements(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    keys = [Key("t", f"repayment:{number}", "overdue_3", "ann@example.com") for number in range(80)]
    with django_assert_num_queries(2):
        assert len(prepare(keys)) == 80
    with django_assert_num_queries(0):
        assert prepare([]) == {}


def test_what_is_accepted_is_sent_once() -> None:
    assert deliver(delivery(), accepted)
    assert not deliver(delivery(), refused)  # which is not even called
    assert state() == ("sent", 1, "")
    assert delivery().sent_at == delivery().claimed_at == datetime(2026, 3, 23, 7, tzinfo=UTC)


def test_what_is_refused_is_tried_again() -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="no such mailbox"):
        deliver(delivery(), refused)
    assert state() == ("failed", 1, "SMTPRecipientsRefused: {'ann@example.com': (550, b'no such mailbox')}")
    assert deliver(delivery(), accepted)
    assert state() == ("sent", 2, "")


def test_a_server_that_takes_it_for_nobody_has_refused_it() -> None:
    with pytest.raises(NotAccepted, match=r"did not accept the message to ann@example\.com"):
        deliver(delivery(), lambda: 0)
    assert state()[0] == "failed"


def test_of_two_workers_with_the_same_row_one_sends_it() -> None:
    mine, theirs = delivery(), delivery()
    seen: list[bool] = []

    def send() -> int:
        seen.append(deliver(theirs, accepted))
        return 1

    assert deliver(mine, send)
    assert seen == [False]


def test_it_is_not_sent_when_its_reason_is_gone() -> None:
    row = RepaymentFactory()
    unpaid = Exists(Repayment.objects.filter(pk=row.pk, paid_date__isnull=True))
    pending = delivery()
    Repayment.objects.filter(pk=row.pk).update(paid_date="2026-03-23")
    assert not deliver(pending, accepted, only_if=unpaid)
    assert state() == ("pending", 0, "")
    Repayment.objects.filter(pk=row.pk).update(paid_date=None)
    assert deliver(pending, accepted, only_if=unpaid)


def test_a_claim_that_nobody_confirms_is_in_doubt_after_an_hour(clock: time_machine.Coordinates) -> None:
    assert claim(delivery())
    assert not claim(delivery())
    clock.shift(timedelta(minutes=59))
    assert not in_doubt().exists()
    clock.shift(timedelta(minutes=1))
    assert in_doubt().get().pk == delivery().pk
    assert not deliver(delivery(), accepted)


def test_a_worker_that_is_stopped_while_it_sends_leaves_it_in_doubt(clock: time_machine.Coordinates) -> None:
    with pytest.raises(SoftTimeLimitExceeded, match="the time limit"):
        deliver(delivery(), stopped)
    clock.shift(timedelta(hours=1))
    assert in_doubt().count() == 1


def refuse_often(times: int) -> None:
    for _ in range(times):
        with pytest.raises(smtplib.SMTPRecipientsRefused, match="no such mailbox"):
            deliver(delivery(), refused)


def test_what_is_refused_ten_times_is_tried_four_times_a_day(clock: time_machine.Coordinates) -> None:
    refuse_often(MAX_ATTEMPTS - 1)
    assert (is_open(delivery()), given_up().exists()) == (True, False)
    refuse_often(1)
    assert (is_open(delivery()), given_up().count(), claim(delivery())) == (False, 1, False)
    clock.shift(timedelta(hours=6))
    assert is_open(delivery())
    refuse_often(1)
    assert not is_open(delivery())
    clock.shift(timedelta(hours=6))
    assert deliver(delivery(), accepted)
    assert not given_up().exists()


def test_the_office_can_have_a_doubtful_message_sent_again(clock: time_machine.Coordinates) -> None:
    claim(delivery())
    assert send_again(DeliveryLedger.objects.all()) == 0  # somebody may still be sending it
    clock.shift(timedelta(hours=1))
    assert send_again(DeliveryLedger.objects.all()) == 1
    assert deliver(delivery(), accepted)
    assert send_again(DeliveryLedger.objects.all()) == 0


def test_the_office_can_have_a_message_sent_again_whose_address_was_mended() -> None:
    refuse_often(MAX_ATTEMPTS)
    assert send_again(DeliveryLedger.objects.all()) == 1
    assert state()[:2] == ("pending", 0)
    assert deliver(delivery(), accepted)
