"""What the demo shows, on whichever day somebody starts it."""

from __future__ import annotations

from collections import Counter

import pytest
import time_machine
from django.core.management import CommandError

from applications.models import ActiveLoan, Application, Stage, StageChange
from core.clock import now, today
from demo import people
from demo.seed import seed
from documents.models import Document, DocumentJob, Repayment
from tests.factories import UserFactory
from users.models import Role, User

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

OFFICE_AT_NOON = "{}T01:00:00Z"  # in Sydney


def counted(*, paid: bool) -> Counter[int]:
    """How many instalments are due so many days ago, of those that are near."""
    rows = Repayment.objects.filter(paid_date__isnull=not paid)
    return Counter((today() - row.due_date).days for row in rows if abs((today() - row.due_date).days) <= 14)


def test_there_is_an_application_in_each_stage_and_a_login_for_each_role() -> None:
    seed()
    assert set(Application.objects.values_list("stage", flat=True)) == set(Stage)
    assert sorted(User.objects.values_list("role", flat=True)) == sorted(Role.values)
    assert Application.objects.filter(bd__user__role=Role.BD).count() > 5
    assert Application.objects.filter(broker__user__role=Role.BROKER).count() > 5
    assert Application.objects.filter(borrowers__user__role=Role.CLIENT).count() == 2


@pytest.mark.parametrize("day", ["2026-11-21", "2027-01-31", "2028-02-29", "2026-04-05"])
def test_instalments_are_paid_late_and_soon_due_on_any_day(day: str) -> None:
    with time_machine.travel(OFFICE_AT_NOON.format(day), tick=False):
        seed()
        late = {days: number for days, number in counted(paid=False).items() if days > 0}
        assert late[4] == 1
        assert late[8] == late[1] == 1
        assert sum(late.get(days, 0) for days in range(11, 15)) == 1  # later in months that are short
        assert Repayment.objects.filter(paid_date__isnull=False).count() > 20
        assert {status.rpartition("_")[0] for status in statuses()} >= {"due_soon_5", "overdue_4"}
        assert not Repayment.objects.filter(paid_date__gt=today()).exists()


def statuses() -> set[str]:
    return {row.status for row in Repayment.objects.all()}


def test_one_loan_is_about_to_end_and_letters_are_written() -> None:
    seed()
    soon = [loan for loan in ActiveLoan.objects.all() if 0 < (loan.loan_expiry_date - today()).days <= 31]
    assert len(soon) == 1
    assert Document.objects.filter(file_type="application/pdf").count() == 2
    assert DocumentJob.objects.filter(document=None).count() == 1


def test_what_happened_today_is_still_to_be_told_and_nothing_else() -> None:
    seed()
    (news,) = StageChange.objects.filter(notified_at=None)
    assert news.application.stage == Stage.PRE_APPROVAL
    assert (now() - news.changed_at).days == 0
    assert all(change.notified_at == change.changed_at for change in StageChange.objects.exclude(pk=news.pk))


def test_each_start_gives_each_person_another_password() -> None:
    seed()
    first, second = people.new_passwords(), people.new_passwords()
    assert len({login.password for login in (*first, *second)}) == 2 * len(Role)
    for old, new in zip(first, second, strict=True):
        user = User.objects.get(email=new.email)
        assert user.check_password(new.password)
        assert not user.check_password(old.password)


def test_a_database_of_others_is_no_place_for_a_demo() -> None:
    assert people.is_seeded() is False
    UserFactory()
    with pytest.raises(CommandError, match=r"has 1 users, and none of them is the demo's.*DATABASE_URL"):
        people.is_seeded()
    people.make_people()
    assert people.is_seeded() is True
