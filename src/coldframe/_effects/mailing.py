"""What all libraries of mail have in common: which servers are simulated, and how a message is told."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from contextlib import AbstractContextManager
from email.utils import getaddresses, parseaddr
from typing import TYPE_CHECKING, Any

from coldframe._core.mail_headers import header_of
from coldframe._effects.gate import Failures, Touch
from coldframe._effects.network import is_local

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench

RECIPIENTS_TOLD = 2
SUBJECT_TOLD = 60
#: The name by which the simulated processes greet a mail server; to find the real one would ask a name server.
OWN_NAME = "bench.localdomain"

_LINE_ENDS = re.compile(rb"\r\n|\r|\n")


class Mailing:
    """What all libraries of mail have in common.

    Args:
        opened: The bench.
    """

    def __init__(self, opened: OpenBench) -> None:
        self.gate = opened.gate
        self._guard = opened.guard
        self._scheduler = opened.scheduler

    def on_bench(self) -> bool:
        """Whether the code runs in the thread of the bench."""
        return self._scheduler.is_own_thread()

    def is_simulated(self, host: str, port: int) -> bool:
        """Whether a task that reaches for this server finds the bench's own instead."""
        in_task = self.on_bench() and self.gate.world.attempt() is not None
        return in_task and not self._guard.lets_through(host, port)

    def connecting(self, host: str, port: int, failures: Failures) -> AbstractContextManager[Touch]:
        """Connect to a mail server inside this block: that changes nothing outside, but can fail."""
        details = {"server": server_name(host, port), "safe": True}
        return self.gate.passing("mail.connect", host, details=details, failures=failures)

    def sending(
        self, sender: str, recipients: list[str], message: bytes, via: str, failures: Failures
    ) -> AbstractContextManager[Touch]:
        """Send a message inside this block.

        Args:
            sender: Of the envelope.
            recipients: Of the envelope.
            message: As it goes over the wire.
            via: The server, or what else takes it.
            failures: How it can fail, by name.
        """
        to = [bare(address) for address in recipients]
        details = {"sender": bare(sender), "recipients": to, "via": via, "message": as_text(message)}
        resource = f"mail to {', '.join(to)}"
        return self.gate.passing(
            "mail.send",
            in_words(to, header_of(message, "Subject")),
            details=details,
            failures=failures,
            resource=resource,
        )


class Refusals(dict[str, Any]):
    """The answer of a server that refuses some recipients, and takes the message for the others."""


def server_name(host: str, port: int) -> str:
    """A server as it is told; on the machine itself the port is one that happened to be free."""
    return host if is_local(host.lower()) else f"{host}:{port}"


def bare(address: str) -> str:
    """The address alone, as it goes into an envelope."""
    return parseaddr(address)[1] or address


def wire_form(message: bytes) -> bytes:
    """A message with the line ends that it has on the wire."""
    return _LINE_ENDS.sub(b"\r\n", message)


def bytes_of(message: str | bytes) -> bytes | None:
    """What a client is given, as it goes over the wire; None if it cannot, which the client shall say."""
    try:
        return wire_form(message.encode("ascii") if isinstance(message, str) else bytes(message))
    except UnicodeEncodeError:
        return None


def as_text(message: bytes) -> str | dict[str, str]:
    """A message as something that JSON knows."""
    try:
        return message.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(message).decode()}


def in_words(recipients: Iterable[str], subject: str) -> str:
    """A message in a line: to whom, and about what."""
    first, *others = [*recipients] or ["nobody"]
    told = ", ".join([first, *others[: RECIPIENTS_TOLD - 1]])
    if len(others) >= RECIPIENTS_TOLD:
        told += f" and {len(others) - RECIPIENTS_TOLD + 1} more"
    line = " ".join(subject.split())
    if len(line) > SUBJECT_TOLD:
        line = f"{line[: SUBJECT_TOLD - 1]}…"
    return f"to {told}: {line}" if line else f"to {told}"


def envelope_of(message: bytes) -> tuple[str, list[str]]:
    """Sender and recipients of a message whose envelope nobody knows: those that its headers name."""
    to = getaddresses([header_of(message, "To"), header_of(message, "Cc")])
    return header_of(message, "From"), [address for _, address in to if address]
