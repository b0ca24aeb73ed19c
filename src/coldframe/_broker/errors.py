"""What a broker answers at the level of the protocol; the transport turns these into the client library's errors."""

from __future__ import annotations


class BrokerError(Exception):
    """The base of what the simulated broker raises."""


class ConnectionGone(BrokerError, ConnectionError):
    """The connection to the broker is closed, lost, or cannot be made."""


class ChannelClosed(BrokerError):
    """The broker refused an operation; RabbitMQ then also closes the channel, or for a hard error the connection.

    Args:
        code: The reply code of AMQP, such as 404 or 406.
        text: The reply text, as the real server words it.
    """

    #: Reply codes after which the server closes the whole connection.
    HARD_CODES = frozenset({320, 402, 501, 502, 503, 504, 505, 530, 540, 541})

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text

    @property
    def is_hard(self) -> bool:
        """True if the connection is closed along with the channel."""
        return self.code in self.HARD_CODES


class ConsumerCancelled(BrokerError):
    """The broker cancelled a consumer, because its queue was deleted."""

    def __init__(self, consumer_tag: str) -> None:
        super().__init__(f"consumer {consumer_tag!r} was cancelled by the broker")
        self.consumer_tag = consumer_tag
