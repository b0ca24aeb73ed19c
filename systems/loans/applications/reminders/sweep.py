"""How a sweep tells people: rows become plans, plans become messages, and each message goes out once.

What belongs to a batch is done for the batch, so the number of statements grows by batch. For each message there are
two more: the claim, by which one worker may send it, and only if the matter still stands, and the confirmation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from django.db.models import Exists, Model, QuerySet

from applications.reminders.addresses import Office
from applications.reminders.inbox import Notice, announce
from core.deliveries import OPEN, Key, Status, is_open, prepare
from core.mailing import Letter, Sender, attempt
from core.models import DeliveryLedger
from core.sweeps import Isolation, Outcome, batches
from users.models import NotificationPreference, User
from users.notices import preferences_by_user

Row = TypeVar("Row", bound=Model)
Condition = Callable[[], Exists]


@dataclass(frozen=True, slots=True)
class Mail:
    """A message to one address. If it is a user's choice to get it, `user` and `about` name the choice."""

    key: Key
    letter: Letter
    user: User | None = None
    about: str = ""


@dataclass(slots=True)
class Plan:
    """What is to be told about one row."""

    row: Model
    only_if: Condition | None = None  # asked when a mail is sent: is there still a reason?
    mails: list[Mail] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    stands_in: bool = False  # whoever is told is not the one who should be

    def people(self) -> Iterator[User]:
        """Whose preferences matter."""
        yield from (mail.user for mail in self.mails if mail.user)
        yield from (notice.user for notice in self.notices)


class Sweep:
    """One run: what it tells with, what it came to, and who works in the house."""

    def __init__(self, send: Sender, until: float | None = None) -> None:
        self.outcome = Outcome()
        self.office = Office()
        self._send = send
        self._isolation = Isolation(self.outcome, until)

    def over(
        self,
        rows: QuerySet[Row],
        plan: Callable[[Row], Plan | None],
        told: Callable[[Row], object] | None = None,
    ) -> Outcome:
        """Tell what is planned for each row; `told` is called for a row of which somebody is known to be told.

        Raises:
            MailServerDown: the server did not answer several times in a row.
            TimeUp: the run took as long as it may.
        """
        for batch in batches(rows):
            self.handle(batch, plan, told)
        return self.outcome

    def handle(
        self,
        batch: Iterable[Row],
        plan: Callable[[Row], Plan | None],
        told: Callable[[Row], object] | None = None,
    ) -> Outcome:
        """The same for rows that are at hand."""
        plans = list(self._plans(batch, plan))
        preferences = preferences_by_user({user.pk: user for one in plans for user in one.people()}.values())
        for one in plans:
            one.mails = [mail for mail in one.mails if _is_wanted(mail, preferences)]
        seen = announce((notice for one in plans for notice in one.notices), preferences)
        deliveries = prepare(mail.key for one in plans for mail in one.mails)
        for one in plans:
            if self._carry_out(one, deliveries, seen) and told:
                told(one.row)
        return self.outcome

    def _plans(self, batch: Iterable[Row], plan: Callable[[Row], Plan | None]) -> Iterator[Plan]:
        for row in batch:
            one = None
            self.outcome.checked += 1
            with self._isolation.of(row):
                one = plan(row)
                self.outcome.checked -= one is None
            if one is not None:
                yield one

    def _carry_out(self, plan: Plan, deliveries: dict[Key, DeliveryLedger], seen: dict[str, bool]) -> bool:
        """Is somebody told, now or before, who should be?"""
        outcome, failed = self.outcome, self.outcome.failed
        accepted = [self._post(mail, deliveries[mail.key], plan) for mail in _to_post(plan, deliveries)]
        known = any(deliveries[mail.key].status == Status.SENT for mail in plan.mails)
        fresh = sum(accepted)
        if not plan.mails:
            answers = [seen[notice.key] for notice in plan.notices if notice.key in seen]
            fresh, known = sum(answers), bool(answers)
            outcome.sent += 0 if plan.stands_in else fresh
        if outcome.failed == failed and (plan.stands_in or not fresh):
            outcome.skipped += 1
        return bool(fresh or known) and not plan.stands_in

    def _post(self, mail: Mail, delivery: DeliveryLedger, plan: Plan) -> bool:
        address, subject, message = mail.letter
        send = partial(self._send, subject=subject, message=message, recipient_list=[address])
        accepted = False
        with self._isolation.of(delivery):
            accepted = attempt(delivery, send, only_if=plan.only_if and plan.only_if())
            self.outcome.sent += accepted and not plan.stands_in
        return accepted


def _is_wanted(mail: Mail, preferences: dict[int, NotificationPreference]) -> bool:
    return mail.user is None or preferences[mail.user.pk].wants(mail.about, "email")


def _to_post(plan: Plan, deliveries: dict[Key, DeliveryLedger]) -> list[Mail]:
    """What is still to be sent. Where others stand in, one who was told is enough: a new one is spared old matters."""
    told = any(deliveries[mail.key].status == Status.SENT for mail in plan.mails)
    statuses = (Status.FAILED,) if plan.stands_in and told else OPEN
    rows = ((mail, deliveries[mail.key]) for mail in plan.mails)
    return [mail for mail, delivery in rows if delivery.status in statuses and is_open(delivery)]
