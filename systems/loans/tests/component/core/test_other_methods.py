"""Methods that an endpoint does not have are refused, and do not fail."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from tests.factories import AdminFactory

pytestmark = [pytest.mark.component, pytest.mark.django_db]


def test_no_endpoint_fails_when_it_is_asked_in_another_way(client: Client) -> None:
    client.force_login(AdminFactory())
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    assert len(paths) > 50
    answers = {
        (method, path): client.generic(method, re.sub(r"\{\w+\}", "1", path)).status_code
        for path in paths
        for method in ("OPTIONS", "TRACE", "HEAD")
    }
    assert {key: status for key, status in answers.items() if status >= 500} == {}
    assert {status for (method, _), status in answers.items() if method == "OPTIONS"} <= {404, 405}
