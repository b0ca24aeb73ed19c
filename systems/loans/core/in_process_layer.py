"""Channels' in-memory layer, for a process in which the worker has threads and event loops of its own.

Channels' own puts a message into the receiver's asyncio queue from whichever thread sends it. Such a queue is not made
for that: the receiver may not wake up. Here messages wait under a lock, and a receiver is woken in its own loop.

Nothing is lost in silence. When a channel is full, a message to a group takes the place of the oldest one, so that the
latest state always arrives, and the log says how many were dropped; a message to the channel alone is refused with
`ChannelFull`. Messages do not expire: a channel ends when it leaves its last group, or with the loop of its receiver.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from copy import deepcopy
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer

logger = logging.getLogger(__name__)

Message = dict[str, Any]
Waiter = tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]


@dataclass(slots=True)
class Mailbox:
    """What waits for a channel's receiver, and the receivers that wait."""

    messages: deque[Message] = field(default_factory=deque)
    waiting: set[Waiter] = field(default_factory=set)
    dropped: int = 0


class InProcessChannelLayer(InMemoryChannelLayer):
    """Reaches every socket of this process, from any of its threads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock = Lock()
        self.channels: dict[str, Mailbox] = {}
        self.groups: dict[str, dict[str, None]] = {}

    async def send(self, channel: str, message: Message) -> None:
        """Hand a message to one channel.

        Raises:
            ChannelFull: its receiver does not keep up.
        """
        self.require_valid_channel_name(channel)
        self._put(channel, message, make_room=False)

    async def group_send(self, group: str, message: Message) -> None:
        """Hand a message to each channel of a group; in a full one it takes the place of the oldest."""
        self.require_valid_group_name(group)
        with self._lock:
            members = list(self.groups.get(group, ()))
        for channel in members:
            self._put(channel, message, make_room=True)

    async def receive(self, channel: str) -> Message:
        """The next message of a channel, as soon as there is one."""
        self.require_valid_channel_name(channel)
        loop = asyncio.get_running_loop()
        while True:
            waiter = (loop, loop.create_future())
            with self._lock:
                box = self.channels.setdefault(channel, Mailbox())
                if box.messages:
                    return self._take(channel, box)
                box.waiting.add(waiter)
            try:
                await waiter[1]
            finally:
                with self._lock:
                    box.waiting.discard(waiter)
                    self._tidy(channel)

    async def group_add(self, group: str, channel: str) -> None:
        """Let a channel receive what is sent to a group."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._lock:
            self.groups.setdefault(group, {})[channel] = None

    async def group_discard(self, group: str, channel: str) -> None:
        """Let it receive that no more; a channel in no group at all forgets what nobody took."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._lock:
            self._leave(group, channel)
            if not any(channel in members for members in self.groups.values()) and channel in self.channels:
                self.channels[channel].messages.clear()
                self._tidy(channel)

    async def flush(self) -> None:
        """Forget all messages and groups; who waits goes on waiting."""
        with self._lock:
            waiting = [(channel, waiter) for channel, box in self.channels.items() for waiter in box.waiting]
            self.channels.clear()
            self.groups.clear()
        for channel, waiter in waiting:
            self._wake(channel, waiter)

    def _put(self, channel: str, message: Message, *, make_room: bool) -> None:
        if not isinstance(message, dict):
            raise TypeError(f"a message is a dict, not {type(message).__name__}")
        own = deepcopy(message)
        with self._lock:
            box = self.channels.setdefault(channel, Mailbox())
            if len(box.messages) >= self.get_capacity(channel):
                if not make_room:
                    raise ChannelFull(channel)
                self._drop_oldest(channel, box)
            box.messages.append(own)
            waiting = list(box.waiting)
        for waiter in waiting:
            self._wake(channel, waiter)

    def _take(self, channel: str, box: Mailbox) -> Message:
        message = box.messages.popleft()
        if box.dropped:
            logger.warning("channel %s goes on; %d messages to its groups were dropped", channel, box.dropped)
            box.dropped = 0
        self._tidy(channel)
        return message

    def _drop_oldest(self, channel: str, box: Mailbox) -> None:
        if not box.dropped:
            logger.warning("channel %s is full: its receiver does not keep up; dropping the oldest messages", channel)
        box.messages.popleft()
        box.dropped += 1

    def _wake(self, channel: str, waiter: Waiter) -> None:
        loop, bell = waiter
        try:
            loop.call_soon_threadsafe(_ring, bell)
        except RuntimeError:  # the loop is closed, and with it the receiver is gone
            with self._lock:
                box = self.channels.get(channel, Mailbox())
                box.waiting.discard(waiter)
                if not box.waiting:
                    self.channels.pop(channel, None)
                    for group in list(self.groups):
                        self._leave(group, channel)

    def _tidy(self, channel: str) -> None:
        box = self.channels.get(channel)
        if box and not box.messages and not box.waiting:
            del self.channels[channel]

    def _leave(self, group: str, channel: str) -> None:
        members = self.groups.get(group, {})
        members.pop(channel, None)
        if not members:
            self.groups.pop(group, None)


def _ring(bell: asyncio.Future[None]) -> None:
    if not bell.done():
        bell.set_result(None)
