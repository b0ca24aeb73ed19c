"""Words, sums and marks, as the pages of the office write them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma

from applications.access import may
from documents.models import Repayment
from users.notices import unread_count

if TYPE_CHECKING:
    from users.models import User

register = template.Library()


class Badge(NamedTuple):
    """A mark: its words, and the tone that gives it its colour."""

    words: str
    tone: str


@register.filter
def money(amount: Decimal | None) -> str:
    """A sum with its cents; a dash where there is none."""
    return "–" if amount is None else f"${amount:,.2f}"


@register.filter
def dollars(amount: Decimal | None) -> str:
    """A sum without cents, for places where it is only a size."""
    return "–" if amount is None else f"${intcomma(round(amount))}"


@register.filter
def count(number: int, noun: str) -> str:
    """`1 day`, `2 days`."""
    return f"{intcomma(number)} {noun}{'' if number == 1 else 's'}"


@register.filter
def badge(repayment: Repayment) -> Badge:
    """How an instalment stands, as of today."""
    status = repayment.status
    days = int("".join(re.findall(r"\d+", status)) or 0)
    if status.startswith("overdue"):
        return Badge(f"{count(days, 'day')} overdue", "bad")
    if status.startswith("due_soon"):
        return Badge("Due today" if days == 0 else f"Due in {count(days, 'day')}", "warn")
    return Badge("Paid", "good") if status == "paid" else Badge("Scheduled", "neutral")


@register.simple_tag
def unread(user: User) -> int:
    """How many notifications a person has not read."""
    return unread_count(user)


@register.filter
def initials(user: User) -> str:
    """Two letters for a person."""
    names = [user.first_name, user.last_name]
    return "".join(name[0] for name in names if name).upper() or user.email[:1].upper()


register.filter("may", may)
