"""Mail that tasks send with Django, whichever backend takes it."""

from __future__ import annotations

import smtplib
from typing import ClassVar

import pytest
from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection, send_mail, send_mass_mail
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.locmem import EmailBackend as InMemory
from django.core.mail.backends.smtp import EmailBackend as OverSmtp
from shop import app

from coldframe import Bench
from coldframe.trace import Touched

ADA, BOB = "ada@example.com", "bob@example.com"
BACKENDS = "django.core.mail.backends"
SERVER = "smtp.example.com"


class Own(BaseEmailBackend):
    """A backend of the project's own."""

    taken: ClassVar[list[str]] = []

    def send_messages(self, email_messages):
        self.taken.extend(message.subject for message in email_messages)
        return len(email_messages)


class Signing(InMemory):
    """Changes a message, and leaves it to another backend."""

    def send_messages(self, email_messages):
        for message in email_messages:
            message.subject += " (signed)"
        return super().send_messages(email_messages)


class Broken(BaseEmailBackend):
    """Has a fault of its own."""

    def send_messages(self, email_messages):
        raise OSError("disk full")


class Quiet(OverSmtp):
    """Django's own with other defaults."""

    def send_messages(self, email_messages):
        return super().send_messages(email_messages)


class Later(BaseEmailBackend):
    """Puts messages into a queue, as those backends do from which a task takes them."""

    __module__ = "djcelery_email.backends"

    def send_messages(self, email_messages):
        return send_kept.delay(email_messages[0].subject) and 1


@app.task(shared=False)
def send_kept(subject):
    return send(subject=subject, connection=InMemory())


def send(subject="Your receipt", **options):
    return send_mail(subject, "Thank you!", "Shop <shop@example.com>", [ADA], **options)


def run(body, *, prepare=None):
    @app.task(name="shop.mail", shared=False)
    def task():
        return body()

    try:
        with Bench(app, failures="collect") as bench:
            if prepare:
                prepare(bench)
            task.delay()
            bench.drain()
    finally:
        app.tasks.pop(task.name)
    return bench


def told(bench):
    effects = [event for event in bench.trace if isinstance(event, Touched) and event.effect.startswith("mail.")]
    return [event.what if event.outcome == "done" else f"{event.what} ({event.outcome})" for event in effects]


def failing(effect, failure, *, as_error=False):
    def prepare(bench):
        def watch(touch):
            if touch.effect == effect:
                setattr(touch, "error" if as_error else "answer", touch.failures[failure]())

        bench._now_open.gate.before.append(watch)

    return prepare


def dying(place):
    def prepare(bench):
        def watch(touch):
            if touch.effect == "mail.send":
                touch.process.child.die(-9)

        getattr(bench._now_open.gate, place).append(watch)

    return prepare


@pytest.mark.parametrize("backend", ["locmem", "console", "filebased", "dummy"])
def test_a_message_is_one_effect_whatever_the_backend(settings, tmp_path, capsys, backend):
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = f"{BACKENDS}.{backend}.EmailBackend", tmp_path
    bench = run(send)
    assert told(bench) == [f"to {ADA}: Your receipt"]
    assert bench.runs()[0].result == 1
    only = bench.mail.only
    assert (only.sender, only.recipients, only.text) == ("shop@example.com", (ADA,), "Thank you!")
    (event,) = (event for event in bench.trace if isinstance(event, Touched) and event.effect == "mail.send")
    assert event.details["via"] == f"{BACKENDS}.{backend}.EmailBackend"
    assert event.where.startswith("checks/check_mail.py:")
    written = capsys.readouterr().out + "".join(path.read_text() for path in tmp_path.iterdir())
    if backend in {"console", "filebased"}:
        assert only.raw.decode().replace("\r\n", "\n") in written


def test_a_message_of_many_parts_is_parsed(settings):
    def send_all():
        message = EmailMultiAlternatives(
            "Grüße", "Hallo Ada", "shop@example.com", [ADA], cc=[BOB], bcc=["c@example.com"]
        )
        message.attach_alternative("<p>Hallo Ada</p>", "text/html")
        message.attach("receipt.pdf", b"%PDF", "application/pdf")
        message.send()

    only = run(send_all).mail.only
    assert (only.to, only.cc, only.recipients) == ((ADA,), (BOB,), (ADA, BOB, "c@example.com"))
    assert (only.subject, only.text, only.html) == ("Grüße", "Hallo Ada", "<p>Hallo Ada</p>")
    assert [(part.name, part.type, part.content) for part in only.attachments] == [
        ("receipt.pdf", "application/pdf", b"%PDF")
    ]


def test_each_of_many_messages_is_an_effect():
    def send_many():
        return send_mass_mail([(f"Number {n}", "text", "shop@example.com", [ADA]) for n in range(3)])

    bench = run(send_many)
    assert bench.mail.subjects == ["Number 0", "Number 1", "Number 2"]
    assert bench.runs()[0].result == 3
    assert len(mail.outbox) == 3


def test_the_projects_own_backends_are_watched_also_those_made_later(settings):
    settings.EMAIL_BACKEND = f"{__name__}.Own"

    def send_with_another():
        class Another(Own):
            def send_messages(self, email_messages):
                return super().send_messages(email_messages)

        send()
        Another().send_messages([EmailMessage("Second", "text", "shop@example.com", [ADA])])

    Own.taken.clear()
    assert run(lambda: send(connection=Own())).mail.subjects == ["Your receipt"]
    assert run(send_with_another).mail.subjects == ["Your receipt", "Second"]
    assert Own.taken == ["Your receipt", "Your receipt", "Second"]


def test_a_backend_around_another_sends_one_message():
    bench = run(lambda: send(connection=Signing()))
    assert len(bench.mail) == 1
    assert [message.subject for message in mail.outbox] == ["Your receipt (signed)"]


def test_a_backend_that_only_queues_is_no_effect_but_what_sends_it_later_is():
    bench = run(lambda: send(connection=Later()))
    assert told(bench) == [f"to {ADA}: Your receipt"]
    assert bench.mail.only.task == send_kept.name


def test_a_message_to_nobody_is_no_effect():
    def send_to_nobody():
        return get_connection().send_messages([EmailMessage("Lost", "text", "shop@example.com", [])])

    assert told(run(send_to_nobody)) == []
    assert told(run(lambda: get_connection().send_messages(messages=[]))) == []


def test_a_message_that_cannot_be_sent_is_djangos_to_refuse():
    bench = run(lambda: send(subject="two\nlines"))
    assert type(bench.runs()[0].exception).__name__ == "BadHeaderError"
    assert told(bench) == []


def test_an_error_of_the_backend_is_a_failed_effect_also_if_it_is_to_be_silent():
    bench = run(lambda: send(connection=Broken(fail_silently=True)))
    assert repr(bench.runs()[0].exception) == "OSError('disk full')"
    assert told(bench) == [f"to {ADA}: Your receipt (failed)"]


STAND_IN_FAILURES = [
    ("refused", "ConnectionRefusedError(111, 'Connection refused')"),
    ("timeout", "TimeoutError('timed out')"),
    ("connection lost", "SMTPServerDisconnected('Connection unexpectedly closed')"),
    ("message refused", "SMTPDataError(554, b'5.7.1 Message rejected')"),
]


@pytest.mark.parametrize(("failure", "error"), STAND_IN_FAILURES)
def test_a_stand_in_fails_as_smtp_would(failure, error):
    bench = run(send, prepare=failing("mail.send", failure))
    assert repr(bench.runs()[0].exception) == error
    assert told(bench) == [f"to {ADA}: Your receipt (failed)"]
    assert mail.outbox == []


@pytest.mark.parametrize("failure", ["refused", "timeout", "recipient refused", "greylisted", "connection lost"])
def test_a_stand_in_that_is_to_fail_silently_does(failure):
    bench = run(lambda: send(fail_silently=True), prepare=failing("mail.send", failure))
    assert bench.runs()[0].result == 0
    assert told(bench) == [f"to {ADA}: Your receipt (failed)"]


def test_what_was_taken_before_the_connection_was_lost_is_in_the_inbox():
    bench = run(send, prepare=failing("mail.send", "connection lost", as_error=True))
    assert isinstance(bench.runs()[0].exception, smtplib.SMTPServerDisconnected)
    assert bench.mail.subjects == ["Your receipt"]
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(("place", "count"), [("before", 0), ("after", 1)])
def test_a_process_that_dies_there_has_sent_it_or_not(place, count):
    bench = run(send, prepare=dying(place))
    assert bench.runs()[0].state == "LOST"
    assert len(bench.mail) == len(mail.outbox) == count


def test_another_answer_than_an_error_is_given_to_the_task():
    def prepare(bench):
        bench._now_open.gate.before.append(
            lambda touch: setattr(touch, "answer", 7 if "mail" in touch.effect else None)
        )

    assert run(send, prepare=prepare).runs()[0].result == 7


@pytest.fixture
def over_smtp(settings):
    settings.EMAIL_BACKEND = f"{BACKENDS}.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = SERVER, 587, True
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD, settings.EMAIL_TIMEOUT = "shop", "secret", 5


def test_the_smtp_backend_reaches_the_benchs_own_server(over_smtp):
    bench = run(send)
    assert told(bench) == [SERVER, f"to {ADA}: Your receipt"]
    assert bench.runs()[0].result == 1
    assert (bench.mail.only.sender, bench.mail.only.text) == ("shop@example.com", "Thank you!")


def test_the_smtp_backend_keeps_its_connection_for_all_messages(over_smtp):
    def send_many():
        return send_mass_mail([(f"Number {n}", "text", "shop@example.com", [ADA]) for n in range(2)])

    assert told(run(send_many)) == [
        SERVER,
        f"to {ADA}: Number 0",
        f"to {ADA}: Number 1",
    ]


def test_a_subclass_of_the_smtp_backend_sends_one_message(over_smtp):
    assert told(run(lambda: send(connection=Quiet()))) == [
        SERVER,
        f"to {ADA}: Your receipt",
    ]


SMTP_FAILURES = [
    ("mail.connect", "refused", "ConnectionRefusedError(111, 'Connection refused')"),
    ("mail.connect", "timeout", "TimeoutError('timed out')"),
    ("mail.send", "timeout", "SMTPServerDisconnected('Connection unexpectedly closed: timed out')"),
    ("mail.send", "message refused", "SMTPDataError(554, b'5.7.1 Message rejected')"),
]


@pytest.mark.parametrize(("effect", "failure", "error"), SMTP_FAILURES)
def test_the_smtp_backend_fails_as_in_life(over_smtp, effect, failure, error):
    bench = run(send, prepare=failing(effect, failure))
    assert repr(bench.runs()[0].exception) == error
    assert list(bench.mail) == []
    bench = run(lambda: send(fail_silently=True), prepare=failing(effect, failure))
    assert bench.runs()[0].result == 0
    assert list(bench.mail) == []


def test_one_recipient_that_is_refused_is_passed_over(over_smtp):
    def send_to_both():
        return EmailMessage("Your receipt", "text", "shop@example.com", [ADA, BOB]).send()

    bench = run(send_to_both, prepare=failing("mail.send", "one recipient refused"))
    assert bench.runs()[0].result == 1
    assert bench.mail.only.recipients == (ADA,)


def test_what_the_test_itself_sends_is_not_recorded():
    with Bench(app) as bench:
        assert send() == 1
    assert told(bench) == []
    with pytest.raises(AssertionError, match=r"no task has sent any mail \(what the test itself sends is not"):
        bench.assert_mailed(ADA)


def test_ids_dates_and_boundaries_are_the_same_in_equal_runs():
    def send_parts():
        message = EmailMultiAlternatives("Hello", "text", "shop@example.com", [ADA])
        message.attach_alternative("<p>text</p>", "text/html")
        message.send()

    first, second = run(send_parts).mail.only, run(send_parts).mail.only
    assert first.raw == second.raw
    assert "boundary=" in first.headers["Content-Type"]


def test_everything_is_put_back():
    kinds = [BaseEmailBackend, InMemory, OverSmtp, Own, Signing]
    before = [dict(vars(kind)) for kind in kinds]
    with Bench(app):
        assert [dict(vars(kind)) for kind in kinds] != before
    assert [dict(vars(kind)) for kind in kinds] == before
