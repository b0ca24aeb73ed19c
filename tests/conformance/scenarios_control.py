"""Scenarios: revoking."""

from __future__ import annotations

from typing import Any

from world import World, scenario


@scenario()
def a_held_task_that_is_revoked_does_not_run(world: World) -> Any:
    world.node()
    world.send("nap", "a", 0, countdown=1)
    world.until_seen("received", "a")
    world.app.control.revoke("a")
    world.until_ready("a")
    return world.told("a")


@scenario()
def a_prefetched_task_that_is_revoked_does_not_run(world: World) -> Any:
    world.node()
    world.send("nap", "busy", 1)
    world.until_seen("start", "busy")
    world.send("nap", "a", 0)
    world.until_seen("received", "a")
    world.app.control.revoke("a")
    world.until_ready("a", "busy")
    return {**world.told("a"), "busy": world.outcome("busy")}


@scenario()
def a_task_that_is_revoked_before_it_is_sent_does_not_run(world: World) -> Any:
    world.node()
    world.app.control.revoke("a")
    world.wait(0.5)
    world.send("nap", "a", 0)
    world.until_ready("a")
    return world.told("a")


@scenario()
def a_node_that_starts_later_knows_nothing_of_a_revoke(world: World) -> Any:
    """So the task runs."""
    world.send("nap", "a", 0)
    world.app.control.revoke("a")
    world.node()
    world.until_ready("a")
    world.until_seen("postrun", "a")
    return world.told("a")


@scenario()
def a_running_task_is_not_stopped_by_a_revoke(world: World) -> Any:
    world.node()
    world.send("nap", "a", 1)
    world.until_seen("start", "a")
    world.app.control.revoke("a")
    world.until_ready("a")
    world.until_seen("postrun", "a")
    return world.told("a")


@scenario()
def a_running_task_is_terminated_by_a_revoke_with_terminate(world: World) -> Any:
    world.node()
    world.send("nap", "a", 5)
    world.until_seen("start", "a")
    world.app.control.revoke("a", terminate=True)
    world.until_ready("a")
    world.send("nap", "after", 0)
    world.until_ready("after")
    return {**world.told("a"), "after": world.outcome("after")}


@scenario()
def a_running_late_ack_task_that_is_terminated_is_not_run_again(world: World) -> Any:
    world.node()
    world.send("late_nap", "a", 5)
    world.until_seen("start", "a")
    world.app.control.revoke("a", terminate=True, signal="SIGKILL")
    world.until_ready("a")
    world.wait(1)
    return world.told("a")


@scenario()
def a_terminated_process_still_runs_its_finally(world: World) -> Any:
    """`SIGTERM` raises `SystemExit` inside the task."""
    world.node()
    world.send("nap_and_clean_up", "a", 5)
    world.until_seen("start", "a")
    world.app.control.revoke("a", terminate=True)
    world.until_ready("a")
    world.wait(0.5)
    return world.told("a")


@scenario()
def a_process_that_is_terminated_with_sigkill_runs_no_finally(world: World) -> Any:
    world.node()
    world.send("nap_and_clean_up", "a", 5)
    world.until_seen("start", "a")
    world.app.control.revoke("a", terminate=True, signal="SIGKILL")
    world.until_ready("a")
    world.wait(0.5)
    return world.told("a")
