"""Brokers, managers, branches and borrowers in the admin."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from brokers.models import Branch
from tests.house import House
from users.models import User

pytestmark = [pytest.mark.component, pytest.mark.django_db]


@pytest.mark.parametrize(
    "name", ["brokers_branch", "brokers_bdm", "brokers_broker", "borrowers_borrower", "borrowers_guarantor"]
)
def test_the_directory_has_its_pages(house: House, office: Client, name: str) -> None:
    assert office.get(reverse(f"admin:{name}_changelist"), {"q": "o"}).status_code == 200
    assert office.get(reverse(f"admin:{name}_add")).status_code == 200


def test_the_directory_remembers_who_made_an_entry_and_not_who_changed_it(house: House, office: Client) -> None:
    assert office.post(reverse("admin:brokers_branch_add"), {"name": "Perth"}).status_code == 302
    branch = Branch.objects.get(name="Perth")
    assert branch.created_by == User.objects.get(is_superuser=True)
    other = Client()
    other.force_login(house.people["admin"])
    assert other.post(reverse("admin:brokers_branch_change", args=[branch.pk]), {"name": "Darwin"}).status_code == 302
    branch.refresh_from_db()
    assert (branch.name, branch.created_by) == ("Darwin", User.objects.get(is_superuser=True))


def test_who_enters_a_borrower_in_the_admin_sees_them(house: House) -> None:
    client = house.staff("bd", "view_borrower", "add_borrower")
    forms = {"guarantors-TOTAL_FORMS": 0, "guarantors-INITIAL_FORMS": 0}
    answer = client.post(reverse("admin:borrowers_borrower_add"), {"last_name": "Newcomer", **forms})
    assert answer.status_code == 302
    page = client.get(reverse("admin:borrowers_borrower_changelist")).content.decode()
    assert "Newcomer" in page
    assert house.other.borrowers.first().last_name not in page


def test_a_borrower_whom_an_application_needs_is_not_deleted_here(house: House, office: Client) -> None:
    borrower = house.own.borrowers.first()
    address = reverse("admin:borrowers_borrower_delete", args=[borrower.pk])
    assert office.post(address, {"post": "yes"}).status_code == 403
    house.own.borrowers.clear()
    assert office.post(address, {"post": "yes"}).status_code == 302
