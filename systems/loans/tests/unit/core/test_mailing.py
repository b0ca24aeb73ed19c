"""One round of mails: each at most once, and a server that is down is nobody's fault."""

from __future__ import annotations

import time
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest

from core.deliveries import Key, prepare
from core.mailing import Letter, Round
from core.models import DeliveryLedger
from core.sweeps import MailServerDown, Outcome, TimeUp

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


class Server:
    """Accepts, and fails as it is told."""

    def __init__(self, **troubles: Exception | int) -> None:
        self.troubles = troubles
        self.got: list[str] = []

    def __call__(self, *, recipient_list: list[str], **_: Any) -> int:
        (address,) = recipient_list
        trouble = self.troubles.get(address)
        if isinstance(trouble, Exception):
            raise trouble
        if trouble is None:
            self.got.append(address)
        return 1 if trouble is None else 0


def deliveries(*names: str) -> list[DeliveryLedger]:
    return list(prepare(Key("task", "thing", "kind", name) for name in names).values())


def play(server: Server, rows: list[DeliveryLedger]) -> Round:
    mails = Round(server)
    for row in rows:
        mails.mail(row, lambda row=row: Letter(row.recipient, "subject", "text"))
    return mails


def test_all_get_theirs_once() -> None:
    server, rows = Server(), deliveries("ann", "bob")
    assert play(server, rows).outcome == Outcome(sent=2)
    assert play(server, rows).outcome == Outcome(skipped=2)
    assert server.got == ["ann", "bob"]


def test_a_refused_address_and_an_unaccepted_message_stop_nobody() -> None:
    server = Server(bob=SMTPRecipientsRefused({"bob": (550, b"unknown")}), cat=0)
    assert play(server, deliveries("ann", "bob", "cat", "dan")).outcome == Outcome(sent=2, failed=2)
    assert [row.attempts for row in DeliveryLedger.objects.order_by("recipient")] == [1, 1, 1, 1]


def test_a_server_that_is_down_for_one_of_them_makes_the_round_worth_another_try() -> None:
    server = Server(bob=ConnectionRefusedError("nobody there"))
    outcome = play(server, deliveries("ann", "bob", "cat")).outcome
    assert outcome == Outcome(sent=2, failed=1)
    assert outcome.try_again
    assert server.got == ["ann", "cat"]
    server.troubles.clear()
    assert play(server, deliveries("ann", "bob", "cat")).outcome == Outcome(sent=1, skipped=2)


def test_a_server_that_stays_down_ends_the_round_at_once() -> None:
    rows = deliveries("ann", "bob", "cat", "dan")
    with pytest.raises(MailServerDown, match="3 times in a row"):
        play(Server(**{name: TimeoutError("no answer") for name in ("ann", "bob", "cat", "dan")}), rows)


def test_an_attempt_at_a_server_that_is_down_does_not_count() -> None:
    (row,) = deliveries("ann")
    for _ in range(25):
        play(Server(ann=ConnectionRefusedError("nobody there")), [row])
    row.refresh_from_db()
    assert (row.status, row.attempts, row.error) == ("failed", 0, "ConnectionRefusedError: nobody there")
    assert play(Server(), [row]).outcome == Outcome(sent=1)


def test_a_letter_that_cannot_be_written_is_one_failure() -> None:
    mails = Round(Server())
    (row,) = deliveries("ann")
    mails.mail(row, lambda: Letter(*[]))  # type: ignore[call-arg]
    assert mails.outcome == Outcome(failed=1)
    assert not mails.outcome.try_again


def test_a_round_stops_when_its_time_is_up() -> None:
    server = Server()
    mails = Round(server, until=time.monotonic() - 1)
    with pytest.raises(TimeUp, match="goes on from there"):
        mails.mail(deliveries("ann")[0], lambda: Letter("ann", "subject", "text"))
    assert server.got == []
