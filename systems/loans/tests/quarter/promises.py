"""What must be so at the end, reckoned again from the calendar alone, and compared with what the mail server got."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from core.clock import day_of, zone
from documents.models import Document, Ledger, Repayment
from reports.models import Report
from tests.quarter.life import FIRST, LAST, NO_MAIL, OUTAGE, Life
from tests.quarter.office import local
from users.models import Notification

SUBJECTS = {
    -7: "Upcoming Repayment Reminder",
    3: "OVERDUE Repayment Notice",
    7: "URGENT: 7 Days OVERDUE Repayment",
    10: "ESCALATION: 10 Days Overdue Repayment",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A promise, and whether it was held."""

    promise: str
    seen: str
    broken: tuple[str, ...] = ()


def verdicts(life: Life) -> list[Verdict]:
    """All promises, in the order in which a borrower would care."""
    checks = (reminders, payments, stale, notes, changes, documents, digests, reports)
    return [check(life) for check in checks]


def compare(promise: str, expected: Counter[str], seen: Counter[str], what: str) -> Verdict:
    """Nothing missing, nothing twice, nothing else."""
    missing = [f"missing: {text}" for text in sorted((expected - seen).elements())]
    surplus = [f"too many: {text}" for text in sorted((seen - expected).elements())]
    return Verdict(promise, f"{seen.total()} {what}", (*missing, *surplus))


def sweeps(life: Life) -> list[datetime]:
    """When the repayment sweep really ran with a mail server that answered."""
    started = [run.started_at for run in life.bench.runs("check_repayment_reminders") if run.started_at]
    return sorted(moment for moment in started if not NO_MAIL[0] <= moment < NO_MAIL[1])


def stage_of(row: Repayment, day: date) -> int | None:
    """The highest step that an unpaid instalment has reached."""
    late = (day - row.due_date).days
    reached = [step for step in SUBJECTS if late >= step and not (step == -7 and late > 0)]
    return max(reached, default=None)


def due_reminders(life: Life) -> Iterator[str]:
    """Whom the calendar says should be told what."""
    moments = sweeps(life)
    for row in Repayment.objects.select_related("application__bd__user"):
        paid = life.office.pays_on.get(row.pk)
        told: set[int] = set()
        for moment in moments:
            if paid is not None and moment >= local(paid, 12):
                break
            step = stage_of(row, day_of(moment))
            if step is None or step in told:
                continue
            told.add(step)
            for borrower in row.application.borrowers.exclude(pk=life.office.poisoned.pk) if step < 10 else ():
                yield f"{borrower.email}: {SUBJECTS[step]} for {row.due_date}"
            if step == 10:
                yield f"{row.application.bd.user.email}: {SUBJECTS[step]} for {row.due_date}"


def reminders(life: Life) -> Verdict:
    """Each reminder to each borrower, once."""
    seen = Counter(
        f"{mail.to}: {mail.subject} for {row.due_date}"
        for mail in life.mailbox.mails
        if mail.subject in SUBJECTS.values()
        for row in Repayment.objects.select_related("application")
        if row.application.reference_number in mail.body and f"{row.due_date}" in mail.body
    )
    return compare("each borrower gets each repayment reminder once", Counter(due_reminders(life)), seen, "reminders")


def payments(life: Life) -> Verdict:
    """What was paid stays paid, and is booked once."""
    expected = Counter(
        f"instalment {pk} on {day}" for pk, day in life.office.pays_on.items() if day and FIRST <= day <= LAST
    )
    booked = Ledger.objects.filter(transaction_type=Ledger.Kind.REPAYMENT_RECEIVED)
    seen = Counter(f"instalment {row.related_repayment_id} on {row.related_repayment.paid_date}" for row in booked)
    return compare("a payment is never undone, and booked once", expected, seen, "payments, each sent twice")


def stale(life: Life) -> Verdict:
    """At once after fourteen days, and then each week; the one that moved starts again."""
    expected: Counter[str] = Counter()
    for application in life.office.pipeline:
        moved = [change.changed_at for change in life.changes if change.application_id == application.pk]
        for since, until in zip([local(FIRST, 0), *moved], [*moved, life.bench.now], strict=True):
            weeks = [since + timedelta(days=14 + 7 * week) for week in range(20)]
            expected[application.reference_number] += sum(_first_nine(moment) < until for moment in weeks)
    seen = Counter(mail.subject.rpartition(" ")[2] for mail in life.mailbox.mails if "Stale" in mail.subject)
    return compare("stale applications are reported at once, then weekly", expected, seen, "alerts")


def _first_nine(moment: datetime) -> datetime:
    nine = local(day_of(moment), 9)
    return nine if nine >= moment else local(day_of(moment) + timedelta(days=1), 9)


def notes(life: Life) -> Verdict:
    """In the minute that was asked for, or as soon as somebody works again."""
    expected = Counter(
        f"Note Reminder: {note.title} at {_working(note.remind_date).astimezone(zone()):%Y-%m-%d %H:%M}"
        for note in life.office.notes
    )
    seen = Counter(f"{mail.subject} at {mail.on}" for mail in life.mailbox.mails if mail.subject.startswith("Note"))
    return compare("notes are reminded at their local time", expected, seen, "notes")


def _working(moment: datetime) -> datetime:
    return OUTAGE[1] if OUTAGE[0] <= moment < OUTAGE[1] else moment


def changes(life: Life) -> Verdict:
    """Everybody is told about a change that is so, and nobody about one that is not."""
    people = {life.office.admin.pk, life.office.manager.user_id, life.office.pipeline[0].broker.user_id}
    expected = Counter(f"{change.application_id} to user {pk}" for change in life.changes for pk in people)
    told = Notification.objects.filter(notification_type="application_status")
    seen = Counter(f"{row.related_object_id} to user {row.user_id}" for row in told)
    return compare("a stage change is told once, one rolled back to nobody", expected, seen, "notifications")


def documents(life: Life) -> Verdict:
    """One document for one request."""
    expected = Counter(f"{job.document_type} for {job.application_id}" for job in life.jobs)
    seen = Counter(f"{row.document_type} for {row.application_id}" for row in Document.objects.all())
    return compare("a document asked for once exists once", expected, seen, "document, its message sent twice")


def digests(life: Life) -> Verdict:
    """Nobody gets the digest of a period twice."""
    digest_mails = [mail for mail in life.mailbox.mails if "digest" in mail.subject.lower()]
    times = Counter(f"{mail.to}: {mail.subject}" for mail in digest_mails)
    twice = tuple(f"twice: {text}" for text, number in times.items() if number > 1)
    none = () if digest_mails else ("no digest was sent at all",)
    return Verdict("digests come once per person and period", f"{len(digest_mails)} digests", (*twice, *none))


def reports(life: Life) -> Verdict:
    """The month and the week before, each reported once."""
    expected = Counter({"2026-02-01 to 2026-02-28": 1, "2026-03-01 to 2026-03-31": 1, "2026-04-01 to 2026-04-30": 1})
    expected["2026-05-01 to 2026-05-31"] = 1
    rows = Report.objects.filter(kind=Report.Kind.MONTHLY_COMPLIANCE, period_start__gte=date(2026, 2, 1))
    seen = Counter(f"{row.period_start} to {row.period_end}" for row in rows)
    weeks = Report.objects.filter(kind=Report.Kind.WEEKLY, period_start__gte=FIRST).count()
    verdict = compare("the monthly check reports the month before", expected, seen, "months")
    return Verdict(verdict.promise, f"{verdict.seen}, {weeks} weekly reports", verdict.broken)
