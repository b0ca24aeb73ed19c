"""The page about the API: there for everybody, and made of nothing from elsewhere."""

from __future__ import annotations

import re

import pytest
from django.test import Client

pytestmark = pytest.mark.component


def test_the_page_about_the_api_loads_nothing_from_another_host(client: Client) -> None:
    page = client.get("/api/docs/").content.decode()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert [address for address in loaded if not address.startswith("/static/drf_spectacular_sidecar/")] == []
    for address in loaded:
        answer = client.get(address)
        assert (answer.status_code, len(answer.getvalue()) > 0) == (200, True), address


def test_the_schema_describes_the_api(client: Client) -> None:
    schema = client.get("/api/schema/", headers={"accept": "application/json"}).json()
    assert schema["info"]["title"] == "Loans"
    assert "/api/applications/{id}/update_stage/" in schema["paths"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/applications/{id}/upload_document/",
        "/api/documents/",
        "/api/documents/imports/",
        "/api/documents/{id}/new_version/",
    ],
)
def test_what_is_uploaded_is_described_as_a_file(client: Client, path: str) -> None:
    schema = client.get("/api/schema/", headers={"accept": "application/json"}).json()
    (body,) = schema["paths"][path]["post"]["requestBody"]["content"].values()
    fields = schema["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]["properties"]
    assert fields["file"]["format"] == "binary"
