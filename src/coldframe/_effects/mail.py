"""Mail that tasks send: each message is an effect, whichever library sends it, and its text is in the trace."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from coldframe._celery.patches import ProcessOs
from coldframe._effects import mail_aiosmtplib, mail_django, mail_smtplib
from coldframe._effects.families import put
from coldframe._effects.imports import when_imported
from coldframe._effects.mailing import Mailing

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench


def join_in(stack: ExitStack, opened: OpenBench) -> None:
    """Have all mail pass the gate until the stack closes."""
    mailing = Mailing(opened)
    # The id of a message tells the number of the process that made it.
    when_imported(stack, "email.utils", lambda module: put(stack, module, "os", ProcessOs(opened.world)))
    when_imported(stack, "smtplib", lambda module: mail_smtplib.patch(stack, mailing, module))
    when_imported(stack, "aiosmtplib", lambda module: mail_aiosmtplib.patch(stack, mailing, module))
    when_imported(stack, mail_django.BASE, lambda module: mail_django.patch(stack, mailing, module))
