"""What to do about a broken run: the repair that fits the effects around the fault."""

from __future__ import annotations

from coldframe._effects.faults import FAIL, OVERLAP, PAUSE, REDELIVER, UNKNOWN, Break
from coldframe._harden.broken_tasks import Fate
from coldframe._harden.telling import Surroundings
from coldframe._harden.touches import Place
from coldframe._harden.verdicts import DIVERGED, DUPLICATED, LOST, STUCK

#: What stays inside, and what a node does itself.
NOT_OUTSIDE = ("sql.", "result.", "read", "ack", "delivery")

UNIQUE_KEY = "let a unique key decide whether it was done already"


def advice(step: Break, around: Surroundings, verdict: str, fate: Fate) -> str:
    """What to do about it.

    Args:
        step: What was broken last.
        around: Between which places.
        verdict: What came of it.
        fate: What became of the task.
    """
    before, after = around
    if verdict == STUCK:
        return "let whoever finds the work half done take it over: a lease that ends, a sweep that looks for it"
    if step.fault in (PAUSE, OVERLAP):
        return _on_overlaps(before, after)
    if step.fault.startswith((FAIL, UNKNOWN)):
        return _on_failures(step, after, verdict, tried_again=fate.tried_again)
    if verdict == LOST and fate.acked_early:
        return "the message was acked when the task began: set acks_late=True and reject_on_worker_lost=True"
    if verdict == LOST and fate.stored:
        return "its result was stored, so Celery runs it no more: let a sweep look for what should have followed"
    if verdict == DUPLICATED:
        return _on_repeating(before)
    if verdict in (LOST, DIVERGED):
        return _on_halves(step, before, after, repeated=fate.repeated and verdict == DIVERGED)
    return ""


def _on_failures(step: Break, failed: Place | None, verdict: str, *, tried_again: bool) -> str:
    if verdict == LOST and tried_again:
        return "the next try took for done what had only been recorded: record it after it is done, or as in doubt"
    if verdict != DUPLICATED and not tried_again:
        return "let the error out and try again (autoretry_for, retry), with what was done already recorded"
    if step.fault.startswith(UNKNOWN):
        name = failed.effect if failed is not None else "it"
        return f"nobody knows whether {name} took place: send a key with it, or list it as in doubt"
    return "the retry does again what was done before the error: record each step, or send a key with it"


def _on_overlaps(before: Place | None, after: Place | None) -> str:
    if after is not None and after.effect == "sql.commit" and before is not None:
        if before.effect == "publish":
            return "send messages after the commit: delay_on_commit, transaction.on_commit"
        if not before.effect.startswith(NOT_OUTSIDE):
            return f"do {before.effect} after the commit: transaction.on_commit"
    if before is None or before.is_read:
        return "let the database decide: a conditional UPDATE, a unique key, or select_for_update() in a transaction"
    return "claim the work with one conditional UPDATE before doing it"


def _on_repeating(before: Place | None) -> str:
    if before is None or before.effect.startswith(NOT_OUTSIDE):
        return UNIQUE_KEY
    if before.effect.startswith("file."):
        return "let the name follow from the work, so that the next run writes the same file"
    return (
        f"record it before {before.effect}, and look there before doing it again; "
        "or send a key that the other side knows it by"
    )


def _on_halves(step: Break, before: Place | None, after: Place | None, *, repeated: bool) -> str:
    """Something was done by half, or once more, or only later."""
    if after is None or after.effect.startswith("result.") or step.fault == REDELIVER:
        return UNIQUE_KEY
    if repeated and before is not None and before.effect.startswith("sql.") and not after.effect.startswith("sql."):
        return UNIQUE_KEY
    if before is None:
        return "nothing was done, but it came later than others: let the row know what is older, by a version"
    if before.effect == "publish":
        return "send the message after what it tells of is committed: delay_on_commit, transaction.on_commit"
    if before.effect == "file.delete":
        return "delete it last, when what was made of it is committed"
    if before.effect.startswith("file."):
        return "write all of it under another name, and rename it last"
    if before.effect.startswith(("cache.", "redis.")):
        return f"let what {before.effect} left end by itself, by a timeout, and try again until then"
    if not after.effect.startswith("sql."):
        return "note with the row what is still to be done, and let the next run or a sweep do it"
    if not before.effect.startswith(NOT_OUTSIDE):
        return f"note before {before.effect} that it was begun, and let a sweep look for what has not ended"
    return "make both in one transaction, or let the next run find what is missing"
