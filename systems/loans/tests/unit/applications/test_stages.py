"""The stages of an application: which moves there are, and what one leaves behind."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from applications.models import Application, Stage, StageChange
from applications.services import allowed_moves, change_stage
from core.errors import Conflict, NotPossible
from documents.models import Note
from tests.factories import AdminFactory, ApplicationFactory

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

MOVES = {
    "inquiry": ["pre_approval", "declined", "withdrawn"],
    "pre_approval": ["valuation", "declined", "withdrawn"],
    "valuation": ["formal_approval", "declined", "withdrawn"],
    "formal_approval": ["settlement", "declined", "withdrawn"],
    "settlement": ["funded", "declined", "withdrawn"],
    "funded": [],
    "declined": [],
    "withdrawn": [],
}
PAIRS = [(before, after) for before in Stage.values for after in Stage.values]


def test_the_table_of_moves_knows_every_stage() -> None:
    assert sorted(MOVES) == sorted(Stage.values)


@pytest.mark.parametrize("stage", Stage.values)
def test_what_is_offered_is_the_next_stage_and_the_two_ways_out(stage: str) -> None:
    assert allowed_moves(ApplicationFactory.build(stage=stage, broker=None, bd=None)) == MOVES[stage]


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_every_pair_of_stages_is_a_move_or_refused_without_a_trace(before: str, after: str) -> None:
    application = ApplicationFactory(stage=before)
    if after in MOVES[before]:
        change = change_stage(application, after, AdminFactory())
        assert (change.from_stage, change.to_stage) == (before, after)
    else:
        with pytest.raises(NotPossible, match="is closed" if not MOVES[before] else "from there it can move to"):
            change_stage(application, after, AdminFactory())
    moved = after in MOVES[before]
    assert Application.objects.get().stage == (after if moved else before)
    assert application.stage == (after if moved else before)
    assert (StageChange.objects.count(), Note.objects.count()) == (moved, moved)


@pytest.mark.parametrize("nonsense", ["approved", "", "FUNDED", "inquiry\x00"])
def test_a_stage_that_does_not_exist_is_refused_with_those_that_do(nonsense: str) -> None:
    with pytest.raises(NotPossible, match=r"in stage Inquiry; .* move to: Pre-approval, Declined, Withdrawn\."):
        change_stage(ApplicationFactory(), nonsense, AdminFactory())


def test_a_stage_from_older_days_can_only_be_left() -> None:
    application = ApplicationFactory(stage="assessment")
    assert allowed_moves(application) == ["declined", "withdrawn"]
    change_stage(application, "withdrawn", None)
    assert Note.objects.get().content == "Moved from assessment to Withdrawn by the system."


@time_machine.travel("2026-03-11T01:02:03Z", tick=False)
def test_a_move_says_who_when_and_what() -> None:
    admin = AdminFactory(first_name="Ada", last_name="Min")
    application = ApplicationFactory()
    change = change_stage(application, "pre_approval", admin)
    moment = datetime(2026, 3, 11, 1, 2, 3, tzinfo=UTC)
    stored = Application.objects.get()
    assert (stored.stage, stored.stage_last_updated, stored.updated_at) == ("pre_approval", moment, moment)
    assert application.in_stage_since == moment
    assert (change.changed_by, change.changed_at, change.notified_at) == (admin, moment, None)
    note = Note.objects.get()
    assert (note.application, note.title, note.created_by, note.is_internal) == (
        application,
        "Stage: Pre-approval",
        admin,
        True,
    )
    assert note.content == "Moved from Inquiry to Pre-approval by Ada Min."


def test_of_two_who_move_it_at_once_one_wins_and_the_other_is_told() -> None:
    application = ApplicationFactory()
    first, second = Application.objects.get(pk=application.pk), Application.objects.get(pk=application.pk)
    change_stage(first, "pre_approval", AdminFactory())
    with pytest.raises(Conflict, match="no longer in stage Inquiry; load it and look again"):
        change_stage(second, "declined", AdminFactory())
    assert Application.objects.get().stage == "pre_approval"
    assert (StageChange.objects.count(), Note.objects.count()) == (1, 1)


def test_the_same_move_twice_at_once_is_made_once() -> None:
    application = ApplicationFactory()
    first, second = Application.objects.get(pk=application.pk), Application.objects.get(pk=application.pk)
    change_stage(first, "pre_approval", AdminFactory())
    with pytest.raises(Conflict, match="no longer in stage Inquiry"):
        change_stage(second, "pre_approval", AdminFactory())
    assert StageChange.objects.count() == 1


def test_an_application_that_was_deleted_meanwhile_is_a_conflict() -> None:
    application = ApplicationFactory()
    Application.objects.all().delete()
    with pytest.raises(Conflict, match="no longer in stage Inquiry"):
        change_stage(application, "declined", AdminFactory())


def test_a_move_undoes_nothing_that_somebody_else_entered_meanwhile() -> None:
    application = ApplicationFactory(purpose="A house")
    Application.objects.update(purpose="A boat")
    change_stage(application, "pre_approval", AdminFactory())
    assert Application.objects.get().purpose == "A boat"
