"""A new status: everybody who has to do with the application is told, each as they prefer."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial

from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from applications.models import Application, Stage, StageChange
from applications.reminders.addresses import Office, active
from applications.reminders.inbox import Notice
from applications.reminders.sweep import Mail, Plan, Sweep
from applications.reminders.texts import letter, money
from core.clock import now
from core.deliveries import Key, Status
from core.mailing import Letter, Sender
from core.models import DeliveryLedger
from core.sweeps import Outcome
from users.models import NotificationType, User

logger = logging.getLogger(__name__)

TASK = "send_application_status_notification"
ABOUT = NotificationType.APPLICATION_STATUS
#: A change is told at once, by the task that was sent with it. After this long, that message must have been lost.
MISSED_AFTER = timedelta(minutes=5)
#: What nobody was told for so long is no news any more.
NO_NEWS_AFTER = timedelta(days=7)
AT_ONCE = 500


def tell_about_status(send: Sender, application_id: int, status: str) -> Outcome | None:
    """Tell broker, manager, borrowers and administrators, each once; None if there is no such application.

    Raises:
        MailServerDown: the server did not answer several times in a row.
    """
    people = Application.objects.select_related("broker__user", "bd__user").prefetch_related("borrowers__user")
    application = people.filter(pk=application_id).first()
    if application is None:
        logger.warning("nobody is told of status %r: there is no application %s", status, application_id)
        return None
    change = application.stage_changes.filter(to_stage=status).order_by("pk").last()
    sweep = Sweep(send)
    outcome = sweep.handle([application], partial(_plan, sweep.office, status, change))
    if change and not outcome.failed:
        StageChange.objects.filter(pk=change.pk, notified_at__isnull=True).update(notified_at=now())
    return outcome


def missed_changes() -> QuerySet[StageChange]:
    """Changes of which not everybody was told, although there was time enough; also what the office sends again."""
    moment = now()
    period = Concat(Value("change:"), Cast(OuterRef("pk"), CharField()))
    waiting = DeliveryLedger.objects.filter(task=TASK, period=period, status=Status.PENDING)
    recent = StageChange.objects.filter(changed_at__lte=moment - MISSED_AFTER, changed_at__gt=moment - NO_NEWS_AFTER)
    return recent.filter(Q(notified_at__isnull=True) | Exists(waiting)).order_by("pk")[:AT_ONCE]


def in_words(status: str) -> str:
    """Such as `formal approval`."""
    return Stage(status).label.lower() if status in Stage.values else str(status).replace("_", " ")


def _plan(office: Office, status: str, change: StageChange | None, application: Application) -> Plan:
    title = f"Application {application.reference_number}: {in_words(status)}"
    sentence = f"the status of application {application.reference_number} is now: {in_words(status)}."
    moment = f"change:{change.pk}" if change else f"{status[:30]} {application.in_stage_since.isoformat()}"
    about = f"application:{application.pk}"
    facts: dict[str, object] = {"Amount": money(application.loan_amount), "Purpose": application.purpose or "not given"}
    plan = Plan(application)
    for user in _people(office, application):
        text = letter(str(user), sentence, facts=facts)
        key = Key(TASK, about, "status", user.email.casefold(), moment)
        plan.mails.append(Mail(key, Letter(user.email, title, text), user=user, about=ABOUT))
        notice_key = f"status:{application.pk}:{moment}:{user.pk}"
        plan.notices.append(Notice(user, ABOUT, title, _capital(sentence), application, notice_key))
    return plan


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _people(office: Office, application: Application) -> list[User]:
    borrowers = [borrower.user for borrower in application.borrowers.all()]
    own = [application.broker.user if application.broker else None, application.bd.user if application.bd else None]
    return list({user.pk: user for one in (*own, *borrowers, *office.admins) if (user := active(one))}.values())
