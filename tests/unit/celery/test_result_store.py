from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery, _state
from celery.app.task import Context
from celery.backends import redis as celery_redis
from celery.exceptions import ChordError
from celery.result import AsyncResult, GroupResult

from coldframe._celery.redis_client import PubSub, RedisServer
from coldframe._celery.result_store import simulate_redis

SECOND = 1_000_000
NOBODY_LISTENS = "redis://127.0.0.1:1/3"


class Desk:
    """An app whose results are on a simulated server, and what parked there."""

    def __init__(self, backend: str = NOBODY_LISTENS, **settings: Any) -> None:
        self.app = Celery("shop", broker="memory://", backend=backend, set_as_current=False)
        self.app.conf.update(task_always_eager=True, task_store_eager_result=True, **settings)
        self.sums: list[Any] = []

        @self.app.task(name="shop.total", shared=False, ignore_result=True)  # type: ignore[untyped-decorator]
        def total(parts: list[Any]) -> None:
            self.sums.append(parts)

        self.clock = 0
        self.server = RedisServer(now=lambda: self.clock)
        self.parked: list[tuple[object, float | None]] = []
        self.meanwhile: list[tuple[str, object]] = []
        self.backend: Any = self.app.backend
        self.before = dict(vars(self.backend))
        self.undo = simulate_redis(self.backend, self.server, self.park)

    def park(self, waiting: object, timeout: float | None) -> bool:
        """Some other process stores a result while this one waits."""
        self.parked.append((waiting, timeout))
        if not self.meanwhile:
            return False
        task_id, result = self.meanwhile.pop(0)
        self.backend.store_result(task_id, result, "SUCCESS")
        return True

    def header_task_returns(self, index: int, state: str = "SUCCESS", result: Any = None) -> None:
        """Task number `index` of the chord `g` ends."""
        callback = self.app.signature("shop.total")
        request = Context(id=f"part-{index}", group="g", group_index=index, chord=callback)
        self.backend.on_chord_part_return(request, state, index * 10 if result is None else result)


@pytest.fixture
def desk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk whose app is the current one, as chords need it up to Celery 5.5."""
    desk = Desk(**getattr(request, "param", {}))
    monkeypatch.setattr(_state._tls, "current_app", desk.app)
    yield desk
    desk.undo()


def in_order_of(index: str) -> dict[str, object]:
    """The setting that keeps the results of a chord by their index, or as they come."""
    return {"result_backend_transport_options": {"result_chord_ordered": index == "index"}}


def test_a_result_is_stored_and_read_through_celerys_own_backend(desk: Desk) -> None:
    desk.backend.store_result("a", {"paid": 3}, "SUCCESS")
    assert type(desk.backend) is celery_redis.RedisBackend
    assert desk.backend.get_task_meta("a")["result"] == {"paid": 3}
    assert desk.server.client().keys() == [b"celery-task-meta-a"]
    desk.backend.forget("a")
    assert desk.server.client().keys() == []
    assert desk.backend.get_state("a") == "PENDING"


def test_many_results_are_read_at_once(desk: Desk) -> None:
    for task_id in "abc":
        desk.backend.store_result(task_id, task_id.upper(), "SUCCESS")
    metas = dict(desk.backend.get_many(["a", "b", "c"]))
    assert {task_id: meta["result"] for task_id, meta in metas.items()} == {"a": "A", "b": "B", "c": "C"}


def test_a_result_expires_in_virtual_time(desk: Desk) -> None:
    desk.backend.store_result("a", 1, "SUCCESS")
    desk.clock = 24 * 3600 * SECOND - 1
    assert desk.backend.get_task_meta("a", cache=False)["status"] == "SUCCESS"
    desk.clock += 1
    assert desk.backend.get_task_meta("a", cache=False)["status"] == "PENDING"


def test_a_group_is_saved_restored_and_deleted(desk: Desk) -> None:
    group = GroupResult("g", [AsyncResult(task_id, app=desk.app) for task_id in "ab"], app=desk.app)
    group.save(backend=desk.backend)
    assert GroupResult.restore("g", backend=desk.backend, app=desk.app) == group
    group.delete(backend=desk.backend)
    assert GroupResult.restore("g", backend=desk.backend, app=desk.app) is None


@pytest.mark.parametrize(
    ("desk", "results"),
    [(in_order_of("index"), [0, 10, 20]), (in_order_of("arrival"), [20, 0, 10])],
    indirect=["desk"],
)
def test_the_last_part_of_a_chord_calls_back_with_all_results(desk: Desk, results: list[int]) -> None:
    desk.backend.set_chord_size("g", 3)
    for index in (2, 0):
        desk.header_task_returns(index)
    assert desk.sums == []
    desk.header_task_returns(1)
    assert desk.sums == [results]
    left = {b"celery-taskset-meta-g.c"} if hasattr(celery_redis, "CHORD_CLEANUP_LUA") else set()
    assert set(desk.server.client().keys()) == left


def test_a_part_added_later_is_waited_for(desk: Desk) -> None:
    desk.backend.set_chord_size("g", 1)
    desk.backend.add_to_chord("g", AsyncResult("part-1", app=desk.app))
    desk.header_task_returns(0)
    assert desk.sums == []
    desk.header_task_returns(1)
    assert desk.sums == [[0, 10]]


def test_a_part_that_returns_twice_counts_once(desk: Desk) -> None:
    desk.backend.set_chord_size("g", 2)
    for index in (0, 0, 1):
        desk.header_task_returns(index)
    assert desk.sums == [[0, 10]]


def test_a_failed_part_fails_the_chord(desk: Desk) -> None:
    desk.backend.set_chord_size("g", 2)
    callback = desk.app.signature("shop.total", task_id="callback")
    for index, state in enumerate(["SUCCESS", "FAILURE"]):
        request = Context(id=f"part-{index}", group="g", group_index=index, chord=callback)
        desk.backend.on_chord_part_return(request, state, ValueError("no money") if index else 0)
    failure = desk.backend.get_task_meta("callback")
    assert desk.sums == []
    assert failure["status"] == "FAILURE"
    assert isinstance(failure["result"], ChordError)
    assert str(failure["result"]) == "Dependency part-1 raised ValueError('no money')"


# --- waiting --------------------------------------------------------------------------------------------


def test_get_parks_until_the_result_is_published(desk: Desk) -> None:
    desk.meanwhile = [("other", 1), ("a", 42)]
    result = AsyncResult("a", app=desk.app)
    assert result.get(timeout=60) == 42
    assert [(type(waiting), timeout) for waiting, timeout in desk.parked] == [(PubSub, 1.0), (PubSub, 1.0)]
    assert desk.server.channels.names() == []


def test_a_message_that_waits_is_handled_without_parking(desk: Desk) -> None:
    result = AsyncResult("a", app=desk.app)
    desk.backend.add_pending_result(result)
    desk.backend.store_result("a", 42, "SUCCESS")
    desk.backend.result_consumer.drain_events(timeout=1)
    assert desk.parked == []
    assert result._cache["result"] == 42


def test_draining_comes_back_when_nothing_was_published(desk: Desk) -> None:
    consumer = desk.backend.result_consumer
    consumer.drain_events()
    assert desk.parked == []
    consumer.drain_events(timeout=5)
    consumer.consume_from("a")
    consumer.drain_events(timeout=5)
    consumer.drain_events()
    longest = (1.0, 1.0) if hasattr(consumer, "_wait_for_pubsub") else (5, None)
    assert desk.parked == [(consumer, 5), (consumer._pubsub, longest[0]), (consumer._pubsub, longest[1])]


def test_a_consumer_that_reconnects_goes_on_listening(desk: Desk) -> None:
    result = AsyncResult("a", app=desk.app)
    consumer = desk.backend.result_consumer
    consumer.start("none")
    consumer.cancel_for("none")
    consumer._reconnect_pubsub()
    desk.backend.add_pending_result(result)
    consumer._reconnect_pubsub()
    assert desk.server.channels.names() == [b"celery-task-meta-a"]
    desk.backend.store_result("a", 42, "SUCCESS")
    consumer.drain_events(timeout=1)
    assert result._cache["result"] == 42


# --- there and back -------------------------------------------------------------------------------------


def test_undo_gives_back_each_attribute_and_what_was_remembered() -> None:
    desk = Desk()
    desk.meanwhile = [("a", 42)]
    AsyncResult("a", app=desk.app).get(timeout=60)
    desk.backend.add_pending_result(AsyncResult("never", app=desk.app))
    desk.undo()
    after = vars(desk.backend)
    assert after.keys() == desk.before.keys()
    assert [name for name in after if after[name] is not desk.before[name]] == []
    assert desk.server.channels.names() == []
    assert "drain_events" not in vars(desk.backend.result_consumer)
    assert [dict(mapping) for mapping in desk.backend._pending_results] == [{}, {}]
    assert len(desk.backend._cache) == 0


def test_a_backend_that_was_used_before_gets_its_client_and_scripts_back() -> None:
    class Script:
        registered_client = "the real one"

    app = Celery("shop", broker="memory://", backend=NOBODY_LISTENS, set_as_current=False)
    backend: Any = app.backend
    real, script = backend.client, Script()
    vars(backend)["_chord_part_return_script"] = script
    server = RedisServer(now=lambda: 0)
    undo = simulate_redis(backend, server, lambda waiting, timeout: False)
    assert backend.client.server is server
    assert "_chord_part_return_script" not in vars(backend)
    undo()
    assert backend.client is real
    assert backend._chord_part_return_script is script


def test_what_was_cached_outside_is_not_seen_inside_and_comes_back() -> None:
    app = Celery("shop", broker="memory://", backend=NOBODY_LISTENS, set_as_current=False)
    app.conf.result_cache_max = 10
    backend: Any = app.backend
    backend._cache["a"] = {"status": "SUCCESS", "result": 1}
    undo = simulate_redis(backend, RedisServer(now=lambda: 0), lambda waiting, timeout: False)
    assert backend.get_state("a") == "PENDING"
    assert backend._cache.limit == 10
    undo()
    assert backend.get_state("a") == "SUCCESS"


def test_a_consumer_that_lost_its_subscriber_while_it_waited_reads_no_more() -> None:
    app = Celery("shop", broker="memory://", backend=NOBODY_LISTENS, set_as_current=False)
    backend: Any = app.backend

    def reconnect(waiting: object, timeout: float | None) -> bool:
        backend.result_consumer._pubsub = None
        return True

    undo = simulate_redis(backend, RedisServer(now=lambda: 0), reconnect)
    consumer = backend.result_consumer
    consumer.consume_from("a")
    consumer.drain_events(timeout=1)
    assert consumer._pubsub is None
    undo()


def test_a_sentinel_backend_is_simulated_as_well() -> None:
    desk = Desk("sentinel://127.0.0.1:1/0", result_backend_transport_options={"master_name": "main"})
    desk.backend.store_result("a", 42, "SUCCESS")
    assert type(desk.backend) is celery_redis.SentinelBackend
    assert desk.backend.get_result("a") == 42
    desk.undo()
