"""Batches are bounded, bad rows are isolated, and what is wrong with the run is not blamed on a row."""

from __future__ import annotations

import smtplib
import socket
import time

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError
from pytest_django import DjangoAssertNumQueries

from core.sweeps import Isolation, MailServerDown, Outcome, TimeUp, batches, is_temporary
from tests.factories import UserFactory
from users.models import User

pytestmark = pytest.mark.unit

DOWN = ConnectionRefusedError("nobody listens")


def fail(isolation: Isolation, *errors: Exception) -> None:
    for error in errors:
        with isolation.of("a row"):
            raise error


def accept(isolation: Isolation) -> None:
    with isolation.of("a row"):
        isolation.outcome.sent += 1


@pytest.mark.django_db
def test_rows_come_in_the_order_of_their_key_and_each_once() -> None:
    people = UserFactory.create_batch(7)
    found = [[user.pk for user in batch] for batch in batches(User.objects.order_by("-email"), size=3)]
    keys = [user.pk for user in people]
    assert found == [keys[:3], keys[3:6], keys[6:]]


@pytest.mark.django_db
def test_what_is_deleted_meanwhile_does_not_hide_other_rows() -> None:
    people = UserFactory.create_batch(6)
    seen = []
    for batch in batches(User.objects.all(), size=2):
        seen += [user.pk for user in batch]
        User.objects.filter(pk__in=seen).delete()
    assert seen == [user.pk for user in people]


@pytest.mark.django_db
def test_there_is_a_statement_for_each_batch_and_none_after_one_that_is_not_full(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    UserFactory.create_batch(5)
    for size, statements in ((2, 3), (5, 2), (6, 1)):
        with django_assert_num_queries(statements):
            assert sum(map(len, batches(User.objects.all(), size))) == 5


def test_the_result_is_four_numbers() -> None:
    assert Outcome(4, 3, 2, 1, try_again=True).as_dict() == {"checked": 4, "sent": 3, "skipped": 2, "failed": 1}


def test_a_bad_row_is_logged_and_counted_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    isolation = Isolation(Outcome())
    fail(isolation, ValueError("no such template"), smtplib.SMTPRecipientsRefused({"a@b.c": (550, b"no")}))
    accept(isolation)
    assert isolation.outcome == Outcome(sent=1, failed=2)
    assert not isolation.outcome.try_again
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "skipped 'a row'"),
        ("ERROR", "skipped 'a row'"),
    ]


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, SoftTimeLimitExceeded, MailServerDown, TimeUp])
def test_what_is_wrong_with_the_run_ends_the_run(error: type[Exception]) -> None:
    isolation = Isolation(Outcome())
    with pytest.raises(error):
        fail(isolation, error("of the whole run"))
    assert isolation.outcome.failed == 0


@pytest.mark.parametrize(
    "error",
    [
        DOWN,
        ConnectionResetError(),
        TimeoutError(),
        socket.gaierror(-2, "Name or service not known"),
        smtplib.SMTPServerDisconnected("went away"),
        smtplib.SMTPConnectError(421, b"busy"),
        smtplib.SMTPAuthenticationError(535, b"wrong password"),
    ],
)
def test_after_three_failures_of_the_server_the_run_ends(error: Exception) -> None:
    isolation = Isolation(Outcome())
    fail(isolation, error, error)
    with pytest.raises(MailServerDown, match="failed 3 times in a row"):
        fail(isolation, error)
    assert isolation.outcome == Outcome(failed=3)
    assert isolation.outcome.try_again


def test_only_a_message_that_is_accepted_shows_that_the_server_is_there() -> None:
    isolation = Isolation(Outcome())
    fail(isolation, DOWN, DOWN)
    accept(isolation)
    fail(isolation, DOWN, DOWN, ValueError("a bad row"))
    with isolation.of("a row of which nothing is to be sent"):
        pass
    with pytest.raises(MailServerDown, match="3 times in a row"):
        fail(isolation, DOWN)
    assert isolation.outcome == Outcome(sent=1, failed=6)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DOWN, True),
        (smtplib.SMTPRecipientsRefused({"a@b.c": (450, b"greylisted")}), True),
        (smtplib.SMTPRecipientsRefused({"a@b.c": (450, b"later"), "d@e.f": (550, b"never")}), False),
        (smtplib.SMTPDataError(451, b"try later"), True),
        (smtplib.SMTPDataError(554, b"spam"), False),
        (smtplib.SMTPException("whatever"), False),
        (ValueError("a bad header"), False),
    ],
)
def test_some_failures_are_worth_another_try_in_a_minute(error: Exception, expected: bool) -> None:
    assert is_temporary(error) is expected
    isolation = Isolation(Outcome())
    fail(isolation, error)
    assert isolation.outcome.try_again is expected


def test_when_the_time_is_up_nothing_more_is_begun() -> None:
    isolation = Isolation(Outcome(), until=time.monotonic() - 1)
    begun = []
    with pytest.raises(TimeUp, match="stopped before 'a row'; the next run goes on from there"), isolation.of("a row"):
        begun.append("a row")
    assert (begun, isolation.outcome) == ([], Outcome())


def test_while_there_is_time_rows_are_worked_on() -> None:
    isolation = Isolation(Outcome(), until=time.monotonic() + 60)
    accept(isolation)
    assert isolation.outcome.sent == 1
