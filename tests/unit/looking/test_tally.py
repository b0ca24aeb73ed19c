"""Counts of how tasks ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coldframe._looking.tally import Tally, tally

if TYPE_CHECKING:
    from conftest import Story


def test_each_end_is_counted_under_its_name(story: Story) -> None:
    for state in ("SUCCESS", "SUCCESS", "FAILURE", "RETRY", "REJECTED", "IGNORED", "REVOKED", "LOST"):
        story.run(story.send(), state=state)
    for reason in ("revoked", "expired", "unknown task", "invalid"):
        number = story.send()
        story.deliver(number)
        story.discard(number, reason)

    counted = tally(story.events)

    assert counted == Tally(
        succeeded=2, failed=1, retried=1, rejected=1, ignored=1, revoked=2, expired=1, lost=1, unknown=2, sent=12
    )
    assert counted.ran == 7


@pytest.mark.parametrize(
    ("counted", "text"),
    [
        (Tally(succeeded=3, retried=1), "<Tally 3 succeeded, 1 retried>"),
        (Tally(sent=2), "<Tally 2 sent>"),
        (Tally(), "<Tally of nothing>"),
    ],
)
def test_the_repr_shows_what_there_is(counted: Tally, text: str) -> None:
    assert repr(counted) == text
