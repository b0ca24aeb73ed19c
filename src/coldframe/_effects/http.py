"""Requests of HTTP: each is an effect, and is answered by what the test declared, or by the real server if it may be.

`http_exchange.py` is what all libraries have in common; `http_client.py` (http.client, urllib, urllib3, requests),
`http_httpx.py` and `http_aiohttp.py` know theirs. Retries, redirects, sessions and timeouts of a library stay its own.
"""

from __future__ import annotations

from contextlib import ExitStack
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from coldframe._effects.http_exchange import Http
from coldframe._effects.imports import Patch, when_imported

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench

#: Which module knows how to patch which one, and the function for it. None is imported before it is needed.
PATCHES = {
    "http.client": ("http_client", "patch_http_client"),
    "urllib.request": ("http_client", "patch_urllib"),
    "urllib3.connection": ("http_client", "patch_urllib3_connections"),
    "urllib3.connectionpool": ("http_client", "patch_urllib3_pools"),
    "requests.adapters": ("http_client", "patch_requests"),
    "httpx": ("http_httpx", "patch"),
    "aiohttp": ("http_aiohttp", "patch"),
    "responses": ("http_mocks", "patch_responses"),
    "requests_mock.adapter": ("http_mocks", "patch_requests_mock"),
    "aioresponses.core": ("http_mocks", "patch_aioresponses"),
}


def join_in(stack: ExitStack, opened: OpenBench) -> None:
    """Let the libraries of HTTP take part until the stack closes."""
    http = Http(opened)
    stack.callback(http.close)
    for library in PATCHES:
        when_imported(stack, library, _patching(stack, http, library))


def _patching(stack: ExitStack, http: Http, library: str) -> Patch:
    def patch(module: ModuleType) -> None:
        own_module, name = PATCHES[library]
        getattr(import_module(f"coldframe._effects.{own_module}"), name)(stack, http, module)

    return patch
