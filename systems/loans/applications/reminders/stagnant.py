"""Stagnant applications: the same as stale ones, shown in the application instead of mailed."""

from __future__ import annotations

from functools import partial

from applications.models import Application
from applications.reminders.addresses import Office
from applications.reminders.inbox import Notice
from applications.reminders.stuck import facts, stuck, turn
from applications.reminders.sweep import Plan, Sweep
from core.mailing import Sender
from core.sweeps import Outcome
from users.models import NotificationType


def show_stagnant_applications(send: Sender, *, until: float | None = None) -> Outcome:
    """Tell the manager of each application that is stuck; administrators stand in for one without a login.

    Raises:
        TimeUp: the run took as long as it may.
    """
    sweep = Sweep(send, until)
    return sweep.over(stuck(), partial(_plan, sweep.office))


def _plan(office: Office, application: Application) -> Plan:
    people, stands_in = office.people_of(application)
    title = f"Application {application.reference_number} does not move"
    message = "\n".join(f"{name}: {value}" for name, value in facts(application).items())
    key = f"stagnant:{application.pk}:{turn(application)}"
    notices = [
        Notice(user, NotificationType.SYSTEM, title, message, application, f"{key}:{user.pk}") for user in people
    ]
    return Plan(application, notices=notices, stands_in=stands_in)
