"""Send the mails of a sweep, each at most once, and know what to do when the mail server is down."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from django.db.models import Exists, F, Q

from core.deliveries import Status, deliver
from core.models import DeliveryLedger
from core.sweeps import SERVER_DOWN, Isolation, Outcome


class Sender(Protocol):
    """How a sweep mails: the number of messages that were accepted, 0 or an exception if none."""

    def __call__(self, *, subject: str, message: str, recipient_list: list[str]) -> int:
        """Hand one message to the mail server."""
        ...


class Letter(NamedTuple):
    """What one person gets."""

    address: str
    subject: str
    message: str


def attempt(delivery: DeliveryLedger, send: Callable[[], object], *, only_if: Exists | Q | None = None) -> bool:
    """`deliver` it; an attempt at which the mail server was down is not counted, for it is not the message's fault.

    Raises:
        Exception: whatever `send` raises.
    """
    try:
        return deliver(delivery, send, only_if=only_if)
    except SERVER_DOWN:
        DeliveryLedger.objects.filter(pk=delivery.pk, status=Status.FAILED).update(attempts=F("attempts") - 1)
        raise


class Round:
    """One round of mails. One that fails does not stop the others; `outcome` is what it came to."""

    def __init__(self, send: Sender, until: float | None = None) -> None:
        self.outcome = Outcome()
        self._send = send
        self._isolation = Isolation(self.outcome, until)

    def mail(self, delivery: DeliveryLedger, write: Callable[[], Letter], *, only_if: Exists | Q | None = None) -> None:
        """Send a letter unless it was sent before; it is written when it is sure that it may be sent.

        Raises:
            MailServerDown: the server did not answer several times in a row.
            TimeUp: the run took as long as it may.
        """
        with self._isolation.of(delivery):
            if attempt(delivery, lambda: self._post(write()), only_if=only_if):
                self.outcome.sent += 1
            else:
                self.outcome.skipped += 1

    def _post(self, letter: Letter) -> int:
        return self._send(subject=letter.subject, message=letter.message, recipient_list=[letter.address])
