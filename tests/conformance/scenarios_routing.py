"""Scenarios: which node gets which message, and in which order."""

from __future__ import annotations

from typing import Any

from world import World, scenario

BY_TASK = {"nap": {"queue": "slow"}, "late_nap": {"queue": "fast"}}


@scenario()
def one_process_runs_in_the_order_of_sending(world: World) -> Any:
    world.node()
    labels = ["a", "b", "c", "d", "e", "f", "g", "h"]
    for label in labels:
        world.send("nap", label, 0)
    world.until_ready(*labels)
    return {"started": world.order("start"), "received": world.order("received")}


@scenario(brokers_agree=False, task_queue_max_priority=10)
def a_busy_process_takes_what_waits_by_priority(world: World) -> Any:
    """Redis: 0 comes first and 9 last.
    RabbitMQ: 9 comes first and 0 last.
    """
    world.node(concurrency=1, prefetch_multiplier=1)
    world.send("nap", "busy", 1)
    world.until_seen("start", "busy")
    world.send("nap", "prefetched", 0)
    world.until_seen("received", "prefetched")
    labels = ["p3", "p9", "p0", "p6", "p9 again"]
    for label in labels:
        world.send("nap", label, 0, priority=int(label[1]))
    world.until_ready(*labels)
    return world.order("start")


@scenario(brokers_agree=False, task_queue_max_priority=10)
def late_acks_leave_nothing_prefetched_and_a_message_without_priority_has_its_place(world: World) -> Any:
    """Redis: in steps: none first, then 1, then 5 before 4 as they were sent (both are in step 3), then 9.
    RabbitMQ: 9, 5, 4, 1, and at last the one that has none.
    """
    world.node(concurrency=1, prefetch_multiplier=1)
    world.send("late_nap", "busy", 1)
    world.until_seen("start", "busy")
    world.send("late_nap", "none", 0)
    labels = ["p1", "p5", "p4", "p9"]
    for label in labels:
        world.send("late_nap", label, 0, priority=int(label[1]))
    world.until_ready("none", *labels)
    return world.order("start")


@scenario()
def two_nodes_with_a_prefetch_of_one_share_the_work(world: World) -> Any:
    world.node("n1", prefetch_multiplier=1)
    world.node("n2", prefetch_multiplier=1)
    labels = ["a", "b", "c", "d"]
    for label in labels:
        world.send("late_nap", label, 0.6)
    world.until_ready(*labels)
    return sorted(str(node) for label in labels for node in world.nodes_of(label))


@scenario(task_routes=BY_TASK)
def tasks_go_to_the_nodes_that_read_their_queues(world: World) -> Any:
    world.node("slow", queues=["slow"])
    world.node("fast", queues=["fast"])
    for label in ("a", "b"):
        world.send("nap", f"nap {label}", 0)
        world.send("late_nap", f"late {label}", 0)
    world.until_ready("nap a", "nap b", "late a", "late b")
    return {label: world.nodes_of(label) for label in ("nap a", "nap b", "late a", "late b")}


@scenario()
def a_message_waits_in_a_queue_until_a_node_reads_it(world: World) -> Any:
    world.send("nap", "a", 0, queue="later")
    world.node("n1", queues=["work"])
    world.wait(0.5)
    before = world.outcome("a")
    world.node("n2", queues=["later"])
    world.until_ready("a")
    return {"before": before, "after": world.outcome("a"), "nodes": world.nodes_of("a")}


@scenario()
def a_busy_node_prefetches_its_multiple(world: World) -> Any:
    """With one process and a multiplier of 2 it holds two messages beside the one that runs."""
    world.node(concurrency=1, prefetch_multiplier=2)
    world.send("nap", "busy", 1)
    world.until_seen("start", "busy")
    for label in ("a", "b", "c", "d"):
        world.send("nap", label, 0)
    world.wait(0.5)
    return world.order("received")


@scenario()
def a_busy_node_with_late_acks_prefetches_one_less(world: World) -> Any:
    """The one that runs is not acknowledged, and counts."""
    world.node(concurrency=1, prefetch_multiplier=2)
    world.send("late_nap", "busy", 1)
    world.until_seen("start", "busy")
    for label in ("a", "b", "c", "d"):
        world.send("late_nap", label, 0)
    world.wait(0.5)
    return world.order("received")
