"""The gateway for text messages: an effect that the project declares itself."""

from __future__ import annotations

from coldframe import effect


@effect(
    "sms",
    lambda phone, text: f"to {phone}: {text}",
    key=lambda key: key,
    failures={"timeout": TimeoutError, "refused": ConnectionRefusedError},
)
def send_sms(phone, text, key=None):
    """Hand a message to the gateway, which takes the same key only once."""
