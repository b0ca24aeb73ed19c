"""What RabbitMQ refuses, in the words of RabbitMQ 3.10.8."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from coldframe._broker.errors import ChannelClosed

LOCKED = (
    "405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'own' in vhost '/'. It could be originally "
    "declared on another connection or the exclusive property value does not match that of the original declaration."
)

REFUSALS: dict[str, Callable[[Any], object]] = {
    "404 NOT_FOUND - no queue 'none' in vhost '/'": lambda c: c.queue_declare("none", passive=True),
    "404 NOT_FOUND - no queue 'never' in vhost '/'": lambda c: c.consume("never", "c"),
    "404 NOT_FOUND - no queue 'nil' in vhost '/'": lambda c: c.queue_purge("nil"),
    "404 NOT_FOUND - no exchange 'none' in vhost '/'": lambda c: c.exchange_declare("none", passive=True),
    "404 NOT_FOUND - no exchange 'nil' in vhost '/'": lambda c: c.queue_bind("mail", "nil", ""),
    "404 NOT_FOUND - no exchange 'gone' in vhost '/'": lambda c: c.queue_unbind("mail", "gone", ""),
    "406 PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'mail' in vhost '/': received 'false' but current "
    "is 'true'": lambda c: c.queue_declare("mail"),
    "406 PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'mail' in vhost '/': received the value '5' "
    "of type 'signedint' but current is none": lambda c: c.queue_declare(
        "mail", durable=True, arguments={"x-max-priority": 5}
    ),
    "406 PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-exchange' for queue 'dlx' in vhost '/': received none "
    "but current is the value '' of type 'longstr'": lambda c: c.queue_declare("dlx", durable=True),
    "406 PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'ex' in vhost '/': received 'topic' but current is "
    "'direct'": lambda c: c.exchange_declare("ex", "topic", durable=True),
    "406 PRECONDITION_FAILED - inequivalent arg 'durable' for exchange 'ex' in vhost '/': received 'false' but current "
    "is 'true'": lambda c: c.exchange_declare("ex"),
    "406 PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'ex' in vhost '/': received the "
    "value 'other' of type 'longstr' but current is none": lambda c: c.exchange_declare(
        "ex", durable=True, arguments={"alternate-exchange": "other"}
    ),
    "406 PRECONDITION_FAILED - invalid property 'non-durable' for queue 'q' in vhost '/'": lambda c: c.queue_declare(
        "q", arguments={"x-queue-type": "quorum"}
    ),
    "406 PRECONDITION_FAILED - queue 'busy' in vhost '/' in use": lambda c: c.queue_delete("busy", if_unused=True),
    "406 PRECONDITION_FAILED - queue 'full' in vhost '/' not empty": lambda c: c.queue_delete("full", if_empty=True),
    "406 PRECONDITION_FAILED - exchange 'ex' in vhost '/' in use": lambda c: c.exchange_delete("ex", if_unused=True),
    "403 ACCESS_REFUSED - queue 'busy' in vhost '/' in exclusive use": lambda c: c.consume("busy", "c"),
    "403 ACCESS_REFUSED - operation not permitted on the default exchange": lambda c: c.queue_bind("mail", "", "a"),
    "403 ACCESS_REFUSED - exchange name 'amq.foo' contains reserved prefix 'amq.*'": lambda c: c.exchange_declare(
        "amq.foo"
    ),
    "403 ACCESS_REFUSED - queue name 'amq.foo' contains reserved prefix 'amq.*'": lambda c: c.queue_declare("amq.foo"),
    "503 COMMAND_INVALID - invalid exchange type 'nosuch'": lambda c: c.exchange_declare("e", "nosuch"),
}


@pytest.fixture
def channel(rabbit: Any) -> Any:
    setup = rabbit.publisher
    for name in ("mail", "busy", "full"):
        rabbit.queue(name)
    rabbit.queue("dlx", dead_letter_exchange="")
    setup.exchange_declare("ex", durable=True)
    setup.queue_bind("mail", "ex", "a")
    setup.consume("busy", "c", exclusive=True)
    setup.queue_declare("own", exclusive=True)
    rabbit.send("0", queue="full")
    return rabbit.channel("w1")


@pytest.mark.parametrize("text", REFUSALS)
def test_the_channel_is_closed_with_the_servers_words(channel: Any, text: str) -> None:
    with pytest.raises(ChannelClosed, match=f"^{re.escape(text)}$"):
        REFUSALS[text](channel)
    assert channel.closed
    assert channel.connection.alive is not text.startswith("5")


@pytest.mark.parametrize(
    "operation",
    [
        lambda c: c.queue_declare("own", passive=True),
        lambda c: c.queue_declare("own", exclusive=True),
        lambda c: c.get("own"),
        lambda c: c.queue_delete("own"),
    ],
)
def test_an_exclusive_queue_is_locked_for_others(channel: Any, operation: Callable[[Any], object]) -> None:
    with pytest.raises(ChannelClosed, match=f"^{re.escape(LOCKED)}$"):
        operation(channel)


def test_the_default_exchange_cannot_be_declared(channel: Any) -> None:
    with pytest.raises(ChannelClosed, match="403 ACCESS_REFUSED - operation not permitted on the default exchange"):
        channel.exchange_declare("")


def test_a_consumer_tag_is_used_once(channel: Any) -> None:
    channel.consume("mail", "c")
    with pytest.raises(ChannelClosed, match="530 NOT_ALLOWED - attempt to reuse consumer tag 'c'"):
        channel.consume("mail", "c")
    assert not channel.connection.alive


def test_what_is_the_same_can_be_declared_again(channel: Any) -> None:
    channel.exchange_declare("ex", durable=True)
    channel.exchange_declare("ex", passive=True)
    channel.exchange_declare("amq.topic", "topic", durable=True)
    assert channel.queue_declare("full", durable=True, arguments={"x-queue-type": "classic"}) == ("full", 1, 0)
    assert channel.queue_declare("busy", passive=True) == ("busy", 0, 1)
    assert channel.queue_delete("never") == 0


def test_the_server_names_queues_that_come_without_a_name(channel: Any) -> None:
    assert channel.queue_declare("", exclusive=True) == ("amq.gen-1", 0, 0)
    assert channel.queue_declare("", exclusive=True) == ("amq.gen-2", 0, 0)
