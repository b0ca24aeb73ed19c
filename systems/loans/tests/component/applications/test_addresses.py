"""Every address of the API leads where it should: none is hidden behind another."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, resolve

pytestmark = pytest.mark.component

SAMPLES = {"int": "17", "uuid": "12345678-1234-5678-1234-567812345678", "str": "word", "slug": "word"}
#: Where each address of these three apps leads.
VIEWS = {
    "brokers/branches/": "BranchViewSet",
    "brokers/branches/17/": "BranchViewSet",
    "brokers/bdms/": "BDMViewSet",
    "brokers/bdms/17/": "BDMViewSet",
    "brokers/brokers/": "BrokerViewSet",
    "brokers/brokers/17/": "BrokerViewSet",
    "borrowers/": "BorrowerViewSet",
    "borrowers/17/": "BorrowerViewSet",
    "borrowers/guarantors/": "GuarantorViewSet",
    "borrowers/guarantors/17/": "GuarantorViewSet",
    "applications/": "ApplicationList",
    "applications/validate-schema/": "ValidateSchema",
    "applications/17/": "ApplicationDetail",
    "applications/17/update_stage/": "UpdateStage",
    "applications/17/add_borrowers/": "AddBorrowers",
    "applications/17/remove_borrowers/": "RemoveBorrowers",
    "applications/17/add_note/": "AddNote",
    "applications/17/upload_document/": "UploadDocument",
    "applications/17/signature/": "Signature",
    "applications/17/add_fee/": "AddFee",
    "applications/17/add_repayment/": "AddRepayment",
    "applications/17/record_payment/": "RecordPayment",
    "applications/17/generate_schedule/": "GenerateSchedule",
    "applications/17/notes/": "Notes",
    "applications/17/documents/": "Documents",
    "applications/17/fees/": "Fees",
    "applications/17/repayments/": "Repayments",
    "applications/17/ledger/": "LedgerEntries",
}


def patterns(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, route)
        else:
            yield route, entry


def sample(route: str) -> str:
    """An address of this route."""
    return re.sub(r"<(\w+):\w+>", lambda found: SAMPLES[found[1]], route)


ROUTES = {
    sample(route).removeprefix("api/"): entry for route, entry in patterns(get_resolver()) if route.startswith("api/")
}


@pytest.mark.parametrize("address", ROUTES)
def test_no_address_is_hidden_behind_another(address: str) -> None:
    assert resolve(f"/api/{address}").func is ROUTES[address].callback


@pytest.mark.parametrize("address", VIEWS)
def test_an_address_leads_to_its_view(address: str) -> None:
    callback = resolve(f"/api/{address}").func
    assert getattr(callback, "cls", callback).__name__ == VIEWS[address]


def test_there_are_no_other_addresses() -> None:
    found = {address for address in ROUTES if address.split("/")[0] in {"brokers", "borrowers", "applications"}}
    assert found == set(VIEWS)
