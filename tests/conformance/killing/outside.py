"""The mail server and the gateway for text messages: they write down what they get."""

from __future__ import annotations

from typing import Any

from django.core.mail.backends.base import BaseEmailBackend

from killing import log


class Mail(BaseEmailBackend):
    """Takes every message."""

    def send_messages(self, messages: list[Any]) -> int:
        """Write them down."""
        for message in messages:
            for address in message.recipients():
                log.write("effect", effect="mail.send", text=f"to {address}: {message.subject}", details={})
        return len(messages)


def send_sms(phone: str, text: str, key: str | None = None) -> None:
    """What stands for `specimens.sms.send_sms`."""
    log.write("effect", effect="sms", text=f"to {phone}: {text}", details={"key": key})
