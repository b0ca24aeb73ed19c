"""The bench's own mail server: it speaks SMTP and LMTP, takes every message, and has no socket."""

from __future__ import annotations

import re
from collections.abc import Callable

HELLO = b"bench.localdomain at your service"
EXTENSIONS = (b"SIZE", b"8BITMIME", b"SMTPUTF8", b"ENHANCEDSTATUSCODES", b"AUTH PLAIN LOGIN XOAUTH2")

OK = b"250 2.0.0 OK"
LOGGED_IN = b"235 2.7.0 Authentication successful"
#: What other servers say when they do not do what they are asked.
CLOSING = (421, "4.3.2 Service not available, closing transmission channel")
UNKNOWN_USER = (550, "5.1.1 Recipient address rejected: User unknown")
GREYLISTED = (450, "4.2.0 Recipient address rejected: Greylisted, try again later")
REJECTED = (554, "5.7.1 Message rejected")

END_OF_LINE = b"\r\n"
END_OF_MESSAGE = b"\r\n.\r\n"

_ADDRESS = re.compile(rb"(?:FROM|TO):\s*<(?P<address>[^>]*)>", re.IGNORECASE)


class Session:
    """One conversation with the server. What it takes is not kept: the effect in the trace is the record.

    Args:
        is_lmtp: Whether it speaks LMTP, which answers for each recipient.
        is_secret: Whether the connection is encrypted already.
    """

    greeting = b"220 bench.localdomain ESMTP Coldframe\r\n"

    def __init__(self, *, is_lmtp: bool = False, is_secret: bool = False) -> None:
        self.sender: str | None = None
        self.recipients: list[str] = []
        self.is_over = False
        self._is_lmtp = is_lmtp
        self._is_secret = is_secret
        self._heard = b""
        self._in_message = False
        #: What is asked for before the client is logged in.
        self._challenges: list[bytes] = []
        self._commands: dict[bytes, Callable[[bytes], bytes]] = {
            b"EHLO": self._ehlo,
            b"LHLO": self._ehlo,
            b"HELO": lambda rest: b"250 " + HELLO,
            b"STARTTLS": self._starttls,
            b"AUTH": self._auth,
            b"MAIL": self._mail,
            b"RCPT": self._rcpt,
            b"DATA": self._data,
            b"RSET": self._rset,
            b"NOOP": lambda rest: OK,
            b"VRFY": lambda rest: b"252 2.1.5 Cannot verify, but will accept the message",
            b"EXPN": lambda rest: b"502 5.5.1 Not implemented",
            b"HELP": lambda rest: b"214 2.0.0 See RFC 5321",
            b"QUIT": self._quit,
        }

    def hear(self, data: bytes) -> bytes:
        """What the server says to what a client sends."""
        self._heard += data
        said = b""
        while not self.is_over:
            line, end, rest = self._heard.partition(END_OF_MESSAGE if self._in_message else END_OF_LINE)
            if not end:
                break
            self._heard = rest
            said += self._answer(line) + END_OF_LINE
        return said

    def _answer(self, line: bytes) -> bytes:
        if self._in_message:
            return self._end_of_message()
        if self._challenges:
            return self._challenge()
        verb, _, rest = line.partition(b" ")
        command = self._commands.get(verb.upper())
        return command(rest) if command is not None else b"500 5.5.2 Command not recognized"

    def _ehlo(self, rest: bytes) -> bytes:
        self._forget()
        extensions = EXTENSIONS if self._is_secret else (*EXTENSIONS, b"STARTTLS")
        lines = (HELLO, *extensions)
        return END_OF_LINE.join([*(b"250-" + line for line in lines[:-1]), b"250 " + lines[-1]])

    def _starttls(self, rest: bytes) -> bytes:
        if self._is_secret:
            return b"503 5.5.1 TLS is active already"
        self._is_secret = True
        self._forget()
        return b"220 2.0.0 Ready to start TLS"

    def _auth(self, rest: bytes) -> bytes:
        mechanism, _, initial = rest.partition(b" ")
        if mechanism.upper() == b"LOGIN":
            self._challenges = [b"UGFzc3dvcmQ6"] if initial else [b"VXNlcm5hbWU6", b"UGFzc3dvcmQ6"]
        elif mechanism.upper() not in {b"PLAIN", b"XOAUTH2"}:
            return b"504 5.5.4 Authentication mechanism not supported"
        elif not initial:
            self._challenges = [b""]
        return b"334 " + self._challenges[0] if self._challenges else LOGGED_IN

    def _challenge(self) -> bytes:
        self._challenges.pop(0)
        return b"334 " + self._challenges[0] if self._challenges else LOGGED_IN

    def _mail(self, rest: bytes) -> bytes:
        found = _ADDRESS.match(rest)
        if found is None:
            return b"501 5.5.4 Syntax: MAIL FROM:<address>"
        if self.sender is not None:
            return b"503 5.5.1 Nested MAIL command"
        self.sender = found["address"].decode("utf-8", "replace")
        return b"250 2.1.0 OK"

    def _rcpt(self, rest: bytes) -> bytes:
        found = _ADDRESS.match(rest)
        if self.sender is None:
            return b"503 5.5.1 Need MAIL command first"
        if found is None:
            return b"501 5.5.4 Syntax: RCPT TO:<address>"
        self.recipients.append(found["address"].decode("utf-8", "replace"))
        return b"250 2.1.5 OK"

    def _data(self, rest: bytes) -> bytes:
        if not self.recipients:
            return b"503 5.5.1 Need RCPT command first"
        self._in_message = True
        self._heard = END_OF_LINE + self._heard
        return b"354 End data with <CR><LF>.<CR><LF>"

    def _end_of_message(self) -> bytes:
        answers = len(self.recipients) if self._is_lmtp else 1
        self._forget()
        return END_OF_LINE.join([OK] * answers)

    def _rset(self, rest: bytes) -> bytes:
        self._forget()
        return OK

    def _quit(self, rest: bytes) -> bytes:
        self.is_over = True
        return b"221 2.0.0 Bye"

    def _forget(self) -> None:
        self.sender = None
        self.recipients = []
        self._in_message = False
