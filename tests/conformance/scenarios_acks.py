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


@scenario(brokers_agree=False)
def a_late_ack_task_of_a_killed_worker_runs_again_on_the_next(world: World) -> Any:
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
def an_early_ack_task_fails_when_its_pool_process_is_killed(world: World) -> Any:
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
def a_late_ack_task_whose_connection_is_cut_runs_to_its_end_and_again(world: World) -> Any:
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
    world.node()
    world.send("nap", "a", 0, countdown=2)
    world.until_seen("received", "a")
    world.cut_connection("n1")
    world.until_ready("a")
    world.wait(1)
    return world.told("a")


@scenario(worker_cancel_long_running_tasks_on_connection_loss=True)
def a_late_ack_task_is_cancelled_when_its_connection_is_cut(world: World) -> Any:
    world.node()
    world.send("late_nap", "a", 1)
    world.until_seen("start", "a")
    world.cut_connection("n1")
    world.until_seen("end", "a")
    world.wait(1)
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
    world.node()
    world.send("throw_away", "a")
    world.until_seen("start", "a")
    world.wait(1)
    return world.told("a")


@scenario()
def a_failed_task_that_does_not_ack_failures(world: World) -> Any:
    world.node()
    world.send("fail_unacked", "a")
    world.until_ready("a")
    world.wait(1)
    return world.told("a")


@scenario()
def a_warm_shutdown_finishes_the_running_task_and_leaves_the_rest_to_others(world: World) -> Any:
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


@scenario(brokers_agree=False)
def a_requeued_message_takes_its_place_among_those_that_wait(world: World) -> Any:
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
    world.node("n1")
    world.send("nap", "a", 0, countdown=1.5)
    world.until_seen("received", "a")
    world.stop_node("n1")
    world.node("n2")
    world.until_ready("a")
    return {**world.told("a"), "nodes": world.nodes_of("a")}


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
    world.node("n1")
    world.node("n2")
    world.send("late_nap", "a", 1)
    world.until_seen("start", "a")
    world.cut_connection(str(world.nodes_of("a")[0]))
    world.until_seen("postrun", "a", times=2)
    world.wait(0.5)
    return {"runs": len(world.starts("a")), "redelivered": [each.info["redelivered"] for each in world.seen("start")]}
