"""A bank's file over HTTP: who may send one, what comes back, and what its address tells afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from coldframe import Bench
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from documents.models import Repayment, RepaymentImport
from documents.tasks import import_repayments
from tests.factories import (
    AccountsUserFactory,
    AdminFactory,
    BDUserFactory,
    BrokerUserFactory,
    RepaymentFactory,
    UserFactory,
)

pytestmark = [pytest.mark.component, pytest.mark.django_db]

URL = "/api/documents/imports/"
MAY = (AdminFactory, AccountsUserFactory)
MAY_NOT = (BDUserFactory, BrokerUserFactory, UserFactory)
HEADER = "reference,date,amount,application,repayment\n"


def client_of(factory: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(factory())
    return client


def upload(client: APIClient, content: str, name: str = "march.csv") -> Any:
    return client.post(URL, {"file": SimpleUploadedFile(name, content.encode(), "text/csv")})


@pytest.mark.parametrize("factory", MAY)
def test_a_file_is_taken_at_once_and_booked_in_the_background(coldframe: Bench, factory: Any) -> None:
    row = RepaymentFactory(amount=100)
    client = client_of(factory)
    answer = upload(client, HEADER + f"B1,2026-01-02,100.00,,{row.pk}\nB2,2026-01-02,100.00,,{row.pk}\nB3\n")
    taken = answer.json()
    assert (answer.status_code, taken["status"], taken["file_name"], taken["booked"]) == (
        202,
        "waiting",
        "march.csv",
        0,
    )
    coldframe.assert_queued(import_repayments, args=[taken["id"]], queue="documents")
    coldframe.drain()
    shown = client.get(f"{URL}{taken['id']}/").json()
    assert (shown["status"], shown["lines_read"], shown["booked"], shown["bad_lines"]) == ("done", 4, 1, 2)
    complaints = [
        {
            "line": 3,
            "reason": "This instalment was already paid on 2026-01-02; nothing was changed.",
            "text": f"B2,2026-01-02,100.00,,{row.pk}",
        },
        {"line": 4, "reason": "The line has 1 column, but the first line names 5.", "text": "B3"},
    ]
    assert shown["complaints"] == complaints
    assert client.get(f"{URL}{taken['id']}/bad-lines/").json()["results"] == complaints
    listed = client.get(URL).json()["results"]
    assert [row["id"] for row in listed] == [taken["id"]]
    assert "complaints" not in listed[0]
    assert RepaymentImport.objects.get().created_by.role in ("admin", "accounts")


def test_what_is_no_bank_file_is_taken_and_fails_with_a_reason(coldframe: Bench) -> None:
    client = client_of(AccountsUserFactory)
    taken = upload(client, "hello\n").json()
    coldframe.drain()
    shown = client.get(f"{URL}{taken['id']}/").json()
    assert shown["status"] == "failed"
    assert shown["error"].startswith("The first line must name the columns reference, date, amount")


@pytest.mark.parametrize("factory", MAY_NOT)
def test_others_neither_send_nor_see_a_file(coldframe: Bench, factory: Any) -> None:
    client = client_of(factory)
    source = RepaymentImport.objects.create(file="imports/x.csv")
    assert upload(client, HEADER).status_code == 403
    assert [client.get(url).status_code for url in (URL, f"{URL}{source.pk}/", f"{URL}{source.pk}/bad-lines/")] == [
        403,
        403,
        403,
    ]
    assert RepaymentImport.objects.count() == 1
    coldframe.assert_not_queued(import_repayments)


def test_nobody_sends_a_file_without_logging_in() -> None:
    assert upload(APIClient(), HEADER).status_code == 401
    assert not RepaymentImport.objects.exists()


def test_a_request_without_a_file_is_refused(coldframe: Bench) -> None:
    client = client_of(AdminFactory)
    assert "file" in client.post(URL, {}).json()
    assert "file" in client.post(URL, {"file": "text"}).json()
    assert "empty" in upload(client, "").json()["file"][0]
    assert client.post(URL, {"file": "text"}, format="json").status_code == 415
    assert not RepaymentImport.objects.exists()
    coldframe.assert_not_queued(import_repayments)


@pytest.mark.parametrize("pk", ["0", "999999", "9" * 30])
def test_what_does_not_exist_is_not_found(pk: str) -> None:
    client = client_of(AdminFactory)
    assert client.get(f"{URL}{pk}/").status_code == 404
    assert client.get(f"{URL}{pk}/bad-lines/").status_code == 404


def test_a_file_sent_twice_is_booked_once(coldframe: Bench) -> None:
    row = RepaymentFactory(amount=100)
    client = client_of(AccountsUserFactory)
    for _ in range(2):
        upload(client, HEADER + f"B1,2026-01-02,100.00,,{row.pk}\n")
    coldframe.drain()
    assert sorted((one.booked, one.known_before) for one in RepaymentImport.objects.all()) == [(0, 1), (1, 0)]
    assert Repayment.objects.get().ledger.count() == 1


def test_a_broker_that_is_down_does_not_lose_the_file(monkeypatch: pytest.MonkeyPatch, coldframe: Bench) -> None:
    """The upload is answered all the same, and the sweep for missed work sends it later."""
    from documents.tasks import pick_up_missed_jobs

    row = RepaymentFactory(amount=100)
    with monkeypatch.context() as patched:
        patched.setattr(import_repayments, "apply_async", _down)
        assert upload(client_of(AdminFactory), HEADER + f"B1,2026-01-02,100.00,,{row.pk}\n").status_code == 202
    coldframe.assert_not_queued(import_repayments)
    coldframe.advance(hours=1)
    pick_up_missed_jobs.delay()
    coldframe.drain()
    assert RepaymentImport.objects.get().booked == 1


def _down(*_args: Any, **_options: Any) -> None:
    raise ConnectionError("the broker is down")
