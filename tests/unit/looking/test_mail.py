"""The inbox: what is parsed from the trace, and the exact text of each failure."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest

from coldframe import trace
from coldframe._core.events import Touched
from coldframe._looking.inbox import mails
from coldframe._looking.mail import Mail, essence
from coldframe.errors import Mismatch, SetupError

if TYPE_CHECKING:
    from conftest import Story

ADA, BOB = "ada@example.com", "bob@example.com"
MIDNIGHT = "2026-03-29 00:00:00+00:00"
CHARGE = "billing.tasks.charge"
UNKNOWN = "it was sent by an unknown task"
HINT = "  hint: bench.mail lists every mail that tasks sent"


def send(story: Story, raw: bytes | EmailMessage, *recipients: str, outcome: str = "done", **more: Any) -> None:
    """A mail that a task sent."""
    message = raw if isinstance(raw, bytes) else raw.as_bytes().replace(b"\n", b"\r\n")
    details = {"sender": "shop@example.com", "recipients": list(recipients or [ADA]), **more.pop("details", {})}
    try:
        details["message"] = message.decode()
    except UnicodeDecodeError:
        details["message"] = {"base64": b64encode(message).decode()}
    story.tell(Touched, 1, "mail.send", "a mail", "mail/1", details=details, outcome=outcome, **more)


def made(subject: str = "Your receipt", text: str = "Thank you!", **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Shop <shop@example.com>", f"Ada <{ADA}>", subject
    for name, value in headers.items():
        message[name] = value
    message.set_content(text)
    return message


def failure(inbox: Any, **criteria: Any) -> list[str]:
    with pytest.raises(Mismatch, match=r"hint: ") as caught:
        inbox.expect(**criteria)
    return str(caught.value).splitlines()


def test_a_mail_is_parsed(story: Story) -> None:
    message = made("Grüße", "Hällo\n\nAda\n\n", Cc=f"Bob <{BOB}>, c@example.com", Received="one")
    message["Received"] = "two"
    message.add_alternative("<p>Hällo</p>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="receipt.pdf")
    message.add_attachment("notes", filename="notes.txt")
    message.add_attachment(made("Inner"))
    story.start(story.send())
    send(story, message, ADA, BOB, "c@example.com", "hidden@example.com", task_id="id-1", where="services.py:88")

    mail = mails(story.events).only
    assert (mail.sender, mail.recipients) == ("shop@example.com", (ADA, BOB, "c@example.com", "hidden@example.com"))
    assert (mail.to, mail.cc, mail.subject) == ((ADA,), (BOB, "c@example.com"), "Grüße")
    assert (mail.text, mail.html) == ("Hällo\n\nAda", "<p>Hällo</p>")
    assert [(part.name, part.type, part.size) for part in mail.attachments] == [
        *(("receipt.pdf", "application/pdf", 4), ("notes.txt", "text/plain", 7), ("", "message/rfc822", 175))
    ]
    assert mail.attachments[0].content == b"%PDF"
    assert b"Subject: Inner" in mail.attachments[2].content
    assert mail.headers["From"] == "Shop <shop@example.com>"
    assert mail.headers["Received"] == "one\ntwo"
    assert (mail.task_id, mail.task, mail.where) == ("id-1", "billing.tasks.charge", "services.py:88")
    assert mail.at == datetime(2026, 3, 29, tzinfo=UTC)
    assert mail.raw == message.as_bytes().replace(b"\n", b"\r\n")


def test_a_mail_that_has_only_html_has_no_text(story: Story) -> None:
    message = made()
    message.set_content("<p>Hello</p>", subtype="html")
    send(story, message)
    assert (mails(story.events).only.text, mails(story.events).only.html) == ("", "<p>Hello</p>")


@pytest.mark.parametrize(
    ("raw", "subject", "text"),
    [
        (b"", "", ""),
        (b"no header at all", "", "no header at all"),
        (b"Subject: Gr\xfc\xdfe\r\n\r\n\xff", "Gr��e", "�"),
        (b"Subject: a\r\nContent-Type: text/plain; charset=klingon\r\n\r\nHello", "a", "Hello"),
        (b"Subject: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\nHello", "a", ""),
        (b"Subject: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n", "a", "Hello"),
        (b"Subject: a\r\nTo: <\r\nCc: a b c@x, ;:\r\n\r\nHello", "a", "Hello"),
        (b"Subject: a\r\nContent-Type: message/rfc822\r\n\r\nSubject: b\r\n\r\nHello", "a", ""),
    ],
)
def test_whatever_was_sent_can_be_looked_at(story: Story, raw: bytes, subject: str, text: str) -> None:
    send(story, raw)
    mail = mails(story.events).only
    assert (mail.subject, mail.text, mail.raw) == (subject, text, raw)


def test_a_trace_from_a_file_gives_the_same_inbox(story: Story) -> None:
    send(story, made())
    send(story, b"Subject: x\r\n\r\n\xff", ADA, BOB, details={"refused": {BOB: [550, "no"]}})
    again = trace.mails(trace.loads(trace.dumps(story.events)))
    assert again == mails(story.events)
    assert again[1].refused == {BOB: "550 no"}
    assert again[1].recipients == (ADA,)


def test_an_inbox_is_a_sequence(story: Story) -> None:
    for number in range(3):
        send(story, made(f"Number {number}"), ADA if number else BOB)
    inbox = mails(story.events)
    assert (len(inbox), inbox.subjects, inbox[-1].subject) == (3, ["Number 0", "Number 1", "Number 2"], "Number 2")
    assert inbox[1:] == list(inbox.to("ADA@example.com")) == inbox.find(subject=re.compile("[12]$"))
    assert inbox.to(ADA).find(subject="2").subjects == ["Number 2"]
    assert inbox.find(sender="shop@example.com", text="Thank", task=None) == inbox
    assert inbox != "mails"
    assert mails([]) == []
    assert not mails([])


def test_an_inbox_shows_what_is_in_it(story: Story) -> None:
    message = made()
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="receipt.pdf")
    story.start(story.send())
    send(story, message, ADA, BOB, task_id="id-1")
    for _ in range(20):
        send(story, made())
    lines = repr(mails(story.events)).splitlines()
    assert lines[0] == "<Inbox of 21 mails"
    assert lines[1] == (
        f"  <Mail 'Your receipt' to {ADA}, {BOB}, with receipt.pdf, at {MIDNIGHT}, by billing.tasks.charge>"
    )
    assert lines[-2:] == [f"  <Mail 'Your receipt' to {ADA}, at {MIDNIGHT}>", "  and 1 more>"]
    assert repr(mails(story.events).to(BOB)).splitlines()[0] == f"<Inbox of 1 mail with to={BOB!r}"
    assert repr(mails([])) == "<Inbox of 0 mails>"
    assert repr(mails(story.events)[0].attachments[0]) == "<Attachment 'receipt.pdf' application/pdf, 4 bytes>"


def test_what_matches_is_given(story: Story) -> None:
    send(story, made())
    inbox = mails(story.events)
    assert inbox.expect(to=ADA, count=1) == list(inbox)
    assert inbox.expect(to=BOB, count=0) == []


def test_the_nearest_miss_comes_first_and_says_how_it_differs(story: Story) -> None:
    story.start(story.send())
    send(story, made("Reminder"), BOB)
    send(story, made("Your receipt"), ADA, task_id="id-1")
    wanted = {"to": ADA, "sender": "a@x", "subject": "Invoice", "text": "Dear", "html": "<b>", "task": "shop.remind"}
    differences = "its text is 'Thank you!'; it has no html"
    assert failure(mails(story.events), **wanted) == [
        f"there is no mail with {', '.join(f'{name}={value!r}' for name, value in wanted.items())}:",
        f"  it is from shop@example.com; its subject is 'Your receipt'; {differences}; it was sent by {CHARGE}",
        f"      <Mail 'Your receipt' to {ADA}, at {MIDNIGHT}, by {CHARGE}>",
        f"  it went to {BOB}; it is from shop@example.com; its subject is 'Reminder'; {differences}; {UNKNOWN}",
        f"      <Mail 'Reminder' to {BOB}, at {MIDNIGHT}>",
        HINT,
    ]


def test_an_address_that_was_probably_meant_is_named(story: Story) -> None:
    send(story, made(), BOB)
    send(story, made(), ADA)
    assert failure(mails(story.events), to="adda@example.com") == [
        "there is no mail with to='adda@example.com':",
        f"  it went to {ADA}",
        f"      <Mail 'Your receipt' to {ADA}, at {MIDNIGHT}>",
        f"  it went to {BOB}",
        f"      <Mail 'Your receipt' to {BOB}, at {MIDNIGHT}>",
        f"  hint: did you mean to={ADA!r}?",
    ]


def test_a_mail_that_was_not_taken_is_told_with_the_reason(story: Story) -> None:
    send(story, made(), outcome="failed", exception=ConnectionRefusedError(111, "Connection refused"))
    send(story, made("Other"), outcome="failed")
    assert list(mails(story.events)) == []
    assert failure(mails(story.events), to=ADA, subject="receipt") == [
        f"there is no mail with to={ADA!r}, subject='receipt':",
        "  it was not taken: ConnectionRefusedError('[Errno 111] Connection refused')",
        f"      <Mail 'Your receipt' to {ADA}, at {MIDNIGHT}>",
        "  it was not taken; its subject is 'Other'",
        f"      <Mail 'Other' to {ADA}, at {MIDNIGHT}>",
        HINT,
    ]


def test_a_mail_whose_fate_is_unknown_was_taken(story: Story) -> None:
    send(story, made(), outcome="unknown", exception=TimeoutError())
    assert mails(story.events).subjects == ["Your receipt"]


def test_a_recipient_that_was_refused_is_told_with_the_answer(story: Story) -> None:
    send(story, made(), ADA, BOB, details={"refused": {BOB: [550, "no such mailbox"]}})
    assert failure(mails(story.events), to=BOB)[1] == f"  the server refused {BOB}: 550 no such mailbox"


def test_without_any_mail_it_says_so() -> None:
    assert failure(mails([])) == [
        "there is no mail:",
        "  no task has sent any mail (what the test itself sends is not recorded)",
        "  hint: let the task run: bench.settle() or bench.drain()",
    ]


def test_too_many_are_all_shown(story: Story) -> None:
    send(story, made())
    send(story, made())
    with pytest.raises(Mismatch, match=r"^there are 2 mails with to='ada@example\.com' \(1 wanted\):\n  <Mail 'Your"):
        _ = mails(story.events).to(ADA).only


@pytest.mark.parametrize(
    ("criteria", "complaint"),
    [
        ({"to": [ADA]}, r"^to=\['ada@example\.com'\] is no address"),
        ({"sender": 7}, r"^sender=7 is no address\n  hint: write sender='ada@example\.com'"),
        ({"subject": 7}, r"^subject=7 is neither a text nor a compiled pattern\n  hint: give a part of it"),
        ({"task": 7}, r"^7 is neither the name of a task nor a task"),
    ],
)
def test_what_makes_no_sense_is_refused(criteria: Any, complaint: str) -> None:
    with pytest.raises(SetupError, match=complaint):
        mails([]).find(**criteria)


def details_of(message: EmailMessage, **more: Any) -> dict[str, Any]:
    return {"sender": "shop@example.com", "recipients": [ADA], "message": message.as_string(), **more}


def test_the_essence_of_a_mail_leaves_out_what_is_made_anew() -> None:
    first, second = (made(Date=f"Mon, 05 Jan 2026 09:00:0{n} +0000", **{"Message-ID": f"<{n}@x>"}) for n in range(2))
    for message in (first, second):
        message.add_alternative("<p>Hello</p>", subtype="html")
    assert first.as_string() != second.as_string()
    assert essence(details_of(first)) == essence(details_of(second))
    assert hash(essence(details_of(first))) == hash(essence(details_of(second)))


@pytest.mark.parametrize("other", [made("Other"), made(text="Other"), made(Cc=BOB)], ids=["subject", "text", "cc"])
def test_the_essence_tells_what_differs(other: EmailMessage) -> None:
    assert essence(details_of(made())) != essence(details_of(other))
    assert essence(details_of(made())) != essence(details_of(made(), refused={ADA: [550, "no"]}))
    assert essence(details_of(made())) != essence(details_of(made()) | {"recipients": [BOB]})


def test_mails_are_values(story: Story) -> None:
    send(story, made())
    mail = mails(story.events).only
    assert isinstance(mail, Mail)
    with pytest.raises(AttributeError, match=r"cannot assign to field 'subject'"):
        mail.subject = "Other"  # type: ignore[misc]
