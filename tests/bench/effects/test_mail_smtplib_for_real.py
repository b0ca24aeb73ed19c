"""Mail that tasks send with smtplib to a real server; equal runs give equal bytes; nothing is left behind."""

from __future__ import annotations

import email.utils
import smtplib
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from coldframe import Bench, trace
from coldframe.errors import NetworkRefused

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from mails import ADA, SERVER, message, run
from process_state import nothing_left
from real_mail_server import HOST, REFUSED, real_server
from watching import error_of, touched


def test_a_real_server_on_this_machine_takes_it_and_it_is_recorded(app: Celery) -> None:
    with real_server() as server:

        def send() -> Any:
            with smtplib.SMTP(HOST, server.port) as client:
                return client.sendmail("shop@example.com", [ADA, REFUSED], "Subject: Your receipt\n\nThank you!")

        bench = run(app, send)
    assert server.accepted == [("shop@example.com", [ADA], b"Subject: Your receipt\r\n\r\nThank you!\r\n")]
    assert touched(bench, "mail.connect")[0].details == {"server": HOST, "safe": True}
    assert bench.mail.only.recipients == (ADA,)
    assert bench.mail.only.refused == {REFUSED: "550 no such mailbox"}


def test_a_real_server_that_is_spoken_to_by_hand_is_recorded_by_the_headers(app: Celery) -> None:
    with real_server() as server:

        def send() -> None:
            with smtplib.SMTP(HOST, server.port) as client:
                client.ehlo()
                client.mail("shop@example.com")
                client.rcpt(ADA)
                client.data(message(ADA).as_string())

        bench = run(app, send)
    assert len(server.accepted) == 1
    assert (bench.mail.only.sender, bench.mail.only.recipients) == ("shop@example.com", (ADA,))


def test_a_real_server_that_cannot_encrypt_says_so(app: Celery) -> None:
    with real_server() as server:

        def send() -> None:
            with smtplib.SMTP(HOST, server.port) as client:
                client.starttls()

        bench = run(app, send)
    assert repr(error_of(bench)) == "SMTPNotSupportedError('STARTTLS extension not supported by server.')"


def test_other_threads_are_left_alone(app: Celery) -> None:
    with real_server() as server, Bench(app) as bench:

        def send() -> None:
            with smtplib.SMTP(HOST, server.port) as client:
                client.send_message(message(ADA))

        thread = threading.Thread(target=send)
        thread.start()
        thread.join()
        assert len(server.accepted) == 1
    assert touched(bench) == []


def test_a_real_server_that_refuses_everybody_took_nothing(app: Celery) -> None:
    with real_server() as server:

        def send() -> None:
            with smtplib.SMTP(HOST, server.port) as client:
                client.sendmail("shop@example.com", [REFUSED], "Subject: Your receipt\n\n")

        bench = run(app, send, allow=[f"{HOST}:{server.port}"])
    assert repr(error_of(bench)) == "SMTPRecipientsRefused({'nobody@example.com': (550, b'no such mailbox')})"
    assert list(bench.mail) == []
    with pytest.raises(AssertionError, match=r"it was not taken: SMTPRecipientsRefused\("):
        bench.assert_mailed(REFUSED)


def test_the_test_itself_reaches_no_mail_server(app: Celery) -> None:
    with Bench(app) as bench, pytest.raises(NetworkRefused, match=r"^test reached for smtp\.example\.com"):
        smtplib.SMTP(SERVER)
    assert touched(bench) == []


def test_what_the_test_itself_sends_to_a_real_server_is_not_recorded(app: Celery) -> None:
    with real_server() as server, Bench(app) as bench, smtplib.SMTP(HOST, server.port) as client:
        client.send_message(message(ADA))
    assert len(server.accepted) == 1
    assert touched(bench) == []


def test_equal_runs_send_equal_bytes(app: Celery) -> None:
    def send() -> None:
        made = message(ADA)
        made["Message-ID"], made["Date"] = email.utils.make_msgid(), email.utils.formatdate(localtime=True)
        made.add_attachment(b"\x00", maintype="application", subtype="pdf", filename="receipt.pdf")
        smtplib.SMTP(SERVER).send_message(made)

    first = run(app, send)
    with Bench(app) as second:
        app.tasks["shop.send"].delay()
        second.drain()
    assert trace.dumps(first.trace) == trace.dumps(second.trace)


SCRIPT = """
import email.message, email.utils, smtplib
from celery import Celery
from coldframe import Bench, trace

app = Celery("shop", broker="amqp://shop@broker.internal//", backend="redis://results.internal/3")
app.conf.broker_connection_retry_on_startup = True

@app.task(name="shop.send")
def send():
    made = email.message.EmailMessage()
    made["From"], made["To"], made["Subject"] = "shop@example.com", "ada@example.com", "Your receipt"
    made["Message-ID"], made["Date"] = email.utils.make_msgid(), email.utils.formatdate()
    made.set_content("Thank you!")
    made.add_alternative("<p>Thank you!</p>", subtype="html")
    smtplib.SMTP("smtp.example.com").send_message(made)

with Bench(app) as bench:
    send.delay()
    bench.drain()
print(trace.dumps(bench.trace))
"""


def test_another_process_sends_equal_bytes() -> None:
    commands = [[sys.executable, "-c", SCRIPT]] * 2
    first, second = (subprocess.run(command, capture_output=True, text=True, check=True) for command in commands)
    assert first.stdout == second.stdout
    assert "Message-ID: <" in first.stdout


def test_everything_is_put_back(app: Celery) -> None:
    def state() -> list[Any]:
        return [*vars(smtplib.SMTP).items(), *vars(smtplib.SMTP_SSL).items(), smtplib.socket, vars(email.utils)["os"]]

    before = state()
    with nothing_left(), Bench(app):
        assert state() != before
        assert smtplib.socket.getfqdn() == "bench.localdomain"
        assert smtplib.socket.getfqdn("localhost") == socket.getfqdn("localhost")
    assert state() == before


def test_smtplib_is_not_imported_for_the_user_and_watched_once_it_is() -> None:
    script = SCRIPT.replace(", smtplib\n", "\nimport sys\n").replace("    smtplib", "    import smtplib; smtplib")
    check = "print(bench.mail.subjects, file=sys.stderr)\n"
    done = subprocess.run([sys.executable, "-c", script + check], capture_output=True, text=True, check=True)
    assert done.stderr == "['Your receipt']\n"
