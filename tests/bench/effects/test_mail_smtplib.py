"""Mail that tasks send with smtplib: the bench's own server takes it, or it fails as in life."""

from __future__ import annotations

import smtplib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from coldframe import Bench, trace

sys.path.insert(0, str(Path(__file__).parent))

from mails import ADA, BOB, SERVER, message, run
from watching import answer, define, error_of, gate_of, kill, outcomes, told, touched


def remind() -> Any:
    with smtplib.SMTP(SERVER, 587) as client:
        client.starttls()
        client.login("shop", "secret")
        return client.send_message(message(ADA, BOB))


def remind_one() -> Any:
    with smtplib.SMTP(SERVER) as client:
        return client.sendmail("shop@example.com", ADA, "Subject: Your receipt\n\nThank you!")


def test_a_message_is_an_effect_and_lands_in_the_inbox(app: Celery) -> None:
    bench = run(app, remind)
    assert told(bench) == [f"mail.connect {SERVER}", f"mail.send to {ADA}, {BOB}: Your receipt"]
    (event,) = touched(bench, "mail.send")
    assert event.details == {
        "sender": "shop@example.com",
        "recipients": [ADA, BOB],
        "via": f"{SERVER}:587",
        "message": (
            "From: Shop <shop@example.com>\r\nTo: ada@example.com, bob@example.com\r\nSubject: Your receipt\r\n"
            'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 7bit\r\n'
            "MIME-Version: 1.0\r\n\r\nThank you!\r\n.\r\n"
        ),
    }
    assert event.where.startswith("tests/bench/effects/test_mail_smtplib.py:")
    (mail,) = bench.mail
    assert (mail.recipients, mail.subject, mail.text, mail.task) == (
        (ADA, BOB),
        "Your receipt",
        "Thank you!\n.",
        "shop.remind",
    )


def test_the_simulated_server_says_what_a_server_says(app: Celery) -> None:
    said: list[Any] = []

    def talk() -> None:
        client = smtplib.SMTP_SSL(SERVER, local_hostname="shop")
        said.extend([client.ehlo(), client.has_extn("starttls"), client.has_extn("smtputf8"), client.noop()])
        said.extend([client.vrfy(ADA), client.help(), client.docmd("nonsense"), client.rset()])
        said.extend([client.login("shop", "secret"), client.auth("LOGIN", client.auth_login), client.quit()])

    run(app, talk)
    codes = [reply[0] if isinstance(reply, tuple) else reply for reply in said]
    assert codes == [250, False, True, 250, 252, b"2.0.0 See RFC 5321", 500, 250, 235, 235, 221]


@pytest.mark.parametrize(
    ("leave", "error"),
    [(smtplib.SMTP.quit, "please run connect() first"), (lambda client: client.docmd("QUIT"), "Server not connected")],
)
def test_after_the_end_of_the_conversation_the_client_is_not_connected(
    app: Celery, leave: Callable[[smtplib.SMTP], Any], error: str
) -> None:
    def talk() -> None:
        client = smtplib.SMTP(SERVER)
        leave(client)
        client.noop()

    assert repr(error_of(run(app, talk))) == f"SMTPServerDisconnected({error!r})"


def test_lmtp_answers_for_each_recipient(app: Celery) -> None:
    said: list[Any] = []

    def deliver() -> None:
        client = smtplib.LMTP(SERVER)
        said.append(client.sendmail("shop@example.com", [ADA, BOB], "Subject: Your receipt\n\nThank you!"))
        said.append(client.getreply())

    bench = run(app, deliver)
    assert said == [{}, (250, b"2.0.0 OK")]
    assert bench.mail.only.recipients == (ADA, BOB)


def test_who_speaks_the_protocol_alone_sends_a_message_too(app: Celery) -> None:
    said: list[Any] = []

    def speak() -> None:
        client = smtplib.SMTP()
        client.connect(f"{SERVER}:2525")
        client.ehlo()
        said.extend([client.docmd("DATA"), client.rcpt(ADA), client.mail("shop@example.com"), client.docmd("DATA")])
        said.extend([client.mail("shop@example.com"), client.docmd("MAIL", "nobody"), client.docmd("RCPT", "nobody")])
        client.rcpt(ADA)
        said.append(client.data("Subject: Your receipt\n\nThank you!"))

    bench = run(app, speak)
    assert [code for code, _ in said] == [503, 503, 250, 503, 503, 501, 501, 250]
    assert (bench.mail.only.sender, bench.mail.only.recipients) == ("shop@example.com", (ADA,))
    assert touched(bench)[0].details == {"server": f"{SERVER}:2525", "safe": True}


def test_a_message_that_is_no_text_is_kept_byte_by_byte(app: Celery) -> None:
    raw = b"Subject: Your receipt\r\n\r\n\xff\xfe"

    def send() -> None:
        smtplib.SMTP(SERVER).sendmail("shop@example.com", [ADA], raw)

    bench = run(app, send)
    assert touched(bench, "mail.send")[0].details["message"] == {"base64": "U3ViamVjdDogWW91ciByZWNlaXB0DQoNCv/+"}
    assert bench.mail.only.raw == raw
    assert trace.mails(trace.loads(trace.dumps(bench.trace))) == bench.mail


def test_what_cannot_go_over_the_wire_is_the_clients_to_say(app: Celery) -> None:
    def send() -> None:
        smtplib.SMTP(SERVER).sendmail("shop@example.com", [ADA], "Subject: Grüße\n\n")

    bench = run(app, send)
    assert isinstance(error_of(bench), UnicodeEncodeError)
    assert told(bench) == [f"mail.connect {SERVER}"]


@pytest.mark.parametrize("port", [25, 465, 587])
def test_a_mail_server_of_this_machine_is_simulated_too(app: Celery, port: int) -> None:
    def send() -> None:
        smtplib.SMTP("localhost", port).sendmail("shop@example.com", [ADA], "Subject: Your receipt\n\n")

    assert run(app, send).mail.subjects == ["Your receipt"]


CONNECT_FAILURES = [
    ("refused", "ConnectionRefusedError(111, 'Connection refused')"),
    ("timeout", "TimeoutError('timed out')"),
]


@pytest.mark.parametrize(("failure", "error"), CONNECT_FAILURES)
def test_a_connection_fails_as_in_life(app: Celery, failure: str, error: str) -> None:
    bench = run(app, remind, lambda bench: answer(bench, "mail.connect", failure))
    assert touched(bench, "mail.connect")[0].failures == ("refused", "timeout")
    assert repr(error_of(bench)) == error
    assert told(bench) == [f"mail.connect {SERVER} (failed)"]
    assert list(bench.mail) == []


GREYLISTED = "4.2.0 Recipient address rejected: Greylisted, try again later"
SEND_FAILURES = [
    (
        "refused",
        "SMTPSenderRefused(421, b'4.3.2 Service not available, closing transmission channel', 'shop@example.com')",
    ),
    ("timeout", "SMTPServerDisconnected('Connection unexpectedly closed: timed out')"),
    ("connection lost", "SMTPServerDisconnected('Connection unexpectedly closed')"),
    (
        "recipient refused",
        "SMTPRecipientsRefused({'ada@example.com': (550, b'5.1.1 Recipient address rejected: User unknown')})",
    ),
    ("greylisted", f"SMTPRecipientsRefused({{'ada@example.com': (450, b'{GREYLISTED}')}})"),
    ("message refused", "SMTPDataError(554, b'5.7.1 Message rejected')"),
]


@pytest.mark.parametrize(("failure", "error"), SEND_FAILURES)
def test_sending_fails_as_in_life(app: Celery, failure: str, error: str) -> None:
    bench = run(app, remind_one, lambda bench: answer(bench, "mail.send", failure))
    assert touched(bench, "mail.send")[0].failures == tuple(name for name, _ in SEND_FAILURES)
    assert repr(error_of(bench)) == error
    assert told(bench)[1:] == [f"mail.send to {ADA}: Your receipt (failed)"]
    assert list(bench.mail) == []


@pytest.mark.parametrize("failure", ["refused", "timeout", "connection lost"])
def test_after_some_failures_the_client_is_no_longer_connected(app: Celery, failure: str) -> None:
    seen: list[Any] = []

    def send() -> None:
        client = smtplib.SMTP(SERVER)
        for _ in range(2):
            try:
                client.sendmail("shop@example.com", [ADA], "Subject: Your receipt\n\n")
            except smtplib.SMTPException as error:
                seen.append(error)

    def fail_first(bench: Bench) -> None:
        def watch(touch: Any) -> None:
            if touch.effect == "mail.send" and not seen:
                touch.answer = touch.failures[failure]()

        gate_of(bench).before.append(watch)

    bench = run(app, send, fail_first)
    assert repr(seen[1]) == "SMTPServerDisconnected('please run connect() first')"
    assert list(bench.mail) == []


def test_another_answer_than_an_error_is_given_to_the_task(app: Celery) -> None:
    def take(bench: Bench) -> None:
        def watch(touch: Any) -> None:
            if touch.effect == "mail.send":
                touch.answer = {"nobody": (250, b"asked")}

        gate_of(bench).before.append(watch)

    assert run(app, remind, take).runs()[0].result == {"nobody": (250, b"asked")}


def test_a_long_message_is_told_in_a_short_line(app: Celery) -> None:
    def send() -> None:
        to = [f"{number}@example.com" for number in range(4)]
        smtplib.SMTP(SERVER).sendmail("shop@example.com", to, f"Subject: {'Long ' * 20}\n\n")

    assert told(run(app, send))[1] == (
        "mail.send to 0@example.com, 1@example.com and 2 more: "
        "Long Long Long Long Long Long Long Long Long Long Long Long…"
    )


def test_one_recipient_can_be_refused_and_the_others_get_it(app: Celery) -> None:
    task = define(app, remind)
    with Bench(app) as bench:
        answer(bench, "mail.send", "one recipient refused")
        task.delay()
        bench.drain()
        (finished,) = bench.runs(task)
    assert finished.result == {BOB: (550, b"5.1.1 Recipient address rejected: User unknown")}
    assert bench.mail.only.recipients == (ADA,)
    assert bench.mail.only.refused == {BOB: "550 5.1.1 Recipient address rejected: User unknown"}


def test_a_connection_can_be_lost_after_the_server_took_the_message(app: Celery) -> None:
    def lose(bench: Bench) -> None:
        def watch(touch: Any) -> None:
            if touch.effect == "mail.send":
                touch.error = touch.failures["connection lost"]()

        gate_of(bench).before.append(watch)

    bench = run(app, remind_one, lose)
    assert told(bench)[1:] == [f"mail.send to {ADA}: Your receipt (unknown)"]
    assert repr(error_of(bench)) == "SMTPServerDisconnected('Connection unexpectedly closed')"
    assert bench.mail.subjects == ["Your receipt"]


def test_the_data_command_can_fail_too(app: Celery) -> None:
    def speak() -> Any:
        client = smtplib.SMTP(SERVER)
        client.mail("shop@example.com")
        client.rcpt(ADA)
        return client.data("Subject: Your receipt\n\nThank you!")

    task = define(app, speak)
    with Bench(app) as bench:
        answer(bench, "mail.send", "message refused")
        assert task.delay().get() == [554, b"5.7.1 Message rejected"]
    assert touched(bench, "mail.send")[0].outcome == "failed"


@pytest.mark.parametrize(("place", "subjects"), [("before", []), ("after", ["Your receipt"])])
def test_a_process_that_dies_there_has_sent_it_or_not(app: Celery, place: str, subjects: list[str]) -> None:
    bench = run(app, remind, lambda bench: kill(bench, place, "mail.send"))
    assert outcomes(bench) == ["LOST"]
    assert bench.mail.subjects == subjects


def test_a_subclass_that_says_more_sends_one_message(app: Celery) -> None:
    class Client(smtplib.SMTP):
        def sendmail(self, *args: Any, **kwargs: Any) -> Any:
            return super().sendmail(*args, **kwargs)

    def send() -> None:
        Client(SERVER).send_message(message(ADA))

    assert run(app, send).mail.subjects == ["Your receipt"]
