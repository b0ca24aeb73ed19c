"""Mail that is sent with Django, whichever backend takes it.

Django's SMTP backend sends with smtplib, where its messages are seen with all that can go wrong on the way. The other
backends stand in for it in tests and on the machines of developers: there a fault is what that backend would raise.
"""

from __future__ import annotations

import random
from contextlib import ExitStack
from functools import wraps
from typing import Any

from coldframe._effects.families import watch_family
from coldframe._effects.mail_smtplib import CONNECT_FAILURES, failures_of
from coldframe._effects.mailing import Mailing, wire_form

BASE = "django.core.mail.backends.base"
SMTP = "django.core.mail.backends.smtp"
#: Backends that only put the message into a queue or a table; a task sends it later, through another one.
QUEUES = ("djcelery_email", "post_office", "mailer", "django_mailer", "django_yubin", "mailqueue")


def patch(stack: ExitStack, mailing: Mailing, module: Any) -> None:
    """Put the gate in front of all backends until the stack closes."""
    watch_family(stack, module.BaseEmailBackend, ("send_messages",), _Backends(mailing).wrap)


class _Backends:
    def __init__(self, mailing: Mailing) -> None:
        self._mailing = mailing

    def wrap(self, name: str, original: Any) -> Any:
        """Each message passes the gate by itself, also if a backend is given several."""

        @wraps(original)
        def send_messages(backend: Any, *given: Any, **named: Any) -> Any:
            if not self._mailing.gate.watches() or _leads_elsewhere(type(backend)):
                return original(backend, *given, **named)
            messages: list[Any] = list(*given, *named.values())  # backends call their one argument by different names
            if len(messages) < 2:
                return self._send(backend, messages, original)
            return sum(self._send(backend, [message], original) or 0 for message in messages)

        return send_messages

    def _send(self, backend: Any, messages: list[Any], original: Any) -> Any:
        message = messages[0] if messages else None
        recipients = message.recipients() if message is not None else []
        text = _text_of(message) if recipients else None
        if message is None or text is None:
            return original(backend, messages)
        via = f"{type(backend).__module__}.{type(backend).__qualname__}"
        failures = {**failures_of(message.from_email, recipients), **CONNECT_FAILURES}
        failures.pop("one recipient refused", None)  # Django does not look at who was refused
        own_errors: list[Exception] = []
        try:
            with self._mailing.sending(message.from_email, recipients, text, via, failures) as touch:
                if touch.answer is not None:
                    return touch.answer
                try:
                    return original(backend, messages)
                except Exception as error:
                    own_errors.append(error)
                    raise
        except OSError as error:  # as all of smtplib's are
            if error in own_errors or not getattr(backend, "fail_silently", False):
                raise
            return 0


def _leads_elsewhere(kind: type) -> bool:
    """Whether what is given to such a backend is seen when it goes on from there."""
    modules = {parent.__module__ for parent in kind.__mro__}
    return SMTP in modules or any(module.partition(".")[0] in QUEUES for module in modules)


def _text_of(message: Any) -> bytes | None:
    """A message as its backend will send it; None if it cannot be sent, which the backend shall say.

    Its id and its boundaries are made anew each time that it is turned into text: what they are made of is put back.
    """
    state = random.getstate()
    try:
        return wire_form(message.message().as_bytes())
    except Exception:  # what is wrong with a message is an error of Django's or of the project's own
        return None
    finally:
        random.setstate(state)
