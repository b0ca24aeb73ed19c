"""One way to ask for each library of HTTP, so that the same test can be made with all of them."""

from __future__ import annotations

import asyncio
import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import requests
import urllib3

#: The status and the content of an answer.
Answer = tuple[int, bytes]


def with_requests(method: str, url: str, *, body: Any = None, headers: Any = None, timeout: float = 30) -> Answer:
    response = requests.request(method, url, data=body, headers=headers, timeout=timeout)
    return response.status_code, response.content


def with_urllib3(method: str, url: str, *, body: Any = None, headers: Any = None, timeout: float = 30) -> Answer:
    pool = urllib3.PoolManager(retries=False)
    response = pool.request(method, url, body=body, headers=headers, timeout=timeout)
    return response.status, response.data


def with_urllib(method: str, url: str, *, body: Any = None, headers: Any = None, timeout: float = 30) -> Answer:
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def with_http_client(method: str, url: str, *, body: Any = None, headers: Any = None, timeout: float = 30) -> Answer:
    parts = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout)
    connection.request(method, parts._replace(scheme="", netloc="").geturl(), body=body, headers=headers or {})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, content


def with_httpx(method: str, url: str, *, body: Any = None, headers: Any = None, timeout: float = 30) -> Answer:
    response = httpx.request(method, url, content=body, headers=headers, timeout=timeout)
    return response.status_code, response.content


def with_httpx_async(method: str, url: str, *, body: Any = None, headers: Any = None, timeout: float = 30) -> Answer:
    async def ask() -> Answer:
        async with httpx.AsyncClient(timeout=timeout) as client:
            response = await client.request(method, url, content=body, headers=headers)
            return response.status_code, response.content

    return asyncio.run(ask())


def with_aiohttp(method: str, url: str, *, body: Any = None, headers: Any = None, timeout: float = 30) -> Answer:
    async def ask() -> Answer:
        limits = aiohttp.ClientTimeout(sock_read=timeout)
        async with (
            aiohttp.ClientSession(timeout=limits) as session,
            session.request(method, url, data=body, headers=headers) as response,
        ):
            return response.status, await response.read()

    return asyncio.run(ask())


Ask = Callable[..., Answer]

CLIENTS: list[Ask] = [
    with_requests,
    with_urllib3,
    with_urllib,
    with_http_client,
    with_httpx,
    with_httpx_async,
    with_aiohttp,
]
