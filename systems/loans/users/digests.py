"""Digests: what a person has not read of a day, or of a week, in one mail.

The daily digest is about the calendar day before, the weekly one about the ISO week before (Monday to Sunday), both in
the zone of the office, whenever they run. Each person gets each period once. After an outage the missed periods are
made up for, each with a mail of its own: up to 7 days, and up to 4 weeks.

In the delivery ledger there is a row for each person and period, and one for `EVERYBODY` that says whether the period
is done. Without that row nobody could tell a day that was missed from one on which nobody had anything to read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial

from django.db.models import Exists, QuerySet

from core.clock import today
from core.deliveries import Key, Status, deliver, prepare
from core.mailing import Letter, Round, Sender
from core.models import DeliveryLedger
from core.periods import Period, days_before, owed, weeks_before
from core.sweeps import Outcome, batches
from users.models import Notification, User

EVERYBODY = "everybody"
AT_MOST = 50  # notifications in one mail; the rest is counted


@dataclass(frozen=True, slots=True)
class Digest:
    """One of the two kinds."""

    kind: str  # also the name of the preference
    title: str
    periods: Callable[[date, int], list[Period]]
    made_up_for: int

    @property
    def task(self) -> str:
        """The task that sends it."""
        return f"applications.tasks.send_{self.kind}"


DAILY = Digest("daily_digest", "daily digest", days_before, 7)
WEEKLY = Digest("weekly_digest", "weekly digest", weeks_before, 4)


def send_daily_digests(send: Sender, *, until: float | None = None) -> Outcome:
    """What was not read of yesterday, and of the days that were missed, to everybody who wants it daily.

    Raises:
        MailServerDown: the mail server does not answer; what was not sent will be when this runs again.
        TimeUp: the run took as long as it may; so, too, then.
    """
    return _run(DAILY, send, until)


def send_weekly_digests(send: Sender, *, until: float | None = None) -> Outcome:
    """What was not read of last week, and of the weeks that were missed, to everybody who wants it weekly.

    Raises:
        MailServerDown: the mail server does not answer; what was not sent will be when this runs again.
        TimeUp: the run took as long as it may; so, too, then.
    """
    return _run(WEEKLY, send, until)


def _run(digest: Digest, send: Sender, until: float | None) -> Outcome:
    mails = Round(send, until)
    for period in _to_do(digest):
        done = prepare([_key(digest, period, EVERYBODY)]).popitem()[1]
        failed_before = mails.outcome.failed
        for people in batches(_subscribers(digest)):
            _send_to(people, digest, period, mails)
        if mails.outcome.failed == failed_before:
            deliver(done, lambda: True)
    return mails.outcome


def _to_do(digest: Digest) -> list[Period]:
    """The last period, and those before it that are not done although digests were sent by then."""
    window = digest.periods(today(), digest.made_up_for)
    rows = DeliveryLedger.objects.filter(task=digest.task, object=EVERYBODY).order_by("period")
    done = rows.filter(status=Status.SENT, period__range=(window[0].key, window[-1].key))
    return owed(
        window,
        first_known=rows.values_list("period", flat=True).first(),
        done=set(done.values_list("period", flat=True)),
    )


def _send_to(people: list[User], digest: Digest, period: Period, mails: Round) -> None:
    curious = _unread(period).filter(user__in=people).order_by().values_list("user_id", flat=True).distinct()
    keys = {pk: _key(digest, period, f"user:{pk}") for pk in curious}
    deliveries = prepare(keys.values())
    mails.outcome.checked += len(people)
    mails.outcome.skipped += len(people) - len(keys)
    for user in people:
        if user.pk in keys:
            still = Exists(_unread(period).filter(user=user))
            mails.mail(deliveries[keys[user.pk]], partial(_write, user, digest, period), only_if=still)


def _write(user: User, digest: Digest, period: Period) -> Letter:
    unread = _unread(period).filter(user=user).order_by("created_at", "pk")
    lines = [f"- {row.title}: {row.message}" for row in unread[:AT_MOST]]
    if (more := unread.count() - len(lines)) > 0:
        lines.append(f"- and {more} more")
    message = f"Hello {user},\n\nyou have not read these notifications of {period}:\n\n" + "\n".join(lines) + "\n"
    return Letter(user.email, f"Your {digest.title} for {period}", message)


def _unread(period: Period) -> QuerySet[Notification]:
    start, end = period.moments
    return Notification.objects.filter(is_read=False, created_at__gte=start, created_at__lt=end)


def _subscribers(digest: Digest) -> QuerySet[User]:
    wants = {f"notification_preference__{digest.kind}": True}
    return User.objects.filter(is_active=True, **wants).exclude(email="")


def _key(digest: Digest, period: Period, who: str) -> Key:
    topic = who if who == EVERYBODY else f"{who}:{period.key}"
    return Key(digest.task, topic, digest.kind, who, period.key)
