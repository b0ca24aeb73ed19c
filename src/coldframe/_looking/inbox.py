"""The inbox: all mail of a trace in order, and an assertion whose failure lists the near misses."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypedDict, Unpack, overload

from coldframe._core.events import Event
from coldframe._core.plain import error_label
from coldframe._looking.failure import Sought
from coldframe._looking.mail import Mail, mail_events, mail_of
from coldframe._looking.names import fits, name_of
from coldframe._looking.near_misses import Miss
from coldframe._looking.wording import shorten, times
from coldframe.errors import SetupError, hides_frames

__tracebackhide__ = hides_frames

Text = str | re.Pattern[str]

SHOWN = 60
MAILS_SHOWN = 20
HINT = "bench.mail lists every mail that tasks sent"
NOTHING = "no task has sent any mail (what the test itself sends is not recorded)"


class Further(TypedDict, total=False):
    """What can be asked of a mail, beside its recipient."""

    sender: str | None
    subject: Text | None
    text: Text | None
    html: Text | None
    task: Any


class MailCriteria(Further, total=False):
    """What can be asked of a mail."""

    to: str | None


@dataclass(frozen=True, slots=True)
class WantedMail:
    """What is wanted of a mail; None is anything."""

    to: str | None = None
    sender: str | None = None
    subject: Text | None = None
    text: Text | None = None
    html: Text | None = None
    task: Any = None

    def __post_init__(self) -> None:
        for name in ("to", "sender"):
            if not isinstance(given := getattr(self, name), str | None):
                raise SetupError(f"{name}={given!r} is no address", hint=f"write {name}='ada@example.com'")
        for name in ("subject", "text", "html"):
            if not isinstance(given := getattr(self, name), str | re.Pattern | None):
                raise SetupError(
                    f"{name}={given!r} is neither a text nor a compiled pattern",
                    hint=f"give a part of it, as in {name}='Reminder', or {name}=re.compile('^Reminder')",
                )
        if self.task is not None:
            name_of(self.task)

    def differences_of(self, mail: Mail) -> Iterator[str]:
        """Each difference in words, lazily."""
        if self.to is not None and not _is_among(self.to, mail.recipients):
            said = next((said for address, said in mail.refused.items() if _is_among(self.to, (address,))), None)
            yield f"the server refused {self.to}: {said}" if said else f"it went to {', '.join(mail.recipients)}"
        if self.sender is not None and not _is_among(self.sender, (mail.sender,)):
            yield f"it is from {mail.sender}"
        if self.subject is not None and not _is_in(self.subject, mail.subject):
            yield f"its subject is {shorten(mail.subject, SHOWN)!r}"
        for name in ("text", "html"):
            wanted, there = getattr(self, name), getattr(mail, name)
            if wanted is not None and not _is_in(wanted, there):
                yield f"its {name} is {shorten(there, SHOWN)!r}" if there else f"it has no {name}"
        if self.task is not None and not fits(name_of(self.task), mail.task or ""):
            yield f"it was sent by {mail.task or 'an unknown task'}"

    def matches(self, mail: Mail) -> bool:
        """Whether the mail is as wanted."""
        return next(self.differences_of(mail), None) is None

    def described(self) -> Iterator[str]:
        """Each thing that is wanted, in words."""
        for field in fields(self):
            given = getattr(self, field.name)
            if given is not None:
                yield f"{field.name}={name_of(given) if field.name == 'task' else given!r}"


class Inbox(Sequence[Mail]):
    """Mails in the order in which they were sent.

    Example:
        >>> bench.mail.to("ada@example.com").subjects      # doctest: +SKIP
        ['Your receipt']
    """

    def __init__(self, events: Iterable[Event]) -> None:
        attempts = list(mail_events(events))
        self._all = [mail_of(event, task) for event, task in attempts if event.outcome != "failed"]
        self._failed = [
            (
                mail_of(event, task),
                "" if event.exception is None else f": {shorten(error_label(event.exception), SHOWN)}",
            )
            for event, task in attempts
            if event.outcome == "failed"
        ]
        self._wanted = WantedMail()
        self._mails = self._all

    def to(self, address: str) -> Inbox:
        """Those that went to an address, in To, Cc or Bcc."""
        return self.find(to=address)

    def find(self, **criteria: Unpack[MailCriteria]) -> Inbox:
        """Those that match all that is given.

        Args:
            **criteria: `to` is one of the recipients, `sender` the address on the envelope; `subject`, `text` and
                `html` are a part of it, or a compiled pattern that is found in it; `task` is a task, its name, or
                the end of its name.

        Raises:
            SetupError: Something given makes no sense.
        """
        wanted = self._wanted_now(criteria)
        found = object.__new__(Inbox)
        found._all, found._failed, found._wanted = self._all, self._failed, wanted
        found._mails = self._matching(wanted)
        return found

    @property
    def subjects(self) -> list[str]:
        """The subject of each."""
        return [mail.subject for mail in self]

    @property
    def only(self) -> Mail:
        """The only one there is.

        Raises:
            Mismatch: There is none, or more than one; the failure lists the near misses.
        """
        return self.expect(count=1)[0]

    def expect(self, *, count: int | None = None, **criteria: Unpack[MailCriteria]) -> list[Mail]:
        """Those that match, of which there must be as many as `count`, or at least one when it is not given.

        Raises:
            Mismatch: There is none, or another number; the failure lists the near misses.
            SetupError: Something given makes no sense.
        """
        wanted = self._wanted_now(criteria)
        found = self._matching(wanted)
        if len(found) == count or (count is None and found):
            return found
        misses = [*self._misses(wanted)]
        if not self._all and not misses:
            misses = [Miss(0, NOTHING, hint="let the task run: bench.settle() or bench.drain()")]
        raise Sought("mail", None, tuple(wanted.described())).mismatch(count, found, misses, hint=HINT)

    def _wanted_now(self, criteria: MailCriteria) -> WantedMail:
        """What was wanted before, and this."""
        given: dict[str, Any] = {name: value for name, value in criteria.items() if value is not None}
        return replace(self._wanted, **given)

    def _matching(self, wanted: WantedMail) -> list[Mail]:
        return [mail for mail in self._mails if wanted.matches(mail)]

    def _misses(self, wanted: WantedMail) -> Iterator[Miss]:
        for mail, error in self._failed:
            texts = list(wanted.differences_of(mail))
            yield Miss(2 * len(texts), "; ".join([f"it was not taken{error}", *texts]), repr(mail))
        meant = self._meant(wanted.to)
        for mail in self._all:
            if texts := list(wanted.differences_of(mail)):
                is_meant = meant in mail.recipients
                hint = f"did you mean to={meant!r}?" if is_meant else ""
                yield Miss(2 * len(texts) - is_meant, "; ".join(texts), repr(mail), hint)

    def _meant(self, address: str | None) -> str | None:
        """The address that somebody got mail at, and that the wanted one is most likely meant to be."""
        known = sorted({recipient for mail in self._all for recipient in mail.recipients})
        near = difflib.get_close_matches(address or "", known, n=1, cutoff=0.75)
        return near[0] if near and not _is_among(near[0], [address or ""]) else None

    @overload
    def __getitem__(self, index: int) -> Mail: ...
    @overload
    def __getitem__(self, index: slice) -> list[Mail]: ...
    def __getitem__(self, index: int | slice) -> Mail | list[Mail]:
        return self._mails[index]

    def __len__(self) -> int:
        return len(self._mails)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Inbox | list | tuple):
            return list(self) == list(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        criteria = ", ".join(self._wanted.described())
        lines = [f"<Inbox of {times(len(self), 'mail')}{f' with {criteria}' if criteria else ''}"]
        lines += [repr(mail) for mail in self._mails[:MAILS_SHOWN]]
        if len(self) > MAILS_SHOWN:
            lines.append(f"and {len(self) - MAILS_SHOWN} more")
        return "\n  ".join(lines) + ">"


def mails(events: Iterable[Event]) -> Inbox:
    """The mail that tasks sent, in order.

    Args:
        events: A trace.
    """
    return Inbox(events)


def _is_among(address: str, others: Iterable[str]) -> bool:
    return address.lower() in (other.lower() for other in others)


def _is_in(wanted: Text, text: str) -> bool:
    return wanted in text if isinstance(wanted, str) else wanted.search(text) is not None
