"""What becomes of arguments and results on their way: through the app's own serializers, there and back."""

from __future__ import annotations

from typing import Any

from celery import Celery, Task
from celery.backends.base import DisabledBackend
from celery.canvas import Signature
from kombu.serialization import dumps, loads

from coldframe.errors import SetupError


def there_and_back(value: Any, serializer: str) -> Any:
    """A value after it was serialized and read again.

    Raises:
        EncodeError: It cannot be serialized.
    """
    content_type, content_encoding, body = dumps(value, serializer)
    return loads(body, content_type, content_encoding, force=True)


def serializer_of(signature: Any) -> str:
    """What a signature's arguments are serialized with."""
    task = signature.type
    return str(signature.options.get("serializer") or task.serializer or signature.app.conf.task_serializer)


def result_as_read(task: Task, value: Any) -> Any:
    """A result as somebody reads it who asks for it; where none is stored, as it is."""
    app = task.app
    if task.ignore_result or isinstance(app.backend, DisabledBackend):
        return value
    return there_and_back(value, app.conf.result_serializer)


def signature_of(task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """One call of a task, from the task or from a signature that holds its arguments and options already.

    Raises:
        SetupError: It is neither, or holds several tasks.
    """
    if isinstance(task, Signature):
        if type(task) is not Signature:
            raise SetupError(
                f"{task!r} is no single task but a {task.task.rpartition('.')[2]}",
                hint="send it on a bench, and drain that: with Bench(app) as bench: ...",
            )
        return task.clone(args, kwargs)
    if isinstance(task, Task):
        return task.signature(args, kwargs)
    raise SetupError(
        f"{task!r} is neither a task nor a signature of one",
        hint="pass the task, its name, or a signature with options: perform(charge.s(42).set(queue='mail'))",
    )


def decode_as_worker(app: Celery, body: bytes, content_type: str, content_encoding: str) -> Any:
    """The payload of a message body, as a worker of the app would read it.

    Raises:
        ContentDisallowed: The app does not accept the serializer.
        DecodeError: The body is broken.
    """
    return loads(body, content_type, content_encoding, accept=_accepted(app))


def _accepted(app: Celery) -> set[str]:
    from kombu.serialization import prepare_accept_content

    return set(prepare_accept_content(app.conf.accept_content or ("json",)))
