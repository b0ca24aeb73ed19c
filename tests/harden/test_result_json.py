"""A result as data: what its schema says, and back again."""

from __future__ import annotations

import json
from dataclasses import fields
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from celery import Celery

from coldframe import SetupError, harden
from coldframe._harden.results import Report, Result
from coldframe._harden.verdicts import VERDICTS

SCHEMA = json.loads(files("coldframe._harden").joinpath("result.schema.json").read_text("utf-8"))


@pytest.fixture
def result(app: Celery, tell: Any) -> Result:
    return harden(lambda bench: tell.delay("ada"), app=app, name="tell", faults="kills")


def test_a_result_is_as_its_schema_says(result: Result) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(json.dumps(result.to_json())), SCHEMA)


def test_the_schema_knows_every_field_and_every_verdict() -> None:
    assert set(SCHEMA["$defs"]["report"]["properties"]) == {field.name for field in fields(Report)}
    assert set(SCHEMA["$defs"]["verdict"]["enum"]) == set(VERDICTS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"coldframe_harden": 2}, "1 was expected"),
        ({"extra": True}, "'extra' was unexpected"),
        ({"planned": -1}, "-1 is less than the minimum of 0"),
    ],
)
def test_what_is_no_result_does_not_pass(result: Result, change: dict[str, Any], said: str) -> None:
    with pytest.raises(jsonschema.ValidationError, match=said):
        jsonschema.validate({**result.to_json(), **change}, SCHEMA)


def test_a_result_comes_back_from_json_as_it_was(result: Result) -> None:
    again = Result.from_json(json.loads(json.dumps(result.to_json())))
    assert again.reports == result.reports
    assert [str(cause) for cause in again.causes] == [str(cause) for cause in result.causes]
    assert again.to_json() == result.to_json()


@pytest.mark.parametrize("values", [{}, {"coldframe_harden": 7}, [], None], ids=["empty", "newer", "a list", "nothing"])
def test_what_is_no_result_is_refused(values: Any) -> None:
    with pytest.raises(
        SetupError, match=r"this is no result of harden that can be read: coldframe_harden is (None|7), not"
    ):
        Result.from_json(values)


def test_ids_that_a_shell_would_take_apart_are_quoted(app: Celery, tell: Any) -> None:
    result = harden(lambda bench: tell.delay("ada"), app=app, name="beat:every night", plan="2+kill-process")
    assert result.causes[0].command == "coldframe replay 'beat:every night/2+kill-process'"
    assert result.causes[0].command in str(result)
