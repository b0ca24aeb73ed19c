"""Mail that is sent with the standard library: `smtplib.SMTP`, `SMTP_SSL` and `LMTP`."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from weakref import WeakKeyDictionary

from coldframe._effects.families import put
from coldframe._effects.gate import Failures, Touch
from coldframe._effects.mail_server import CLOSING, GREYLISTED, REJECTED, UNKNOWN_USER, Session
from coldframe._effects.mailing import OWN_NAME, Mailing, Refusals, bytes_of, envelope_of, server_name

CONNECT_FAILURES: Failures = {
    "refused": lambda: ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED)),
    "timeout": lambda: TimeoutError("timed out"),
}
#: How a server answers when a message was taken.
DONE = 250


def failures_of(sender: str, recipients: list[str]) -> dict[str, Callable[[], Any]]:
    """How sending a message can fail once there is a connection, as `sendmail` raises it."""
    from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused, SMTPServerDisconnected

    failures: dict[str, Callable[[], Any]] = {
        "refused": lambda: SMTPSenderRefused(*_reply(CLOSING), sender),
        "timeout": lambda: SMTPServerDisconnected("Connection unexpectedly closed: timed out"),
        "connection lost": lambda: SMTPServerDisconnected("Connection unexpectedly closed"),
        "recipient refused": lambda: SMTPRecipientsRefused(dict.fromkeys(recipients, _reply(UNKNOWN_USER))),
        "greylisted": lambda: SMTPRecipientsRefused(dict.fromkeys(recipients, _reply(GREYLISTED))),
        "message refused": lambda: SMTPDataError(*_reply(REJECTED)),
    }
    if len(recipients) > 1:
        failures["one recipient refused"] = lambda: Refusals({recipients[-1]: _reply(UNKNOWN_USER)})
    return failures


def _reply(reply: tuple[int, str]) -> tuple[int, bytes]:
    return reply[0], reply[1].encode()


def patch(stack: ExitStack, mailing: Mailing, smtplib: Any) -> None:
    """Put the gate in front of the clients until the stack closes."""
    clients = _Clients(mailing, smtplib)
    kind = smtplib.SMTP
    put(stack, smtplib, "socket", _Sockets(mailing, smtplib.socket))
    for name in ("connect", "starttls", "sendmail", "data"):
        put(stack, kind, name, getattr(clients, name)(getattr(kind, name)))
    for owner in dict.fromkeys([kind, getattr(smtplib, "SMTP_SSL", kind)]):
        put(stack, owner, "_get_socket", clients.get_socket(vars(owner)["_get_socket"]))


class _Clients:
    """What the methods of the clients become.

    Args:
        mailing: The bench.
        smtplib: The module.
    """

    def __init__(self, mailing: Mailing, smtplib: Any) -> None:
        self._mailing = mailing
        self._smtplib = smtplib
        #: The server that a client is connected to.
        self._servers: WeakKeyDictionary[Any, str] = WeakKeyDictionary()

    def get_socket(self, original: Any) -> Any:
        """The one place where a client gets its socket."""

        @wraps(original)
        def get_socket(client: Any, host: str, port: int, timeout: Any) -> Any:
            if not self._mailing.is_simulated(host, port):
                return original(client, host, port, timeout)
            is_secret = isinstance(client, getattr(self._smtplib, "SMTP_SSL", ()))
            return SimulatedSocket(Session(is_lmtp=isinstance(client, self._smtplib.LMTP), is_secret=is_secret))

        return get_socket

    def connect(self, original: Any) -> Any:
        """Connecting is an effect: it can fail."""

        @wraps(original)
        def connect(client: Any, host: str = "localhost", port: int = 0, source_address: Any = None) -> Any:
            if not self._mailing.on_bench():
                return original(client, host, port, source_address)
            name, at = _address(client, host, port)
            self._servers[client] = server_name(name, at)
            if not self._mailing.gate.watches():
                return original(client, host, port, source_address)
            with self._mailing.connecting(name, at, CONNECT_FAILURES) as touch:
                return original(client, host, port, source_address) if touch.answer is None else touch.answer

        return connect

    def starttls(self, original: Any) -> Any:
        """A simulated connection has nothing that could be encrypted."""

        @wraps(original)
        def starttls(client: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(client.sock, SimulatedSocket):
                return original(client, context=_NoTls())
            return original(client, *args, **kwargs)

        return starttls

    def sendmail(self, original: Any) -> Any:
        """`send_message` calls it, and Django."""

        @wraps(original)
        def sendmail(client: Any, from_addr: str, to_addrs: Any, msg: Any, *args: Any, **kwargs: Any) -> Any:
            message = bytes_of(msg)
            if message is None or not self._mailing.gate.watches():
                return original(client, from_addr, to_addrs, msg, *args, **kwargs)
            to = [to_addrs] if isinstance(to_addrs, str) else list(to_addrs)

            def send(recipients: list[str]) -> Any:
                return original(client, from_addr, recipients, msg, *args, **kwargs)

            with (
                self._closing(client),
                self._sending(client, from_addr, to, message, failures_of(from_addr, to)) as touch,
            ):
                return _send(touch, to, send)

        return sendmail

    def data(self, original: Any) -> Any:
        """For those who speak the protocol themselves."""

        @wraps(original)
        def data(client: Any, msg: Any) -> Any:
            message = bytes_of(msg)
            if message is None or not self._mailing.gate.watches():
                return original(client, msg)
            sender, to = _envelope(client, message)
            failures = failures_of(sender, to)
            known = {name: failures[name] for name in ("timeout", "connection lost")}
            known["message refused"] = lambda: _reply(REJECTED)
            with self._closing(client), self._sending(client, sender, to, message, known) as touch:
                answer = original(client, msg) if touch.answer is None else touch.answer
                touch.outcome = "done" if answer[0] == DONE else "failed"
                return answer

        return data

    def _sending(self, client: Any, sender: str, to: list[str], message: bytes, failures: Failures) -> Any:
        return self._mailing.sending(sender, to, message, self._servers.get(client, ""), failures)

    @contextmanager
    def _closing(self, client: Any) -> Iterator[None]:
        """After these errors a client has closed the connection."""
        try:
            yield
        except self._smtplib.SMTPServerDisconnected:
            client.close()
            raise
        except self._smtplib.SMTPResponseException as error:
            if error.smtp_code == CLOSING[0]:
                client.close()
            raise


def _send(touch: Touch, to: list[str], send: Callable[[list[str]], Any]) -> Any:
    """Send to those whom no fault refuses; what comes back tells who was refused."""
    refused = touch.answer
    if refused is not None and not isinstance(refused, Refusals):
        return refused
    result = send([address for address in to if address not in (refused or ())]) | (refused or {})
    if result:
        touch.details["refused"] = {address: [code, text.decode()] for address, (code, text) in result.items()}
    return result


def _envelope(client: Any, message: bytes) -> tuple[str, list[str]]:
    """The envelope of the message that follows."""
    if isinstance(client.sock, SimulatedSocket):
        return client.sock.session.sender or "", list(client.sock.session.recipients)
    return envelope_of(message)


def _address(client: Any, host: str, port: int) -> tuple[str, int]:
    """Host and port as `connect` understands them."""
    name, colon, tail = host.rpartition(":")
    if not port and colon and ":" not in name and tail.isdigit():
        return name, int(tail)
    return host, port or client.default_port


class SimulatedSocket:
    """What a client holds instead of a socket; it is its own file, too."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._said = session.greeting

    def sendall(self, data: bytes) -> None:
        """Take what the client sends."""
        if self.session.is_over:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        self._said += self.session.hear(data)

    def makefile(self, mode: str = "r", *args: Any, **kwargs: Any) -> SimulatedSocket:
        """Where the answers are read."""
        return self

    def readline(self, limit: int = -1) -> bytes:
        """The next line of the answers."""
        line, end, self._said = self._said.partition(b"\n")
        return line + end

    def settimeout(self, seconds: float | None) -> None:
        """It answers at once."""

    def close(self) -> None:
        """There is nothing to give back."""


class _NoTls:
    """A context that leaves a simulated connection as it is."""

    def wrap_socket(self, sock: Any, **options: Any) -> Any:
        return sock


class _Sockets:
    """The module `socket` as smtplib sees it: nobody is asked for the name of this machine."""

    def __init__(self, mailing: Mailing, real: Any) -> None:
        self._mailing = mailing
        self._real = real

    def getfqdn(self, name: str = "") -> str:
        known: str = self._real.getfqdn(name) if name or not self._mailing.on_bench() else OWN_NAME
        return known

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)
