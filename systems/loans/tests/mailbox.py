"""A mail server for tests in virtual time: it takes its time, refuses whom it is told to, and can be down."""

from __future__ import annotations

import smtplib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from core.clock import now, zone

BACKEND = f"{__name__}.Backend"


@dataclass(frozen=True, slots=True)
class Mail:
    """A message that was accepted, and when."""

    at: datetime
    to: str
    subject: str
    body: str

    @property
    def on(self) -> str:
        """The local day and minute, such as `2026-03-01 07:00`."""
        return f"{self.at.astimezone(zone()):%Y-%m-%d %H:%M}"


@dataclass(slots=True)
class Mailbox:
    """What the server accepted, and how it is disposed."""

    mails: list[Mail] = field(default_factory=list)
    down: bool = False
    refused: set[str] = field(default_factory=set)
    seconds: float = 0  # that it takes for each message, in virtual time
    on_mail: Callable[[str], None] | None = None  # called while it takes a message

    def to(self, address: str, subject: str = "") -> list[Mail]:
        """What one address got."""
        return [mail for mail in self.mails if mail.to == address and subject in mail.subject]

    def days(self, address: str, subject: str = "") -> list[str]:
        """On which local days one address got it."""
        return [mail.on[:10] for mail in self.to(address, subject)]

    def count(self) -> Counter[tuple[str, str]]:
        """How many messages went to whom, about what."""
        return Counter((mail.to, mail.subject) for mail in self.mails)

    def take(self, message: EmailMessage) -> None:
        """Accept a message, or refuse it as a server does."""
        message.message()  # what cannot be put on the wire fails here, as with the real backend
        if self.down:
            raise ConnectionRefusedError("nobody listens at the mail server's port")
        for address in message.recipients():
            if self.seconds:
                time.sleep(self.seconds)
            if self.on_mail:
                self.on_mail(address)
            if address in self.refused:
                raise smtplib.SMTPRecipientsRefused({address: (550, b"no such mailbox")})
            self.mails.append(Mail(now(), address, message.subject, str(message.body)))


BOX = Mailbox()


def fresh() -> Mailbox:
    """Empty, friendly and quick again."""
    BOX.__init__()  # type: ignore[misc]
    return BOX


class Backend(BaseEmailBackend):
    """Django's way to it."""

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        """Hand over the messages; the number of those that were accepted."""
        for message in messages:
            BOX.take(message)
        return len(messages)
