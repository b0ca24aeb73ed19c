"""The live bell: one WebSocket of one person, by the protocol in the README."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from core.clock import now
from core.fields import LARGEST_ID
from users import notices, push
from users.models import User
from users.socket_auth import identified

logger = logging.getLogger(__name__)

#: Close code for whoever is not, or no longer, allowed in.
NOT_ALLOWED = 4401
#: Close code for an address that is nowhere.
NOT_FOUND = 4404
LONGEST_FRAME = 4096
#: After so many seconds without news, the count that was told last is compared with the database.
QUIET = 1.0


class BadRequest(Exception):
    """What the client sent makes no sense; the message is for its developer."""


class NotificationConsumer(AsyncWebsocketConsumer):
    """Tells a person what is new and how much is unread, and takes what they have read.

    Counts are absolute. The group is joined before the first count is made, so nothing falls in between. Counts of two
    processes may overtake each other on their way, and a layer that is full drops some; so after a burst the last one
    is checked, and corrected if need be.
    """

    group = ""
    gone = False
    last_count: int | None = None
    check: asyncio.TimerHandle | None = None
    watches: tuple[asyncio.Task[None], ...] = ()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one socket; however that ends, nothing of it stays behind."""

        async def heard() -> Any:
            message = await receive()
            self.gone = message["type"] == "websocket.disconnect"
            return message

        try:
            await super().__call__(scope, heard, send)
        finally:
            await self._leave()

    async def connect(self) -> None:
        """Let in who is known and active."""
        self.scope = await identified(self.scope)
        user = self.scope["user"]
        if user.is_anonymous or not user.is_active:
            await self.close(code=NOT_ALLOWED)
            return
        self.group = push.group_of(user.id)
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept(subprotocol=self.scope.get("reply_subprotocol"))
        self.quiet = asyncio.Event()
        if self._expires:
            watches = (self._close_on_expiry(), self._keep_count_right())
            self.watches = tuple(asyncio.create_task(watch) for watch in watches)
        await self._tell_count()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer the client; what makes no sense is answered, too."""
        try:
            content = understood(text_data)
            match content.get("type"):
                case "get_unread_count":
                    await self._tell_count()
                case "mark_read":
                    await self._mark_read(content.get("id"))
                case other:
                    raise BadRequest(f"unknown type {str(other)[:40]!r}: send get_unread_count or mark_read")
        except BadRequest as error:
            await self._tell({"type": "error", "code": "bad_request", "message": str(error)})

    async def notification_message(self, event: dict[str, Any]) -> None:
        """Show a new notification."""
        if await self._may_stay():
            await self._tell({"type": "notification", "notification": event["notification"]})

    async def notification_count(self, event: dict[str, Any]) -> None:
        """Show a new count."""
        await self._tell_count(event["count"])
        self._stop_check()
        self.check = asyncio.get_running_loop().call_later(QUIET, self.quiet.set)

    async def access_ended(self, event: dict[str, Any]) -> None:
        """Close, because the person was deactivated."""
        await self._end()

    async def get_unread_count(self) -> int:
        """How many notifications the person has not read."""
        user_id = self.scope["user"].id
        return (await database_sync_to_async(push.count_unread)(user_id))[user_id]

    async def _mark_read(self, pk: object) -> None:
        if type(pk) is not int or not 0 < pk <= LARGEST_ID:
            raise BadRequest("id must be the number of a notification")
        if await self._may_stay() and not await database_sync_to_async(notices.mark_read)(self.scope["user"], [pk]):
            await self._tell_count()  # nothing changed, so nobody pushes

    async def _tell_count(self, count: int | None = None) -> None:
        if await self._may_stay():
            self.last_count = await self.get_unread_count() if count is None else count
            await self._tell({"type": "unread_count", "count": self.last_count})

    async def _tell(self, content: dict[str, Any]) -> None:
        """Say something, unless nobody is there any more: who closes a page does not wait for what is being told."""
        if self.group and not self.gone:
            with suppress(OSError):  # what an ASGI server raises for a client that has just left
                await self.send(text_data=json.dumps(content))

    @property
    def _expires(self) -> Any:
        return self.scope.get("token_expires")

    async def _may_stay(self) -> bool:
        """Look again whether the person may be here. Whoever was put into the scope by hand, may."""
        if self.group and self._expires and not (now() < self._expires and await self._is_active()):
            await self._end()
        return bool(self.group)

    @database_sync_to_async
    def _is_active(self) -> bool:
        return User.objects.filter(pk=self.scope["user"].pk, is_active=True).exists()

    async def _close_on_expiry(self) -> None:
        await asyncio.sleep(max(0.0, (self._expires - now()).total_seconds()))
        await self._end()

    async def _keep_count_right(self) -> None:
        while await self.quiet.wait():
            self.quiet.clear()
            try:
                if await self.get_unread_count() != self.last_count:
                    await self._tell_count()
            except Exception:
                logger.exception("could not check the count of %s; it is checked again after the next", self.group)

    def _stop_check(self) -> None:
        if self.check:
            self.check.cancel()

    async def _end(self) -> None:
        if await self._leave() and not self.gone:
            await self.close(code=NOT_ALLOWED)

    async def _leave(self) -> bool:
        """Leave the group and stop watching; False when that was done before."""
        group, self.group = self.group, ""
        self._stop_check()
        for watch in self.watches:
            if watch is not asyncio.current_task():
                watch.cancel()
        if group:
            await self.channel_layer.group_discard(group, self.channel_name)
        return bool(group)


async def nowhere(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Refuse a socket at an address that is nowhere; the router by itself would let the server fail."""
    await receive()
    await send({"type": "websocket.close", "code": NOT_FOUND})


def understood(frame: str | None) -> dict[str, Any]:
    """What a text frame says.

    Raises:
        BadRequest: it is not a JSON object.
    """
    if frame is None:
        raise BadRequest("send text frames with JSON, not binary ones")
    if len(frame) > LONGEST_FRAME:
        raise BadRequest(f"the frame is too long: send at most {LONGEST_FRAME} characters")
    try:
        content = json.loads(frame)
    except (ValueError, RecursionError):
        raise BadRequest("this is not JSON") from None
    if not isinstance(content, dict):
        raise BadRequest('send a JSON object, such as {"type": "get_unread_count"}')
    return content
