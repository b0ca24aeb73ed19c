"""Stale applications: their manager gets a mail at once, and then each week, until they move."""

from __future__ import annotations

from functools import partial

from applications.models import Application
from applications.reminders.addresses import Office
from applications.reminders.stuck import facts, still_stuck, stuck, turn
from applications.reminders.sweep import Mail, Plan, Sweep
from applications.reminders.texts import letter
from core.deliveries import Key
from core.mailing import Letter, Sender
from core.sweeps import Outcome


def report_stale_applications(send: Sender, *, until: float | None = None) -> Outcome:
    """Mail about each application that is stuck to whoever looks after it.

    Raises:
        MailServerDown: the server did not answer several times in a row.
        TimeUp: the run took as long as it may.
    """
    sweep = Sweep(send, until)
    return sweep.over(stuck(), partial(_plan, sweep.office))


def _plan(office: Office, application: Application) -> Plan:
    desk = office.desk_of(application)
    subject = f"Stale Application Alert: {application.reference_number}"
    message = letter(
        "colleague",
        "an application has not moved for two weeks or more. Please see to it, or close it.",
        facts=facts(application),
    )
    mails = [Mail(_key(application, address), Letter(address, subject, message)) for address in desk.addresses]
    return Plan(application, partial(still_stuck, application), mails, stands_in=desk.stands_in)


def _key(application: Application, address: str) -> Key:
    about = f"application:{application.pk}"
    return Key("check_stale_applications", about, "stale", address.casefold(), turn(application))
