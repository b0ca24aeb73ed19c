"""Who opens a WebSocket: the access token comes as a subprotocol, because an address ends up in logs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from django.contrib.auth.models import AnonymousUser
from rest_framework.exceptions import APIException
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken

Scope = dict[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]

#: Browsers offer one or two subprotocols; more than this need not be looked at.
MOST_OFFERED = 4
LONGEST_TOKEN = 4096


class TokenAuth:
    """Puts the owner of the token into the scope of a WebSocket, or somebody anonymous."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Find out who it is, and go on; to refuse is the consumer's part."""
        await self.app(await identified(scope), receive, send)


async def identified(scope: Scope) -> Scope:
    """The scope with `user`, `token_expires` and `reply_subprotocol`; one that has a `user` is left as it is."""
    if "user" in scope:
        return scope
    nobody = {**scope, "user": AnonymousUser(), "token_expires": None, "reply_subprotocol": None}
    token, reply = chosen_from(scope.get("subprotocols") or [])
    if token is None or _has_token_in_address(scope):
        return nobody
    try:
        user = await database_sync_to_async(JWTAuthentication().get_user)(token)
    except APIException:  # it is of somebody who was deactivated or deleted
        return nobody
    expires = datetime.fromtimestamp(token["exp"], UTC)
    return {**scope, "user": user, "token_expires": expires, "reply_subprotocol": reply}


def chosen_from(offered: list[str]) -> tuple[AccessToken | None, str | None]:
    """The access token among the offered subprotocols, and the subprotocol to answer with.

    Usual is `["access_token", TOKEN]`. The word in front may be any, or be left out; the answer is the word if there is
    one, because a server should not repeat a secret.
    """
    token, token_text = None, ""
    for text in offered[:MOST_OFFERED]:
        if _looks_like_a_token(text) and (found := _access_token(text)):
            token, token_text = found, text
            break
    words = [text for text in offered if not _looks_like_a_token(text)]
    return token, words[0] if words else token_text or None


def _looks_like_a_token(text: str) -> bool:
    return text.count(".") == 2 and text.isascii() and len(text) <= LONGEST_TOKEN


def _access_token(text: str) -> AccessToken | None:
    try:
        return AccessToken(text)
    except TokenError:
        return None


def _has_token_in_address(scope: Scope) -> bool:
    named = parse_qs(scope.get("query_string", b""), keep_blank_values=True)
    return any(name in named for name in (b"token", b"access_token"))
