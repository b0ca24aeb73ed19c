"""The next step for errors of Celery and kombu that a test ends with; they say what, and not what to do."""

from __future__ import annotations

HINTS = {
    "kombu.exceptions.EncodeError": "arguments and results of tasks travel as JSON: pass the id of an object instead "
    "of the object, a list instead of a set, or write down how it is serialized (kombu.utils.json.register_type)",
    "kombu.exceptions.ContentDisallowed": "accept_content of the app does not name this serializer: a worker refuses "
    "such messages",
    "celery.exceptions.NotRegistered": "no node knows a task of this name: correct it, or import the module that "
    "defines it (app.autodiscover_tasks or include)",
    "celery.exceptions.TaskRevokedError": "the task was revoked, or it had expired when a node came to it, and never "
    "ran: the timeline tells which and when",
    "celery.exceptions.TimeoutError": "so much virtual time has passed, and the result is not there: the timeline "
    "tells where the task is",
    "celery.exceptions.MaxRetriesExceededError": "bench.runs() lists each try with its exception",
}


def explain(error: BaseException) -> None:
    """Add the next step to an error, once."""
    kinds = (f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__)
    hint = next((HINTS[kind] for kind in kinds if kind in HINTS), None)
    note = f"  hint: {hint}"
    if hint is not None and note not in getattr(error, "__notes__", ()):
        error.add_note(note)
