"""RabbitMQ's consumer timeout: a channel that holds a delivery for too long is closed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from coldframe._broker.errors import ChannelClosed
from coldframe._core.moments import SECOND, seconds_to_micros

if TYPE_CHECKING:
    from coldframe._broker.channel import Channel
    from coldframe._core.scheduler import Scheduler

#: The server looks at each channel this often, counted from when it was opened (its channel_tick_interval).
TICK = 60 * SECOND


class ConsumerTimeouts:
    """One timer for each channel that holds something, for its oldest delivery.

    The timer stays when that delivery is acknowledged, and then looks again: setting one for each delivery
    would cost more than all the rest.
    """

    def __init__(self, scheduler: Scheduler, seconds: float | None) -> None:
        self._scheduler = scheduler
        self._span = None if seconds is None else seconds_to_micros(seconds)

    def watch(self, channel: Channel) -> None:
        """Set the timer of a channel that holds something and has none."""
        if self._span is None:
            return
        oldest = next(iter(channel.unacked.values()))
        ticks = (oldest.at + self._span - channel.opened_at) // TICK + 1
        moment = channel.opened_at + ticks * TICK
        channel.timeout_timer = self._scheduler.call_at(moment, partial(self._check, channel))

    def forget(self, channel: Channel) -> None:
        """Cancel the timer of a channel that is closed."""
        if channel.timeout_timer is not None:
            channel.timeout_timer.cancel()
            channel.timeout_timer = None

    def _check(self, channel: Channel) -> None:
        channel.timeout_timer = None
        if channel.closed or not channel.unacked or self._span is None:
            return
        oldest = next(iter(channel.unacked.values()))
        if oldest.at + self._span >= self._scheduler.now:
            self.watch(channel)
            return
        milliseconds = self._span // 1000
        channel.fail(
            ChannelClosed(
                406,
                f"PRECONDITION_FAILED - delivery acknowledgement on channel {channel.number} timed out. "
                f"Timeout value used: {milliseconds} ms. This timeout value can be configured, see consumers doc guide "
                "to learn more",
            )
        )
