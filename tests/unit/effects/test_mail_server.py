"""The bench's own mail server, line by line."""

from __future__ import annotations

import pytest

from coldframe._effects.mail_server import Session


def say(session: Session, *lines: bytes) -> list[bytes]:
    return [session.hear(line + b"\r\n").rstrip() for line in lines]


def codes(session: Session, *lines: bytes) -> list[bytes]:
    return [answer[:3] for answer in say(session, *lines)]


def test_it_greets_and_tells_what_it_can() -> None:
    session = Session()
    assert session.greeting == b"220 bench.localdomain ESMTP Coldframe\r\n"
    assert say(session, b"EHLO shop")[0].split(b"\r\n") == [
        b"250-bench.localdomain at your service",
        b"250-SIZE",
        b"250-8BITMIME",
        b"250-SMTPUTF8",
        b"250-ENHANCEDSTATUSCODES",
        b"250-AUTH PLAIN LOGIN XOAUTH2",
        b"250 STARTTLS",
    ]
    assert say(session, b"HELO shop") == [b"250 bench.localdomain at your service"]


def test_what_comes_in_pieces_is_answered_when_it_is_whole() -> None:
    session = Session()
    assert [session.hear(piece) for piece in (b"NO", b"OP\r", b"\nNOOP\r\nNOOP")] == [
        b"",
        b"",
        b"250 2.0.0 OK\r\n250 2.0.0 OK\r\n",
    ]


def test_encryption_begins_once() -> None:
    session = Session()
    assert codes(session, b"STARTTLS", b"STARTTLS") == [b"220", b"503"]
    assert b"STARTTLS" not in say(session, b"EHLO shop")[0]


@pytest.mark.parametrize(
    ("lines", "answers"),
    [
        ([b"AUTH PLAIN AHNob3AAc2VjcmV0"], [b"235"]),
        ([b"AUTH PLAIN", b"AHNob3AAc2VjcmV0"], [b"334", b"235"]),
        ([b"auth login c2hvcA==", b"c2VjcmV0"], [b"334", b"235"]),
        ([b"AUTH LOGIN", b"c2hvcA==", b"c2VjcmV0"], [b"334", b"334", b"235"]),
        ([b"AUTH XOAUTH2 dXNlcj0="], [b"235"]),
        ([b"AUTH CRAM-MD5", b"NOOP"], [b"504", b"250"]),
    ],
)
def test_everybody_may_log_in(lines: list[bytes], answers: list[bytes]) -> None:
    assert codes(Session(), *lines) == answers


def test_a_message_is_taken_when_its_envelope_is_complete() -> None:
    session = Session()
    assert codes(session, b"DATA", b"RCPT TO:<a@x>", b"MAIL FROM:<>", b"DATA", b"RCPT TO:<a@x>", b"DATA") == [
        *(b"503", b"503", b"250", b"503", b"250", b"354")
    ]
    assert (session.sender, session.recipients) == ("", ["a@x"])
    assert codes(session, b"Subject: Hello", b"", b"QUIT", b"..", b".", b"NOOP") == [b"", b"", b"", b"", b"250", b"250"]
    assert (session.sender, session.recipients) == (None, [])


def test_a_message_may_be_empty() -> None:
    session = Session()
    codes(session, b"MAIL FROM:<s@x> SIZE=0", b"RCPT TO:<a@x>", b"DATA")
    assert codes(session, b".") == [b"250"]


def test_lmtp_answers_once_for_each_recipient() -> None:
    session = Session(is_lmtp=True)
    codes(session, b"LHLO shop", b"MAIL FROM:<s@x>", b"RCPT TO:<a@x>", b"RCPT TO:<b@x>", b"DATA")
    assert say(session, b"Hello", b".") == [b"", b"250 2.0.0 OK\r\n250 2.0.0 OK"]


def test_after_the_end_it_says_nothing() -> None:
    session = Session()
    assert codes(session, b"EXPN list", b"QUIT", b"NOOP") == [b"502", b"221", b""]
