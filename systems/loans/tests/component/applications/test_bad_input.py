"""Whatever is sent, the answer is an explanation and never a breakdown."""

from __future__ import annotations

from typing import Any

import pytest

from applications.models import Application, StageChange
from documents.models import Document, Fee, Note, Repayment
from tests.house import House

pytestmark = [pytest.mark.component, pytest.mark.django_db]

HUGE = 10**30
#: What makes no sense to any endpoint that wants fields.
NO_FIELDS = [[], [[]], [1, 2], "text", 7, True, [{"stage": "pre_approval"}]]
NO_JSON = [
    "",
    "{",
    "\x00",
    "{'a': 1}",
    '{"stage": NaN}',
    "9" * 5000,
    "[" * 100_000,
    '{"stage": "\\ud800"}',
    '["\\udfff"]',
    '{"\\ud800": 1}',
]
#: What is wrong with a field, by endpoint.
WRONG: dict[str, list[tuple[str, Any]]] = {
    "": [
        ("loan_amount", "a lot"),
        ("loan_amount", HUGE),
        ("loan_amount", {}),
        ("loan_term", 0),
        ("loan_term", 12.5),
        ("interest_rate", "NaN"),
        ("repayment_frequency", ["monthly"]),
        ("estimated_settlement_date", "2026-02-30"),
        ("estimated_settlement_date", "0001-01-01"),
        ("estimated_settlement_date", 5),
        ("purpose", "a\x00b"),
        ("purpose", {"a": 1}),
        ("broker", 10**15),
        ("broker", HUGE),
        ("broker", "seven"),
        ("broker", True),
        ("broker", 1.5),
        ("bd", [1]),
        ("bd", -1),
        ("branch", {"id": 1}),
        ("borrower_ids", 1),
        ("borrower_ids", "1"),
        ("borrower_ids", {"1": 1}),
        ("borrower_ids", [[1]]),
        ("borrower_ids", [HUGE]),
        ("borrower_ids", [10**15]),
        ("borrower_ids", [None]),
        ("borrower_ids", list(range(1, 102))),
        ("guarantor_ids", [True]),
    ],
    "update_stage/": [("stage", None), ("stage", "approved"), ("stage", []), ("stage", {}), ("stage", HUGE)],
    "add_borrowers/": [("borrower_ids", []), ("borrower_ids", None), ("borrower_ids", [[[]]]), ("borrower_ids", [0])],
    "remove_borrowers/": [("borrower_ids", []), ("borrower_ids", ["\x00"]), ("borrower_ids", [HUGE])],
    "add_note/": [
        ("title", ""),
        ("title", "x" * 256),
        ("title", "\x00"),
        ("content", []),
        ("remind_date", "tomorrow"),
        ("remind_date", "0001-01-01T00:00:00"),
        ("remind_date", "9999-12-31T23:59:59-12:00"),
        ("remind_date", 1e308),
        ("is_internal", "perhaps"),
        ("is_internal", []),
    ],
    "signature/": [
        ("signed_by", ""),
        ("signed_by", "x" * 256),
        ("signature_date", "2026-13-01"),
        ("signature_data", None),
        ("signature_data", "A" * 700_001),
        ("signature_data", 5),
    ],
    "add_fee/": [
        ("fee_type", "bribe"),
        ("fee_type", []),
        ("amount", None),
        ("amount", "1e999999"),
        ("amount", HUGE),
        ("amount", -1),
        ("amount", 0),
        ("due_date", "31/12/2026"),
        ("due_date", "9999-12-31"),
        ("description", {}),
    ],
    "add_repayment/": [("amount", "Infinity"), ("amount", 0), ("due_date", None), ("due_date", "0000-00-00")],
    "record_payment/": [
        ("repayment_id", None),
        ("repayment_id", "one"),
        ("repayment_id", HUGE),
        ("repayment_id", []),
        ("payment_amount", "x"),
        ("payment_amount", "0.001"),
        ("payment_date", "soon"),
        ("payment_date", "2199-01-01"),
        ("request_id", "x" * 101),
        ("request_id", "\x00"),
    ],
    "generate_schedule/": [("start_date", "2026-02-29"), ("start_date", []), ("start_date", "9999-01-01")],
}
GOOD: dict[str, dict[str, Any]] = {
    "signature/": {"signed_by": "Bo", "signature_data": "AAAA"},
    "add_note/": {"title": "Ring"},
    "add_fee/": {"fee_type": "legal", "amount": "5.00"},
    "add_repayment/": {"amount": "5.00", "due_date": "2026-03-31"},
}
METHODS = {"": "patch"}
CASES = [(path, field, value) for path, wrong in WRONG.items() for field, value in wrong]


def counts() -> list[int]:
    return [model.objects.count() for model in (Application, StageChange, Note, Document, Fee, Repayment)]


@pytest.mark.parametrize(("path", "field", "value"), CASES)
def test_a_wrong_field_is_explained_and_nothing_is_done(house: House, path: str, field: str, value: Any) -> None:
    before = counts()
    good = {**GOOD.get(path, {})}
    if path == "record_payment/":
        good["repayment_id"] = house.own.repayments.get().pk
    answer = house.call("admin", METHODS.get(path, "post"), path, {**good, field: value})
    assert answer.status_code == 400
    assert field in answer.json() or list(answer.json()) == ["detail"]
    assert counts() == before


@pytest.mark.parametrize("path", ["update_stage/", "add_borrowers/", "remove_borrowers/", "signature/", "add_note/"])
def test_a_missing_field_is_named(house: House, path: str) -> None:
    answer = house.call("admin", "post", path, {})
    assert answer.status_code == 400
    assert set(answer.json()) >= {WRONG[path][0][0]}


@pytest.mark.parametrize("path", WRONG)
@pytest.mark.parametrize("nonsense", NO_FIELDS)
def test_what_has_no_fields_is_refused(house: House, path: str, nonsense: Any) -> None:
    before = counts()
    answer = house.call("admin", METHODS.get(path, "post"), path, nonsense)
    assert (answer.status_code, list(answer.json())) == (400, ["non_field_errors"])
    assert counts() == before


@pytest.mark.parametrize("path", [path for path in WRONG if path])
@pytest.mark.parametrize(
    "text",
    [
        "{",
        "\x00",
        "{'a': 1}",
        '{"stage": NaN}',
        "9" * 5000,
        "[" * 100_000,
        '{"stage": "\\ud800"}',
        '["\\udfff"]',
        '{"\\ud800": 1}',
        "",
    ],
)
def test_what_is_no_json_is_refused(house: House, path: str, text: str) -> None:
    answer = house.api("admin").post(
        f"/api/applications/{house.own.pk}/{path}", text.encode(), content_type="application/json"
    )
    nothing_is_needed = path == "generate_schedule/" and not text
    assert answer.status_code == (201 if nothing_is_needed else 400)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("stage=approved", 400),
        ("stage=%00", 400),
        ("broker=x", 400),
        ("broker=99999999999999999999999", 400),
        ("bd=-1", 400),
        ("bd=1.5", 400),
        ("search=%00", 400),
        ("search=" + "x" * 101, 400),
        ("broker=1&broker=2", 200),
        ("broker=", 200),
        ("search=%25_%27%22", 200),
        ("page=0", 404),
        ("page=x", 404),
        ("page=99999999999999999999999999", 404),
        ("page_size=x", 200),
        ("page_size=99999999999999999999999", 200),
        ("unknown=1", 200),
    ],
)
def test_a_wrong_query_is_explained(house: House, query: str, status: int) -> None:
    assert house.api("admin").get(f"/api/applications/?{query}").status_code == status


@pytest.mark.parametrize("pk", ["0", "99999999999999999999999999", "-1", "x", "1.5", "%00", "%EF%BC%91"])
@pytest.mark.parametrize("path", ["", "notes/", "update_stage/", "record_payment/"])
def test_an_address_of_nothing_is_not_found(house: House, pk: str, path: str) -> None:
    method = "get" if path in {"", "notes/"} else "post"
    answer = getattr(house.api("admin"), method)(f"/api/applications/{pk}/{path}")
    assert answer.status_code == 404


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_method_that_is_not_there_is_refused(house: House, method: str) -> None:
    assert house.call("admin", method, "update_stage/", {}).status_code == 405


def test_a_paper_comes_as_a_form_and_not_as_json(house: House) -> None:
    assert house.call("admin", "post", "upload_document/", {"file": "text"}).status_code == 415
    for given in ({}, {"file": "text"}):
        answer = house.call("admin", "post", "upload_document/", given, kind="multipart")
        assert (answer.status_code, list(answer.json())) == (400, ["file"])
