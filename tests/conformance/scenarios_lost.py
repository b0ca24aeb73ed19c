"""Scenarios: a worker is killed, or loses the connection to its broker."""

from __future__ import annotations

from typing import Any

from world import World, scenario


@scenario(brokers_agree=False)
def a_late_ack_task_of_a_killed_worker_runs_again_on_the_next(world: World) -> Any:
    """Redis: not before the visibility timeout (an hour here); until then nobody has it, and its state is `PENDING`.
    RabbitMQ: at once, marked as redelivered.
    """
    world.node("n1")
    world.send("late_nap", "a", 1)
    world.until_seen("start", "a")
    world.kill_node("n1")
    world.node("n2")
    world.wait(2.5)
    return world.told("a")


@scenario(visibility_timeout=2)
def a_late_ack_task_of_a_killed_worker_comes_back_after_the_visibility_timeout(world: World) -> Any:
    world.node("n1")
    world.send("late_nap", "a", 1)
    world.until_seen("start", "a")
    world.kill_node("n1")
    world.node("n2")
    world.until_ready("a")
    world.until_seen("postrun", "a")
    return world.told("a")


@scenario()
def an_early_ack_task_of_a_killed_worker_is_lost(world: World) -> Any:
    world.node("n1")
    world.send("nap", "a", 1)
    world.until_seen("start", "a")
    world.kill_node("n1")
    world.node("n2")
    world.wait(2)
    return world.told("a")


@scenario(visibility_timeout=2)
def what_a_killed_worker_had_only_prefetched_comes_back(world: World) -> Any:
    world.node("n1")
    world.send("nap", "a", 1)
    world.until_seen("start", "a")
    world.send("nap", "b", 0)
    world.send("nap", "c", 0)
    world.until_seen("received", "c")
    world.kill_node("n1")
    world.node("n2")
    world.until_seen("postrun", "b")
    world.until_seen("postrun", "c")
    return world.told("a", "b", "c")


@scenario()
def a_late_ack_task_whose_connection_is_cut_runs_to_its_end_and_again(world: World) -> Any:
    """Its acknowledgement has no connection left to go to, so its message comes back."""
    world.node()
    world.send("late_nap", "a", 1)
    world.until_seen("start", "a")
    world.cut_connection("n1")
    world.until_seen("postrun", "a")
    world.wait(2)
    return world.told("a")


@scenario()
def an_early_ack_task_whose_connection_is_cut_runs_to_its_end(world: World) -> Any:
    world.node()
    world.send("nap", "a", 1)
    world.until_seen("start", "a")
    world.cut_connection("n1")
    world.until_seen("postrun", "a")
    world.wait(1)
    world.send("nap", "after", 0)
    world.until_ready("after")
    return world.told("a", "after")


@scenario()
def an_eta_task_that_is_held_when_the_connection_is_cut(world: World) -> Any:
    """It is received again, and runs once."""
    world.node()
    world.send("nap", "a", 0, countdown=2)
    world.until_seen("received", "a")
    world.cut_connection("n1")
    world.until_ready("a")
    world.wait(1)
    return world.told("a")


@scenario(worker_cancel_long_running_tasks_on_connection_loss=True)
def a_late_ack_task_is_cancelled_when_its_connection_is_cut(world: World) -> Any:
    """It is reported as a retry, and runs again."""
    world.node()
    world.send("late_nap", "a", 1)
    world.until_seen("start", "a")
    world.cut_connection("n1")
    world.until_seen("end", "a")
    world.wait(1)
    return world.told("a")


@scenario(visibility_timeout=2)
def prefetched_messages_of_a_killed_worker_come_back_in_their_order(world: World) -> Any:
    world.node("n1", prefetch_multiplier=8)
    world.send("late_nap", "busy", 1)
    world.until_seen("start", "busy")
    labels = ["a", "b", "c", "d"]
    for label in labels:
        world.send("late_nap", label, 0)
    world.until_seen("received", "d")
    world.kill_node("n1")
    world.send("late_nap", "sent later", 0)
    world.wait(2.5)
    world.node("n2", prefetch_multiplier=1)
    world.until_ready("busy", "sent later", *labels)
    return [each.label for each in world.seen("start") if each.node == "n2"]


@scenario(brokers_agree=False)
def prefetched_messages_whose_connection_is_cut_come_back_in_an_order_of_the_broker(world: World) -> Any:
    """Redis: the other way round: the last one that was fetched comes first, and the one that ran comes last.
    RabbitMQ: in their old order, the one that ran first.
    """
    world.node(prefetch_multiplier=8)
    world.send("late_nap", "busy", 1)
    world.until_seen("start", "busy")
    labels = ["a", "b", "c"]
    for label in labels:
        world.send("nap", label, 0)
    world.until_seen("received", "c")
    world.cut_connection("n1")
    world.until_seen("postrun", "busy", times=2)
    world.until_ready(*labels)
    world.wait(0.5)
    return {"started": world.order("start"), "received": world.order("received")}


@scenario(visibility_timeout=2)
def a_held_countdown_of_a_killed_worker_still_runs(world: World) -> Any:
    world.node("n1")
    world.send("nap", "a", 0, countdown=1)
    world.until_seen("received", "a")
    world.kill_node("n1")
    world.node("n2")
    world.until_ready("a")
    return {**world.told("a"), "nodes": world.nodes_of("a")}


@scenario()
def a_late_ack_task_that_is_cut_from_its_broker_leaves_the_work_to_another_node(world: World) -> Any:
    """It runs to its end on the first node, and a second time."""
    world.node("n1")
    world.node("n2")
    world.send("late_nap", "a", 1)
    world.until_seen("start", "a")
    world.cut_connection(str(world.nodes_of("a")[0]))
    world.until_seen("postrun", "a", times=2)
    world.wait(0.5)
    return {"runs": len(world.starts("a")), "redelivered": [each.info["redelivered"] for each in world.seen("start")]}
