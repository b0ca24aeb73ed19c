"""Django's file storages: saving a file and deleting one are effects, wherever the storage keeps them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from types import ModuleType
from typing import TYPE_CHECKING, Any

from coldframe._effects import file_failures
from coldframe._effects.families import watch_family
from coldframe._effects.file_content import described
from coldframe._effects.gate import Gate
from coldframe._effects.imports import when_imported

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench

EFFECTS = {"save": "file.write", "delete": "file.delete"}
READS = ("open", "exists")


def join_in(stack: ExitStack, opened: OpenBench) -> None:
    """Watch all storages until the stack closes."""
    gate = opened.gate

    def patch(module: ModuleType) -> None:
        watch_family(stack, module.Storage, (*EFFECTS, *READS), lambda name, original: _watched(gate, name, original))

    when_imported(stack, "django.core.files.storage.base", patch)


def _watched(gate: Gate, method: str, original: Callable[..., Any]) -> Any:
    @wraps(original)
    def read(storage: Any, name: Any, *args: Any, **kwargs: Any) -> Any:
        if gate.watches():
            gate.reading(f"stored {name}")
        return original(storage, name, *args, **kwargs)

    @wraps(original)
    def delete(storage: Any, name: Any, *args: Any, **kwargs: Any) -> Any:
        if not gate.watches() or not storage.exists(name):
            return original(storage, name, *args, **kwargs)
        with _passing(gate, method, storage, name, {}) as touch:
            return original(storage, name, *args, **kwargs) if touch.answer is None else touch.answer

    @wraps(original)
    def save(storage: Any, name: Any, content: Any, *args: Any, **kwargs: Any) -> Any:
        if not gate.watches():
            return original(storage, name, content, *args, **kwargs)
        details = _content(content)
        with _passing(
            gate, method, storage, getattr(content, "name", None) if name is None else name, details
        ) as touch:
            if touch.answer is not None:
                return touch.answer
            details["saved as"] = saved_as = original(storage, name, content, *args, **kwargs)
            return saved_as

    if method in READS:
        return read
    return save if method == "save" else delete


def _passing(gate: Gate, method: str, storage: Any, name: Any, details: dict[str, Any]) -> Any:
    details["path"] = str(name)
    details["storage"] = type(storage).__name__
    return gate.passing(
        EFFECTS[method],
        str(name),
        details=details,
        failures=file_failures.writing(str(name)) if method == "save" else file_failures.changing(str(name)),
        resource=f"stored {name}",
    )


def _content(content: Any) -> dict[str, Any]:
    """What a file for a storage holds, read and wound back; nothing for a stream that cannot be."""
    if not (hasattr(content, "read") and hasattr(content, "seek") and hasattr(content, "tell")):
        return {}
    try:
        place = content.tell()
        content.seek(0)
        held = content.read()
        content.seek(place)
    except (OSError, ValueError):
        return {}
    return described(held.encode() if isinstance(held, str) else held)
