"""Mail that tasks sent, parsed from the trace."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from coldframe._core.events import Event, Started, Touched
from coldframe._core.mail_headers import decoded
from coldframe._looking.wording import moment, shorten

if TYPE_CHECKING:
    from email.message import Message

#: Headers that are made anew for each message, or say how its parts are put together.
MADE_ANEW = frozenset({"date", "message-id", "content-type", "content-transfer-encoding", "mime-version"})
SUBJECT = 60


@dataclass(frozen=True, slots=True, repr=False)
class Attachment:
    """A file that came with a mail, or a part of it that is no text.

    Attributes:
        name: Its file name; empty if it has none.
        type: Its MIME type, such as `application/pdf`.
        content: Its bytes; the lines of a text end as they do on the wire, with CR and LF.
    """

    name: str
    type: str
    content: bytes

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.content)

    def __repr__(self) -> str:
        return f"<Attachment {self.name!r} {self.type}, {self.size} bytes>"


@dataclass(frozen=True, slots=True, repr=False)
class Mail:
    """A message that a mail server took from a task.

    Attributes:
        sender: The address on the envelope.
        recipients: The addresses on the envelope, those in Bcc included, without those that the server refused.
        to: The addresses that its header names.
        text: Its plain text, without line ends at its end; empty if it has none.
        html: The same as HTML.
        headers: All of them by name, decoded; several of one name are lines.
        refused: What the server said to those recipients that it refused.
        where: The line of the project's code that sent it.
        raw: The message as it went over the wire.
    """

    sender: str
    recipients: tuple[str, ...]
    to: tuple[str, ...]
    cc: tuple[str, ...]
    subject: str
    text: str
    html: str
    attachments: tuple[Attachment, ...]
    headers: dict[str, str]
    refused: dict[str, str]
    at: datetime
    task_id: str | None
    task: str | None
    where: str
    raw: bytes

    def __repr__(self) -> str:
        words = [f"{shorten(self.subject, SUBJECT)!r} to {', '.join(self.recipients) or 'nobody'}"]
        if self.attachments:
            words.append(f"with {', '.join(part.name or part.type for part in self.attachments)}")
        words.append(f"at {moment(self.at)}")
        if self.task:
            words.append(f"by {self.task}")
        return f"<Mail {', '.join(words)}>"


def mail_events(events: Iterable[Event]) -> Iterator[tuple[Touched, str | None]]:
    """Each attempt to send a mail, also one that failed, with the name of the task that made it."""
    tasks: dict[str, str] = {}
    for event in events:
        if isinstance(event, Started):
            tasks[event.task_id] = event.task
        elif isinstance(event, Touched) and event.effect == "mail.send":
            yield event, tasks.get(event.task_id or "")


def mail_of(event: Touched, task: str | None) -> Mail:
    """The mail that an effect sent, or was to send."""
    raw = raw_message(event.details)
    message = _parsed(raw)
    headers = _headers(message)
    answers = event.details.get("refused", {})
    leaves = list(_leaves(message))
    plain, html = _body(leaves, "text/plain"), _body(leaves, "text/html")
    return Mail(
        sender=event.details["sender"],
        recipients=tuple(address for address in event.details["recipients"] if address not in answers),
        to=_addresses(message, "To"),
        cc=_addresses(message, "Cc"),
        subject=_header(headers, "subject"),
        text=_text(plain),
        html=_text(html),
        attachments=tuple(_attachment(part) for part in leaves if part is not plain and part is not html),
        headers=headers,
        refused={address: f"{code} {text}" for address, (code, text) in answers.items()},
        at=event.when,
        task_id=event.task_id,
        task=task,
        where=event.where,
        raw=raw,
    )


def essence(details: Mapping[str, Any]) -> tuple[Any, ...]:
    """What two runs must have in common in a mail: all but its id, its date and its boundaries.

    Args:
        details: Of an effect `mail.send`.
    """
    message = _parsed(raw_message(details))
    headers = sorted(item for item in _headers(message).items() if item[0].lower() not in MADE_ANEW)
    parts = [(part.get_content_type(), _file_name(part), _content(part)) for part in _leaves(message)]
    refused = tuple(details.get("refused", ()))
    return (details["sender"], tuple(details["recipients"]), refused, tuple(headers), tuple(parts))


def raw_message(details: Mapping[str, Any]) -> bytes:
    """The message that the details of an effect hold."""
    text = details["message"]
    return b64decode(text["base64"]) if isinstance(text, dict) else text.encode()


def _parsed(raw: bytes) -> Message:
    from email import message_from_bytes

    return message_from_bytes(raw)


def _headers(message: Message) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in message.raw_items():
        text = decoded(str(value))
        found[name] = f"{found[name]}\n{text}" if name in found else text
    return found


def _header(headers: Mapping[str, str], wanted: str) -> str:
    return next((text for name, text in headers.items() if name.lower() == wanted), "")


def _addresses(message: Message, name: str) -> tuple[str, ...]:
    from email.utils import getaddresses

    values = [str(value) for value in message.get_all(name, [])]
    return tuple(address for _, address in getaddresses(values) if address)


def _body(leaves: Iterable[Message], kind: str) -> Message | None:
    """The first part of a kind that is no file."""
    texts = (part for part in leaves if part.get_content_type() == kind)
    return next((part for part in texts if not _is_file(part)), None)


def _is_file(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or part.get_filename() is not None


def _text(part: Message | None) -> str:
    if part is None:
        return ""
    content = _content(part)
    try:
        text = content.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        text = content.decode("utf-8", "replace")
    return text.replace("\r\n", "\n").rstrip("\n")


def _leaves(part: Message) -> Iterator[Message]:
    """All parts that have no parts; a message that is attached is one."""
    inner = part.get_payload()
    if part.get_content_maintype() == "multipart" and isinstance(inner, list):
        for child in inner:
            yield from _leaves(child)  # type: ignore[arg-type]
    else:
        yield part


def _file_name(part: Message) -> str:
    return decoded(part.get_filename() or "")


def _attachment(part: Message) -> Attachment:
    return Attachment(_file_name(part), part.get_content_type(), _content(part))


def _content(part: Message) -> bytes:
    inner = part.get_payload()
    if isinstance(inner, list):
        return b"\n".join(child.as_bytes() for child in inner)  # type: ignore[union-attr]
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""
