"""Which of the differences explains that a test ends otherwise: chosen by how it failed on the bench."""

from __future__ import annotations

from dataclasses import dataclass

from coldframe.testing.eager_swap_evidence import Fact

#: From what surely hides an effect to what only may.
ORDER = (
    "cannot be sent",
    "wrong queue",
    "unknown task",
    "expired",
    "invalid",
    "result not serializable",
    "argument not serializable",
    "waits inside a task",
    "time limit",
    "chord error",
    "sent, then rolled back",
    "fails on the worker",
    "retry",
    "countdown",
    "rate limit",
    "revoked",
    "error stays with the worker",
    "eager result",
    "on_commit never ran",
    "ignored result",
    "result changes",
    "argument changes",
    "result by id",
    "sent in a transaction",
    "send_task",
    "retried",
    "runs differently",
    "runs after its sender",
    "no result store",
)

#: These leave an effect out that eager mode showed.
HIDES_EFFECTS = ORDER[: ORDER.index("error stays with the worker")]

#: These explain a failure only when the test failed in a certain way.
ONLY_WHEN_ASKED = frozenset({"no result store"})

NOT_RAISED = ("DID NOT RAISE", " not raised")
RAISED_BY_EAGER_MODE = ("chord error", "error stays with the worker", "retry", "countdown", "wrong queue", "expired")


#: What a further run can leave out, to see whether the test passes then: time is not waited for, queues go unread.
LEFT_OUT = {
    "waiting": frozenset({"countdown", "retry", "retried", "rate limit"}),
    "routing": frozenset({"wrong queue"}),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """How a test failed on the bench."""

    error: str
    text: str


def to_try(facts: list[Fact]) -> list[str]:
    """What to leave out in further runs, because several differences may explain the outcome."""
    kinds = {fact.kind for fact in facts} - ONLY_WHEN_ASKED - {"runs differently", "runs after its sender"}
    present = [name for name, members in LEFT_OUT.items() if members & kinds]
    is_clear = len(present) == 1 and kinds <= LEFT_OUT[present[0]]
    return [] if is_clear else present


def explain(
    facts: list[Fact],
    failure: Failure | None,
    tasks_of_eager_mode: frozenset[str],
    tried: dict[str, bool] | None = None,
) -> list[Fact]:
    """The differences that explain a changed outcome, the likeliest first; never empty.

    Args:
        facts: All differences.
        failure: How the test failed on the bench; None when it passed there.
        tasks_of_eager_mode: The tasks that ran under eager mode.
        tried: What further runs left out, each with whether the test ended as under eager mode then.
    """
    order = _order(facts, failure, tasks_of_eager_mode)
    for name, helped in (tried or {}).items():
        members = [kind for kind in order if kind in LEFT_OUT[name]]
        others = [kind for kind in order if kind not in members]
        order = [*members, *others] if helped else [*others, *members]
    chosen = sorted((fact for fact in facts if fact.kind in order), key=lambda fact: order.index(fact.kind))
    if any(fact.kind != "runs after its sender" for fact in chosen):
        chosen = [fact for fact in chosen if fact.kind != "runs after its sender"]
    told_later = {fact.task for fact in chosen if fact.kind == "retry"}
    chosen = [fact for fact in chosen if fact.kind != "retried" or fact.task not in told_later]
    if failure is not None and _asks_for_eager_result(failure):
        chosen.insert(0, _eager_result(failure))
    return chosen or [_unexplained(failure)]


def _order(facts: list[Fact], failure: Failure | None, tasks_of_eager_mode: frozenset[str]) -> list[str]:
    first: list[str] = []
    if failure is not None:
        first = _asked_for(failure, facts)
    if any(fact.kind == "on_commit never ran" for fact in facts):
        hides = [fact for fact in facts if fact.kind in HIDES_EFFECTS and fact.task in tasks_of_eager_mode]
        if not hides:
            first.insert(0, "on_commit never ran")
    rest = [kind for kind in ORDER if kind not in ONLY_WHEN_ASKED]
    return list(dict.fromkeys([*first, *rest]))


def _asked_for(failure: Failure, facts: list[Fact]) -> list[str]:
    """The kinds of difference that the failure itself speaks of."""
    error, text = failure.error, failure.text
    if any(words in text for words in NOT_RAISED):
        return list(RAISED_BY_EAGER_MODE)
    if "DisabledBackend" in text or "No result backend" in text:
        return ["no result store"]
    if error == "ChordError":
        return ["chord error"]
    if error == "EncodeError" or "is not JSON serializable" in text:
        return ["result not serializable", "argument not serializable"]
    if error in ("TimeLimitExceeded", "SoftTimeLimitExceeded"):
        return ["time limit"]
    if error == "UnreadQueue":
        return ["wrong queue"]
    if error == "NotRegistered":
        return ["unknown task"]
    if error == "TaskRevokedError":
        return ["expired", "revoked"]
    return []


def _asks_for_eager_result(failure: Failure) -> bool:
    if "EagerResult" in failure.text:
        return True
    return failure.error == "AttributeError" and "AsyncResult" in failure.text and "Disabled" not in failure.text


def _eager_result(failure: Failure) -> Fact:
    lines = failure.text.strip().splitlines()
    line = next((line.strip() for line in lines if "EagerResult" in line), lines[0])
    return Fact(
        "eager result",
        f"the test asks for what only an EagerResult has, and delay() gives an AsyncResult: {line}",
        "use what every AsyncResult has: get(), state, successful(), result",
    )


def _unexplained(failure: Failure | None) -> Fact:
    what = f"{failure.error}: {failure.text.strip().splitlines()[0] if failure.text.strip() else ''}" if failure else ""
    return Fact(
        "other",
        f"the trace shows no difference that explains it{f'; it failed with {what}' if what else ''}",
        "run the test with the fixture 'coldframe', and look at coldframe.timeline()",
    )
