"""Mail that tasks send with aiosmtplib: the bench's own server takes it, or a real one that may be reached."""

from __future__ import annotations

import asyncio
import inspect
import ssl
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
from celery import Celery

from coldframe import Bench, trace

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

import mails
from mails import ADA, BOB, SERVER, message
from process_state import nothing_left
from real_mail_server import HOST, REFUSED, real_server
from watching import answer, error_of, gate_of, kill, outcomes, told, touched

TEXT = "Subject: Your receipt\n\nThank you!"


async def remind() -> Any:
    return await aiosmtplib.send(
        message(ADA, BOB), hostname=SERVER, username="shop", password="secret", start_tls=True, port=2525
    )


async def remind_one() -> Any:
    return await aiosmtplib.send(TEXT, sender="shop@example.com", recipients=[ADA], hostname=SERVER)


def run(
    app: Celery, body: Callable[[], Awaitable[Any]], prepare: Callable[[Bench], None] | None = None, **options: Any
) -> Bench:
    def mail() -> Any:
        return asyncio.run(body())  # type: ignore[arg-type]

    return mails.run(app, mail, prepare, **options)


def test_a_message_is_an_effect_and_lands_in_the_inbox(app: Celery) -> None:
    bench = run(app, remind)
    assert told(bench) == [f"mail.connect {SERVER}", f"mail.send to {ADA}, {BOB}: Your receipt"]
    (event,) = touched(bench, "mail.send")
    assert event.details == {
        "sender": "shop@example.com",
        "recipients": [ADA, BOB],
        "via": f"{SERVER}:2525",
        "message": (
            "From: Shop <shop@example.com>\r\nTo: ada@example.com, bob@example.com\r\nSubject: Your receipt\r\n"
            'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 7bit\r\n'
            "MIME-Version: 1.0\r\n\r\nThank you!\r\n.\r\n"
        ),
    }
    assert event.where.startswith("tests/bench/effects/test_mail_aiosmtplib.py:")
    assert (bench.mail.only.subject, bench.mail.only.text, bench.mail.only.task) == (
        "Your receipt",
        "Thank you!\n.",
        "shop.mail",
    )


def test_messages_that_are_sent_at_the_same_time_are_all_recorded(app: Celery) -> None:
    async def remind_all() -> None:
        await asyncio.gather(*(aiosmtplib.send(message(f"{n}@example.com"), hostname=SERVER) for n in range(3)))

    bench = run(app, remind_all)
    assert [mail.recipients[0] for mail in bench.mail] == ["0@example.com", "1@example.com", "2@example.com"]
    assert len(touched(bench, "mail.connect")) == 3


def test_the_conversation_is_that_of_a_server(app: Celery) -> None:
    said: list[Any] = []

    async def talk() -> None:
        client = aiosmtplib.SMTP(hostname=SERVER, use_tls=True, tls_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        greeting = await client.connect()
        await client.ehlo()
        said.extend([greeting.code, client.supports_extension("starttls"), client.supports_extension("smtputf8")])
        said.extend(client.supported_auth_methods)
        said.append((await client.auth_login("shop", "secret")).code)
        said.append((await client.noop()).code)
        await client.mail("shop@example.com")
        await client.rcpt(ADA)
        said.append((await client.data(TEXT)).code)
        said.extend([client.get_transport_info("peername"), (await client.quit()).code, client.is_connected])

    bench = run(app, talk)
    assert said == [220, False, True, "plain", "login", 235, 250, 250, None, 221, False]
    assert (bench.mail.only.sender, bench.mail.only.recipients) == ("shop@example.com", (ADA,))
    assert touched(bench)[0].details == {"server": f"{SERVER}:465", "safe": True}


def test_a_connection_that_is_closed_is_closed_once(app: Celery) -> None:
    async def talk() -> bool:
        client = aiosmtplib.SMTP(hostname=SERVER)
        await client.connect()
        transport: Any = client.transport
        transport.close()
        transport.close()
        await asyncio.sleep(0)
        return client.is_connected

    assert run(app, talk).runs()[0].result is False


def test_another_answer_than_an_error_is_given_to_the_task(app: Celery) -> None:
    def take(bench: Bench) -> None:
        def watch(touch: Any) -> None:
            if touch.effect == "mail.send":
                touch.answer = ({}, "asked")

        gate_of(bench).before.append(watch)

    assert run(app, remind, take).runs()[0].result == ({}, "asked")


def test_older_clients_make_their_context_at_once(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    given = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    monkeypatch.setattr(aiosmtplib.SMTP, "_get_tls_context", lambda client: client.tls_context)
    seen: list[Any] = []

    async def talk() -> None:
        for context in (None, given):
            seen.append(aiosmtplib.SMTP(hostname=SERVER, tls_context=context)._get_tls_context())

    run(app, talk)
    assert isinstance(seen[0], ssl.SSLContext)
    assert seen[1] is given


def test_an_encrypted_connection_needs_no_certificates(app: Celery) -> None:
    async def talk() -> None:
        async with aiosmtplib.SMTP(hostname=SERVER, use_tls=True) as client:
            await client.send_message(message(ADA))

    assert run(app, talk).mail.subjects == ["Your receipt"]


def test_what_cannot_go_over_the_wire_is_the_clients_to_say(app: Celery) -> None:
    async def send() -> None:
        async with aiosmtplib.SMTP(hostname=SERVER) as client:
            await client.sendmail("shop@example.com", ADA, "Subject: Grüße\n\n")

    bench = run(app, send)
    assert isinstance(error_of(bench), UnicodeEncodeError)
    assert told(bench) == [f"mail.connect {SERVER}"]


CONNECT_FAILURES = [
    ("refused", f"SMTPConnectError('Error connecting to {SERVER} on port 25: [Errno 111] Connection refused')"),
    ("timeout", f"SMTPConnectTimeoutError('Timed out connecting to {SERVER} on port 25')"),
]


@pytest.mark.parametrize(("failure", "error"), CONNECT_FAILURES)
def test_a_connection_fails_as_in_life(app: Celery, failure: str, error: str) -> None:
    bench = run(app, remind_one, lambda bench: answer(bench, "mail.connect", failure))
    assert touched(bench, "mail.connect")[0].failures == ("refused", "timeout")
    assert repr(error_of(bench)) == error
    assert told(bench) == [f"mail.connect {SERVER} (failed)"]


SEND_FAILURES = [
    ("refused", aiosmtplib.SMTPSenderRefused, (421, "4.3.2 Service not available, closing transmission channel")),
    ("timeout", aiosmtplib.SMTPReadTimeoutError, ("Timed out waiting for server response",)),
    ("connection lost", aiosmtplib.SMTPServerDisconnected, ("Connection lost",)),
    ("recipient refused", aiosmtplib.SMTPRecipientsRefused, ()),
    ("greylisted", aiosmtplib.SMTPRecipientsRefused, ()),
    ("message refused", aiosmtplib.SMTPDataError, (554, "5.7.1 Message rejected")),
]


@pytest.mark.parametrize(("failure", "kind", "args"), SEND_FAILURES)
def test_sending_fails_as_in_life(app: Celery, failure: str, kind: type[Exception], args: tuple[Any, ...]) -> None:
    bench = run(app, remind_one, lambda bench: answer(bench, "mail.send", failure))
    error = error_of(bench)
    assert touched(bench, "mail.send")[0].failures == tuple(name for name, _, _ in SEND_FAILURES)
    assert type(error) is kind
    assert error.args[: len(args)] == args
    assert told(bench)[1:] == [f"mail.send to {ADA}: Your receipt (failed)"]
    assert list(bench.mail) == []


@pytest.mark.parametrize(("failure", "code"), [("recipient refused", 550), ("greylisted", 450)])
def test_a_refused_recipient_is_named_as_in_life(app: Celery, failure: str, code: int) -> None:
    bench = run(app, remind, lambda bench: answer(bench, "mail.send", failure))
    error = error_of(bench)
    assert isinstance(error, aiosmtplib.SMTPRecipientsRefused)
    assert [(refusal.code, refusal.recipient) for refusal in error.recipients] == [(code, ADA), (code, BOB)]


@pytest.mark.parametrize(
    ("failure", "is_connected"),
    [("refused", False), ("timeout", False), ("connection lost", False), ("greylisted", True)],
)
def test_after_some_failures_the_client_is_no_longer_connected(app: Celery, failure: str, is_connected: bool) -> None:
    seen: list[bool] = []

    async def send() -> None:
        client = aiosmtplib.SMTP(hostname=SERVER)
        await client.connect()
        with pytest.raises(aiosmtplib.SMTPException, match=r"."):
            await client.sendmail("shop@example.com", ADA, TEXT)
        seen.append(client.is_connected)

    run(app, send, lambda bench: answer(bench, "mail.send", failure))
    assert seen == [is_connected]


def test_one_recipient_can_be_refused_and_the_others_get_it(app: Celery) -> None:
    bench = run(app, remind, lambda bench: answer(bench, "mail.send", "one recipient refused"))
    refused = {BOB: aiosmtplib.SMTPResponse(550, "5.1.1 Recipient address rejected: User unknown")}
    assert bench.runs()[0].result == (refused, "2.0.0 OK")
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
    assert isinstance(error_of(bench), aiosmtplib.SMTPServerDisconnected)
    assert bench.mail.subjects == ["Your receipt"]


def test_the_data_command_can_fail_too(app: Celery) -> None:
    async def speak() -> None:
        client = aiosmtplib.SMTP(hostname=SERVER)
        await client.connect()
        await client.mail("shop@example.com")
        await client.rcpt(ADA)
        await client.data(TEXT)

    bench = run(app, speak, lambda bench: answer(bench, "mail.send", "message refused"))
    assert repr(error_of(bench)) == "SMTPDataError(554, '5.7.1 Message rejected')"


@pytest.mark.parametrize(("place", "subjects"), [("before", []), ("after", ["Your receipt"])])
def test_a_process_that_dies_there_has_sent_it_or_not(app: Celery, place: str, subjects: list[str]) -> None:
    bench = run(app, remind, lambda bench: kill(bench, place, "mail.send"))
    assert outcomes(bench) == ["LOST"]
    assert bench.mail.subjects == subjects


def test_a_real_server_on_this_machine_takes_it_and_it_is_recorded(app: Celery) -> None:
    with real_server() as server:

        async def send() -> Any:
            async with aiosmtplib.SMTP(hostname=HOST, port=server.port) as client:
                await client.sendmail("shop@example.com", [ADA, REFUSED], TEXT)
                await client.mail("shop@example.com")
                await client.rcpt(BOB)
                await client.data(message(BOB).as_bytes())

        bench = run(app, send)
    assert [recipients for _, recipients, _ in server.accepted] == [[ADA], [BOB]]
    assert touched(bench, "mail.connect")[0].details == {"server": HOST, "safe": True}
    assert [mail.recipients for mail in bench.mail] == [(ADA,), (BOB,)]
    assert bench.mail[0].refused == {REFUSED: "550 no such mailbox"}


def test_a_socket_of_the_tasks_own_is_left_alone(app: Celery, tmp_path: Path) -> None:
    async def send() -> None:
        await aiosmtplib.send(message(ADA), hostname=SERVER, socket_path=str(tmp_path / "nobody"))

    bench = run(app, send)
    assert isinstance(error_of(bench), aiosmtplib.SMTPConnectError)
    assert told(bench) == [f"mail.connect {SERVER} (failed)"]


def test_the_test_itself_reaches_no_mail_server(app: Celery) -> None:
    with Bench(app) as bench, pytest.raises(aiosmtplib.SMTPConnectError, match=r"test reached for smtp\.example\.com"):
        asyncio.run(remind_one())
    assert touched(bench) == []


def test_what_the_test_itself_sends_to_a_real_server_is_not_recorded(app: Celery) -> None:
    async def send(port: int) -> None:
        async with aiosmtplib.SMTP(hostname=HOST, port=port, start_tls=False) as client:
            await client.sendmail("shop@example.com", [ADA], TEXT)
            await client.mail("shop@example.com")
            await client.rcpt(BOB)
            await client.data(TEXT)

    with real_server() as server:
        with Bench(app) as bench:
            asyncio.run(send(server.port))
        assert len(server.accepted) == 2
    assert touched(bench) == []


def test_equal_runs_send_equal_bytes(app: Celery) -> None:
    async def send() -> None:
        made = message(ADA)
        made.add_alternative("<p>Thank you!</p>", subtype="html")
        await aiosmtplib.send(made, hostname=SERVER)

    first = run(app, send)
    with Bench(app) as second:
        app.tasks["shop.mail"].delay()
        second.drain()
    assert trace.dumps(first.trace) == trace.dumps(second.trace)


def test_everything_is_put_back(app: Celery) -> None:
    before = dict(vars(aiosmtplib.SMTP))
    with nothing_left(), Bench(app):
        assert dict(vars(aiosmtplib.SMTP)) != before
    assert dict(vars(aiosmtplib.SMTP)) == before


def test_the_private_parts_that_are_patched_are_still_there() -> None:
    parts = {
        "_create_connection": ["self", "timeout"],
        "_get_default_local_hostname": ["self"],
        "_get_tls_context": ["self"],
        "_get_default_port": ["self"],
    }
    assert {name: list(inspect.signature(getattr(aiosmtplib.SMTP, name)).parameters) for name in parts} == parts
