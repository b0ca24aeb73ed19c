"""Celery's own Redis result backend on a simulated server: its client and its waiting are replaced, on the instance."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from kombu.utils.functional import LRUCache

if TYPE_CHECKING:
    from celery.backends.redis import RedisBackend, ResultConsumer

    from coldframe._celery.redis_client import PubSub, RedisServer

Park = Callable[[object, float | None], bool]

LONGEST_WAIT_S = 1.0


def simulate_redis(backend: RedisBackend, server: RedisServer, park: Park) -> Callable[[], None]:
    """Have a Redis or Sentinel result backend keep its results on a simulated server.

    What the backend remembers of results (cache, waiters, buffered messages) is laid aside meanwhile: task ids
    are the same in every bench of one seed, so that what was remembered in one would answer in another.

    Args:
        backend: The live backend; only attributes of this instance are set.
        server: Keeps the results.
        park: Suspends the caller until something came in for the object given, or for so many seconds.

    Returns:
        A function that gives the backend back every attribute that it had.
    """
    state: dict[str, Any] = vars(backend)
    before = dict(state)
    for name, value in before.items():
        if hasattr(value, "registered_client"):  # a script remembers the client it was registered with
            del state[name]
    state["client"] = server.client()
    state["_pending_results"] = _emptied_tuple(backend._pending_results)
    state["_pending_messages"] = type(backend._pending_messages)(backend._pending_messages.maxsize)
    if isinstance(backend._cache, LRUCache):
        state["_cache"] = LRUCache(limit=backend._cache.limit)
    consumer = backend.ResultConsumer(
        backend, backend.app, backend.accept, backend._pending_results, backend._pending_messages
    )
    vars(consumer)["drain_events"] = _drainer(consumer, park)
    state["result_consumer"] = consumer

    def undo() -> None:
        consumer.stop()
        state.clear()
        state.update(before)

    return undo


def _emptied_tuple(pending: Any) -> Any:
    """A tuple of mappings of the same types (Celery 5.7 has other ones than 5.4 to 5.6), with nothing in them."""
    return type(pending)(*(type(mapping)() for mapping in pending))


def _drainer(consumer: ResultConsumer, park: Park) -> Callable[..., None]:
    """The `drain_events` of a consumer: handles one message, waiting for it if need be.

    As Celery's it returns, and raises nothing, if no message came. Celery 5.7 never waits for more than a second.
    """
    locked: Callable[[], AbstractContextManager[object]] = getattr(consumer, "_locked", nullcontext)
    longest = LONGEST_WAIT_S if hasattr(consumer, "_wait_for_pubsub") else None

    def handle_one(pubsub: PubSub) -> bool:
        with locked(), consumer.reconnect_on_error():
            message = pubsub.get_message()
            if message is not None and message["type"] == "message":
                consumer.on_state_change(consumer._decode_result(message["data"]), message)
        return message is not None

    def drain_events(timeout: float | None = None) -> None:
        pubsub: PubSub | None = consumer._pubsub
        if pubsub is None:
            if timeout:
                park(consumer, timeout)
            return
        if handle_one(pubsub):
            return
        if longest is not None:
            timeout = longest if timeout is None else min(timeout, longest)
        park(pubsub, timeout)
        if consumer._pubsub is pubsub:
            handle_one(pubsub)

    return drain_events
