"""Applications are made, corrected and deleted."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.storage import default_storage

from applications.editing import create_application, delete_application, edit_application
from applications.models import Application
from applications.services import add_borrowers, change_stage, remove_borrowers
from borrowers.models import Borrower
from brokers.models import BDM, Broker
from core.errors import Conflict, NotPermitted
from documents.models import Document
from tests.factories import (
    AdminFactory,
    ApplicationFactory,
    BDMFactory,
    BDUserFactory,
    BorrowerFactory,
    BranchFactory,
    BrokerFactory,
    BrokerUserFactory,
    DocumentFactory,
    FeeFactory,
    GuarantorFactory,
    RepaymentFactory,
    UserFactory,
)

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


def test_an_administrator_names_whomever_they_like() -> None:
    admin, broker, bd, branch = AdminFactory(), BrokerFactory(), BDMFactory(), BranchFactory()
    borrower, guarantor = BorrowerFactory(), GuarantorFactory()
    made = create_application(
        admin, broker=broker, bd=bd, branch=branch, borrowers=[borrower], guarantors=[guarantor], purpose="A shop"
    )
    stored = Application.objects.get()
    assert (stored.broker, stored.bd, stored.branch, stored.purpose) == (broker, bd, branch, "A shop")
    assert (list(stored.borrowers.all()), list(stored.guarantors.all())) == ([borrower], [guarantor])
    assert (stored.stage, stored.created_by, stored.stage_last_updated) == ("inquiry", admin, None)
    assert stored.reference_number == made.reference_number
    assert len(stored.reference_number) == 12
    assert stored.reference_number.startswith("APP-")


def test_a_broker_is_the_broker_of_what_they_make() -> None:
    broker, bd = BrokerFactory(), BDMFactory()
    made = create_application(broker.user, bd=bd, broker=None)
    assert (made.broker, made.bd) == (broker, bd)


def test_a_manager_is_the_manager_of_what_they_make() -> None:
    bd, broker = BDMFactory(), BrokerFactory()
    made = create_application(bd.user, broker=broker)
    assert (made.broker, made.bd) == (broker, bd)


def test_a_client_is_a_borrower_of_what_they_make() -> None:
    borrower = BorrowerFactory(user=UserFactory())
    made = create_application(borrower.user)
    assert (list(made.borrowers.all()), made.broker, made.bd) == ([borrower], None, None)


def test_the_first_application_of_a_person_enters_them_in_the_directory_once() -> None:
    client = UserFactory(first_name="Clio", last_name="Ent", email="clio@example.com", phone="123")
    for user in (client, BrokerUserFactory(), BDUserFactory()):
        first, second = create_application(user), create_application(user)
        assert (first.broker, first.bd) == (second.broker, second.bd)
    borrower = Borrower.objects.get()
    assert (borrower.name, borrower.email, borrower.phone, borrower.user) == (
        "Clio Ent",
        "clio@example.com",
        "123",
        client,
    )
    assert borrower.applications.count() == 2
    assert (Broker.objects.count(), BDM.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("role", "name"), [("broker", "broker"), ("bd", "bd"), ("client", "broker"), ("client", "bd"), ("client", "branch")]
)
def test_who_may_not_choose_somebody_is_told_so(role: str, name: str) -> None:
    factory = {"broker": BrokerFactory, "bd": BDMFactory, "client": UserFactory}[role]
    person = factory()
    user = person if role == "client" else person.user
    other = {"broker": BrokerFactory, "bd": BDMFactory, "branch": BranchFactory}[name]()
    with pytest.raises(NotPermitted, match=f"does not choose the {name} of an application; leave '{name}' out"):
        create_application(user, **{name: other})
    assert Application.objects.count() == 0


def test_a_broker_may_say_who_they_are() -> None:
    broker = BrokerFactory()
    assert create_application(broker.user, broker=broker).broker == broker


def test_an_edit_writes_what_is_given_and_undoes_nothing_else() -> None:
    application = ApplicationFactory(purpose="A house", loan_term=360)
    seen = Application.objects.get()
    change_stage(application, "pre_approval", None)
    edit_application(seen, AdminFactory(), purpose="A boat", loan_term=120)
    stored = Application.objects.get()
    assert (stored.purpose, stored.loan_term, stored.stage) == ("A boat", 120, "pre_approval")
    assert stored.stage_last_updated == application.stage_last_updated
    assert (seen.purpose, seen.loan_term) == ("A boat", 120)


def test_an_edit_replaces_people_only_if_they_are_given() -> None:
    old, new, guarantor = BorrowerFactory(), BorrowerFactory(), GuarantorFactory()
    application = ApplicationFactory(borrowers=[old])
    edit_application(application, AdminFactory(), guarantors=[guarantor])
    assert list(application.borrowers.all()) == [old]
    edit_application(application, AdminFactory(), borrowers=[new])
    assert (list(application.borrowers.all()), list(application.guarantors.all())) == ([new], [guarantor])


def test_a_broker_cannot_give_an_application_away_nor_lose_it_by_accident() -> None:
    application = ApplicationFactory()
    for other in (BrokerFactory(), None):
        with pytest.raises(NotPermitted, match="does not choose the broker"):
            edit_application(application, application.broker.user, broker=other)
    edit_application(application, application.broker.user, broker=application.broker, bd=None)
    assert (Application.objects.get().broker, Application.objects.get().bd) == (application.broker, None)


TERMS = [
    ("loan_amount", Decimal(2000)),
    ("loan_term", 12),
    ("interest_rate", Decimal(1)),
    ("repayment_frequency", "weekly"),
    ("estimated_settlement_date", date(2026, 1, 1)),
    ("borrowers", []),
    ("guarantors", []),
]


@pytest.mark.parametrize("stage", ["funded", "declined", "withdrawn"])
@pytest.mark.parametrize(("name", "value"), TERMS)
def test_terms_and_people_of_a_closed_application_stay(stage: str, name: str, value: Any) -> None:
    application = ApplicationFactory(stage=stage)
    with pytest.raises(Conflict, match="is closed, or no longer there; load it and look again"):
        edit_application(application, AdminFactory(), **{name: value})


def test_the_rest_of_a_closed_application_can_still_be_corrected() -> None:
    application = ApplicationFactory(stage="funded", purpose="A hous", loan_term=360)
    broker = BrokerFactory()
    edit_application(application, AdminFactory(), purpose="A house", broker=broker, loan_term=360)
    stored = Application.objects.get()
    assert (stored.purpose, stored.broker, stored.loan_term) == ("A house", broker, 360)


def test_of_an_edit_and_a_closing_move_at_once_the_edit_loses() -> None:
    application = ApplicationFactory()
    seen = Application.objects.get()
    change_stage(application, "declined", None)
    with pytest.raises(Conflict, match="is closed"):
        edit_application(seen, AdminFactory(), loan_term=12)
    assert Application.objects.get().loan_term == 360


def test_what_was_deleted_meanwhile_cannot_be_edited() -> None:
    application = ApplicationFactory()
    Application.objects.all().delete()
    with pytest.raises(Conflict, match="no longer there"):
        edit_application(application, AdminFactory(), purpose="A boat")


def test_borrowers_come_and_go() -> None:
    first, second = BorrowerFactory(), BorrowerFactory()
    application = ApplicationFactory(borrowers=[first])
    add_borrowers(application, [first, second])
    assert set(application.borrowers.all()) == {first, second}
    remove_borrowers(application, [first])
    assert set(application.borrowers.all()) == {second}


@pytest.mark.parametrize("change", [add_borrowers, remove_borrowers])
def test_borrowers_of_a_closed_application_stay(change: Any) -> None:
    borrower = BorrowerFactory()
    application = ApplicationFactory(stage="withdrawn", borrowers=[borrower])
    with pytest.raises(Conflict, match="is closed"):
        change(application, [borrower])
    assert list(application.borrowers.all()) == [borrower]


def test_an_application_goes_with_what_belongs_to_it(django_capture_on_commit_callbacks: Any) -> None:
    application = ApplicationFactory(stage="declined", borrowers=[BorrowerFactory()])
    FeeFactory(application=application)
    RepaymentFactory(application=application)
    paper = DocumentFactory(application=application)
    with django_capture_on_commit_callbacks(execute=True):
        delete_application(application)
        assert default_storage.exists(paper.file.name)  # the transaction may still be rolled back
    assert (Application.objects.count(), Document.objects.count(), Borrower.objects.count()) == (0, 0, 1)
    assert not default_storage.exists(paper.file.name)


@pytest.mark.parametrize("factory", [FeeFactory, RepaymentFactory])
def test_an_application_for_which_something_was_paid_is_kept(factory: Any) -> None:
    application = ApplicationFactory()
    factory(application=application, paid_date=date(2026, 1, 1))
    with pytest.raises(Conflict, match=r"something was paid for it: it is kept\. Withdraw it instead"):
        delete_application(application)
    assert Application.objects.count() == 1


def test_a_funded_application_is_kept() -> None:
    with pytest.raises(Conflict, match="was funded"):
        delete_application(ApplicationFactory(stage="funded"))
    assert Application.objects.count() == 1


def test_what_was_deleted_meanwhile_is_not_deleted_again() -> None:
    application = ApplicationFactory()
    Application.objects.all().delete()
    with pytest.raises(Conflict, match=f"{application.reference_number} is no longer there; load the list again"):
        delete_application(application)
