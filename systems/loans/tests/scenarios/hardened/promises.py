"""What is kept whatever breaks: no mail twice, and none lost of which the office does not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from coldframe import Bench
from coldframe.trace import Touched
from django.conf import settings

from core.models import DeliveryLedger
from documents.models import Document
from users.models import Notification

#: Whom, about what.
Mails = Iterable[tuple[str, str]]


def mailed(*expected: tuple[str, str]) -> Callable[[Bench], None]:
    """A promise: these mails and no others are sent, each once.

    One may be missing only if it is in doubt, and come twice only if the server took it and its answer got lost: see
    `core.deliveries.deliver`.
    """
    wanted = Counter(expected)

    def promise(bench: Bench) -> None:
        """Each mail is sent once, or is in doubt for the office to decide."""
        sent = sent_mails(bench)
        doubtful = DeliveryLedger.objects.filter(status=DeliveryLedger.Status.CLAIMED).count()
        surplus, missing = sent - wanted, wanted - sent
        assert surplus.total() <= unanswered(bench), f"too many: {_told(surplus)}"
        assert missing.total() <= doubtful, f"lost, and not in doubt: {_told(missing)}"

    return promise


def sent_mails(bench: Bench) -> Counter[tuple[str, str]]:
    """Who got how many mails about what."""
    return Counter((address, mail.subject) for mail in bench.mail for address in mail.to)


def unanswered(bench: Bench) -> int:
    """How many mails the server took without the task getting to know of it."""
    mails = (event for event in bench.trace if isinstance(event, Touched) and event.effect == "mail.send")
    return sum(event.outcome == "unknown" for event in mails)


def noticed(*expected: tuple[str, str]) -> Callable[[Bench], None]:
    """A promise: these notifications and no others are shown in the application, each once."""
    wanted = Counter(expected)

    def promise(bench: Bench) -> None:
        """Each notification is shown once."""
        shown = Counter(Notification.objects.values_list("user__email", "title"))
        assert shown == wanted, f"{_told(shown)} instead of {_told(wanted)}"

    return promise


def one_document(bench: Bench) -> None:
    """There is one document with one file, and no file besides."""
    (document,) = Document.objects.all()
    files = [path for path in Path(settings.MEDIA_ROOT).rglob("*.pdf") if path.is_file()]
    assert files == [Path(document.file.path)], f"files: {files}"
    assert document.file.size == document.file_size


def _told(found: Counter[tuple[str, str]]) -> str:
    return "; ".join(f"{count} × {subject} to {who}" for (who, subject), count in sorted(found.items())) or "nothing"
