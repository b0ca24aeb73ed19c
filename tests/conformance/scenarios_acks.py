"""Scenarios: when a message is acknowledged, and what becomes of it when its worker goes."""

from __future__ import annotations

from typing import Any

import proj
from celery import Task
from celery.exceptions import Reject
from world import World, scenario


@proj.task()
def nap(self: Task[..., Any], seconds: float) -> str:
    return proj.nap_and_note(self, seconds)


@proj.task(acks_late=True)
def late_nap(self: Task[..., Any], seconds: float) -> str:
    return proj.nap_and_note(self, seconds)


@proj.task()
def nap_and_clean_up(self: Task[..., Any], seconds: float) -> str:
    try:
        return proj.nap_and_note(self, seconds)
    except BaseException as error:
        proj.note(self, "caught", error=proj.said(error))
        raise
    finally:
        proj.note(self, "finally")


@proj.task(acks_late=True, reject_on_worker_lost=True)
def careful_nap(self: Task[..., Any], seconds: float) -> str:
    return proj.nap_and_note(self, seconds)


@proj.task(acks_late=True)
def hand_back_once(self: Task[..., Any]) -> str:
    proj.note_start(self)
    if not self.request.delivery_info.get("redelivered"):
        raise Reject("not now", requeue=True)
    return "done"


@proj.task(acks_late=True)
def throw_away(self: Task[..., Any]) -> None:
    proj.note_start(self)
    raise Reject("never", requeue=False)


@proj.task(acks_late=True, acks_on_failure_or_timeout=False)
def fail_unacked(self: Task[..., Any]) -> str:
    proj.note_start(self)
    if not self.request.delivery_info.get("redelivered"):
        raise ValueError("boom")
    return "done"


@scenario()
def an_early_ack_task_runs_once(world: World) -> Any:
    world.node()
    world.send("nap", "a", 0)
    world.until_ready("a")
    world.until_seen("postrun", "a")
    return world.told("a")


@scenario()
def a_late_ack_task_runs_once(world: World) -> Any:
    world.node()
    world.send("late_nap", "a", 0)
    world.until_ready("a")
    world.until_seen("postrun", "a")
    return world.told("a")


@scenario()
def an_early_ack_task_fails_when_its_pool_process_is_killed(world: World) -> Any:
    """It fails with `WorkerLostError`, and the node goes on with a new process."""
    world.node()
    world.send("nap", "a", 3)
    world.until_seen("start", "a")
    world.kill_pool_process("a")
    world.until_ready("a")
    world.send("nap", "after", 0)
    world.until_ready("after")
    return world.told("a", "after")


@scenario()
def a_late_ack_task_fails_when_its_pool_process_is_killed(world: World) -> Any:
    """Late acknowledgement alone does not bring it back; `reject_on_worker_lost` does."""
    world.node()
    world.send("late_nap", "a", 3)
    world.until_seen("start", "a")
    world.kill_pool_process("a")
    world.until_ready("a")
    world.send("nap", "after", 0)
    world.until_ready("after")
    return world.told("a", "after")


@scenario()
def a_task_with_reject_on_worker_lost_runs_again(world: World) -> Any:
    world.node()
    world.send("careful_nap", "a", 1)
    world.until_seen("start", "a")
    world.kill_pool_process("a")
    world.until_ready("a")
    world.until_seen("postrun", "a")
    return world.told("a")


@scenario()
def a_rejected_task_with_requeue_runs_again(world: World) -> Any:
    world.node()
    world.send("hand_back_once", "a")
    world.until_ready("a")
    world.until_seen("success", "a")
    world.until_seen("postrun", "a", times=2)
    return world.told("a")


@scenario()
def a_rejected_task_without_requeue_is_gone(world: World) -> Any:
    """Its result says so: it failed with the reason that it was rejected with."""
    world.node()
    world.send("throw_away", "a")
    world.until_seen("start", "a")
    world.wait(1)
    return world.told("a")


@scenario()
def a_failed_task_that_does_not_ack_failures(world: World) -> Any:
    """With `acks_on_failure_or_timeout=False` it is rejected without requeue: it fails, and does not run again."""
    world.node()
    world.send("fail_unacked", "a")
    world.until_ready("a")
    world.wait(1)
    return world.told("a")


@scenario()
def a_warm_shutdown_finishes_the_running_task_and_leaves_the_rest_to_others(world: World) -> Any:
    """What was prefetched is handed back."""
    world.node("n1")
    world.send("nap", "a", 1)
    world.until_seen("start", "a")
    world.send("late_nap", "b", 0)
    world.until_seen("received", "b")
    world.stop_node("n1")
    world.node("n2")
    world.until_ready("b")
    world.until_seen("postrun", "b")
    return world.told("a", "b")


@scenario(brokers_agree=False)
def a_requeued_message_takes_its_place_among_those_that_wait(world: World) -> Any:
    """Redis: its place is behind all others.
    RabbitMQ: its place is the one that it had, before all others.
    """
    world.node(prefetch_multiplier=1)
    world.send("late_nap", "busy", 0.5)
    world.until_seen("start", "busy")
    world.send("hand_back_once", "a")
    world.send("late_nap", "b", 0)
    world.send("late_nap", "c", 0)
    world.until_ready("a", "b", "c")
    return world.order("start")


@scenario()
def a_warm_shutdown_hands_held_countdowns_to_others(world: World) -> Any:
    """It runs on the next node, marked as redelivered."""
    world.node("n1")
    world.send("nap", "a", 0, countdown=1.5)
    world.until_seen("received", "a")
    world.stop_node("n1")
    world.node("n2")
    world.until_ready("a")
    return {**world.told("a"), "nodes": world.nodes_of("a")}
