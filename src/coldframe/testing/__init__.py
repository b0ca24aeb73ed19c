"""Helpers for test authors, beside the bench itself and the pytest fixture `coldframe`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coldframe.testing.cases import CeleryTestCase
    from coldframe.testing.django_cases import DjangoCeleryTestCase
    from coldframe.testing.eager import Eager, EagerHides, celery_eager
    from coldframe.testing.messages import RecordedMessage, check_messages
    from coldframe.testing.performing import perform

__all__ = [
    "CeleryTestCase",
    "DjangoCeleryTestCase",
    "Eager",
    "EagerHides",
    "RecordedMessage",
    "celery_eager",
    "check_messages",
    "perform",
]

#: Where the names are. They are imported when first used: one needs Django, and the pytest plugin needs none.
_HOMES = {
    "CeleryTestCase": "coldframe.testing.cases",
    "DjangoCeleryTestCase": "coldframe.testing.django_cases",
    "Eager": "coldframe.testing.eager",
    "EagerHides": "coldframe.testing.eager",
    "RecordedMessage": "coldframe.testing.messages",
    "celery_eager": "coldframe.testing.eager",
    "check_messages": "coldframe.testing.messages",
    "perform": "coldframe.testing.performing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
