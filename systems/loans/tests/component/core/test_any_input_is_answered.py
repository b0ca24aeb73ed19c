"""Whatever the API is sent, it answers: with what it describes, or with a message, and never with a failure.

The requests are made of the API's own description: some fit it, and some do not. They are the same in each run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import pytest
import schemathesis
from django.apps import apps
from django.core.management.color import no_style
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.internal.cache import LRUCache
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from rest_framework_simplejwt.tokens import AccessToken
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from tests.one_of_each import one_of_each

pytestmark = [pytest.mark.component, pytest.mark.slow, pytest.mark.django_db]

EXAMPLES = 6
SERVER = get_wsgi_application()


def read_whole(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """The application as a server runs it, which closes what it has read and sent."""
    answer = SERVER(environ, start_response)
    try:
        return [b"".join(answer)]
    finally:
        answer.close()
        environ["wsgi.input"].close()


SCHEMA = schemathesis.openapi.from_wsgi("/api/schema/?format=json", read_whole)
OPERATIONS = {one.ok().label: one.ok() for one in SCHEMA.get_all_operations()}


@pytest.fixture
def one_connection() -> Iterator[None]:
    """A request ends, and the connection stays: it belongs to the transaction of the test."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def same_in_each_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis also tries the constants of whichever modules are loaded, and those depend on the tests before."""
    monkeypatch.setattr(providers, "_get_local_constants", Constants)
    monkeypatch.setattr(providers, "CONSTANTS_CACHE", LRUCache(1024))


@pytest.fixture
def tokens(one_connection: None) -> list[str]:
    """Those of an administrator and of a broker, who both find one of each thing, with the key 1."""
    people = one_of_each()
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), apps.get_models()):
            cursor.execute(statement)  # on PostgreSQL, the next key is the one after those that were given
    return [str(AccessToken.for_user(person)) for person in people]


@pytest.mark.usefixtures("same_in_each_run")
@pytest.mark.parametrize("operation", OPERATIONS)
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],  # a failure is shown as it was found: to make it smaller takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # what a request does is rolled back after it
)
@given(data=st.data())
def test_it_answers(operation: str, data: st.DataObject, tokens: list[str]) -> None:
    case = data.draw(requests_to(operation))
    if isinstance(case.path_parameters.get("id"), int):
        case.path_parameters["id"] = 1
    for token in tokens:
        with transaction.atomic():
            answer = case.call(headers={"Authorization": f"Bearer {token}"})
            transaction.set_rollback(True)
        assert answer.status_code < 500, answer.content
        if answer.status_code < 400:
            case.validate_response(answer, checks=[response_schema_conformance, content_type_conformance])
            continue
        told = list(messages(json.loads(answer.content)))
        assert told, answer.content
        assert all(isinstance(message, str) and message for message in told), answer.content


@cache
def requests_to(operation: str) -> st.SearchStrategy[schemathesis.Case]:
    """Such as fit the description, and such as do not."""
    return st.one_of(OPERATIONS[operation].as_strategy(generation_mode=mode) for mode in GenerationMode)


def messages(answer: Any) -> Iterable[Any]:
    """What it says, in whatever it is nested: REST framework tells by field, and of rows in a list by their place."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if not isinstance(answer, list):
        return [answer]
    return [message for part in answer for message in messages(part)]
