"""Task messages in files, so that a later release can be asked whether it still understands them."""

from __future__ import annotations

import base64
import glob
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from coldframe._core.events import Event, Published
from coldframe.errors import SetupError

VERSION = 1
MARK = "coldframe_message"
LINES = ".jsonl"


@dataclass(frozen=True, slots=True)
class RecordedMessage:
    """A task message as it was sent.

    Attributes:
        celery: The version of Celery that sent it.
        source: The file that it was read from, with the line if the file has several.
    """

    task: str
    id: str
    exchange: str
    routing_key: str
    content_type: str
    content_encoding: str
    body: bytes
    compression: str | None = None
    retries: int = 0
    eta: str | None = None
    expires: str | None = None
    celery: str | None = None
    source: str = field(default="", compare=False)


def recorded(events: Iterable[Event], celery: str) -> Iterator[RecordedMessage]:
    """The task messages in a trace, each that differs from those before it.

    Args:
        events: The trace.
        celery: The version of Celery that sent them.
    """
    seen: set[tuple[Any, ...]] = set()
    for event in events:
        if not isinstance(event, Published) or event.task is None or event.task_id is None:
            continue
        key = (event.task, event.body, event.exchange, event.routing_key, event.content_type, event.compression)
        if key not in seen:
            seen.add(key)
            yield RecordedMessage(
                task=event.task,
                id=event.task_id,
                exchange=event.exchange,
                routing_key=event.routing_key,
                content_type=event.content_type or "application/json",
                content_encoding=event.content_encoding or "utf-8",
                body=event.body,
                compression=event.compression,
                retries=event.retries,
                eta=event.eta,
                expires=event.expires,
                celery=celery,
            )


def write_messages(messages: Iterable[RecordedMessage], path: str | Path) -> list[Path]:
    """Write messages, and give the files.

    Args:
        messages: What to write.
        path: A file that ends in `.jsonl`, for all of them; or a directory, for one JSON file each.
    """
    target = Path(path)
    if target.suffix == LINES:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(f"{json.dumps(_as_json(message))}\n" for message in messages), "utf-8")
        return [target]
    target.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    written = []
    for message in messages:
        count = counts[message.task] = counts.get(message.task, 0) + 1
        safe = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in message.task)
        written.append(target / f"{safe}-{count}.json")
        written[-1].write_text(f"{json.dumps(_as_json(message), indent=2)}\n", "utf-8")
    return written


def read_messages(paths: str | Path) -> list[RecordedMessage]:
    """The messages in the files that a pattern names, in the order of the names.

    Raises:
        SetupError: No file fits, or one holds no message.
    """
    names = sorted(glob.glob(str(paths), recursive=True))
    if not names:
        raise SetupError(
            f"no file fits {str(paths)!r}",
            hint="record messages first: bench.record_messages('tests/messages/1.0'); "
            "the pattern counts from the current directory",
        )
    found = [message for name in names for message in _read(Path(name))]
    if not found:
        raise SetupError(f"the files that fit {str(paths)!r} hold no message", hint="record them again")
    return found


def _read(path: Path) -> Iterator[RecordedMessage]:
    text = path.read_text("utf-8")
    if path.suffix != LINES:
        yield _message(text, path.as_posix())
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield _message(line, f"{path.as_posix()}:{number}")


def _as_json(message: RecordedMessage) -> dict[str, Any]:
    content: dict[str, Any] = {MARK: VERSION, **asdict(message)}
    del content["source"]
    try:
        content["body"] = message.body.decode("utf-8")
    except UnicodeDecodeError:
        content["body"] = {"base64": base64.b64encode(message.body).decode("ascii")}
    return content


def _message(text: str, source: str) -> RecordedMessage:
    known = {part.name for part in fields(RecordedMessage)} - {"source"}
    try:
        content = json.loads(text)
        version = content[MARK]
        body = content["body"]
        content["body"] = body.encode("utf-8") if isinstance(body, str) else base64.b64decode(body["base64"])
        message = RecordedMessage(**{key: value for key, value in content.items() if key in known}, source=source)
    except (ValueError, TypeError, KeyError) as error:
        raise SetupError(
            f"{source} holds no recorded message: {type(error).__name__}: {error}",
            hint="bench.record_messages(path) writes such files; leave others out of the pattern",
        ) from None
    if version != VERSION:
        raise SetupError(
            f"{source} is of version {version!r}, and this Coldframe reads version {VERSION}",
            hint="read it with the Coldframe that wrote it, or record it again",
        )
    return message
