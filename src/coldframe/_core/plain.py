"""Arbitrary values as JSON and back, without ever failing and without anything that differs between two processes.

What JSON knows stays as it is (tuples become lists). Everything else is kept by its text:
`{"repr": "<Order at 0x…>"}`, `{"float": "nan"}`, and `{"dict": [[1, "a"]]}` for a dict that JSON cannot hold.
"""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

DEEPEST = 50
WIDEST_INT = 4096
RESERVED = ({"repr"}, {"float"}, {"dict"})
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class RecordedRepr:
    """A value of which a trace kept only the repr."""

    text: str

    def __repr__(self) -> str:
        return self.text


class RecordedError(Exception):
    """An exception as a trace kept it: the name of its type and its text.

    Args:
        type_name: The full name of the type, as in `builtins.ValueError`.
        text: What `str()` gave.
    """

    def __init__(self, type_name: str, text: str) -> None:
        super().__init__(type_name, text)
        self.type_name = type_name
        self.text = text

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return error_label(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecordedError) and other.args == self.args

    def __hash__(self) -> int:
        return hash(self.args)


def without_addresses(text: str) -> str:
    """The text with each memory address replaced, which would differ in every process."""
    return ADDRESS.sub(" at 0x…", text) if " at 0x" in text else text


def stable_repr(value: object, within: tuple[int, ...] = ()) -> str:
    """The repr of any value, equal in every process: no addresses, sets in order.

    A repr that fails gives `<module.Type whose repr failed>`.
    """
    try:
        return _built_in_repr(value, within) or without_addresses(repr(value))
    except Exception:  # a user's __repr__ may raise anything, and the record must be written all the same
        return f"<{type_name(value)} whose repr failed>"


def type_name(value: object) -> str:
    """The full name of the type of a value, or the one that a trace kept."""
    if isinstance(value, RecordedError):
        return value.type_name
    return f"{type(value).__module__}.{type(value).__qualname__}"


def error_text(error: BaseException) -> str:
    """The text of an exception, equal in every process."""
    try:
        if type(error).__str__ is KeyError.__str__ and len(error.args) == 1:
            return stable_repr(error.args[0])
        if type(error).__str__ is BaseException.__str__ and error.args:
            (first, *others) = error.args
            if others:
                return stable_repr(error.args)
            return without_addresses(first) if isinstance(first, str) else _argument_text(first)
        return without_addresses(str(error))
    except Exception:  # a user's __str__ may raise anything
        return "<an error whose text failed>"


def error_label(error: BaseException) -> str:
    """An exception as its repr would mostly show it, the same for a live one and one from a trace."""
    name = type_name(error).rpartition(".")[2]
    text = error_text(error)
    if not text:
        return f"{name}()"
    return f"{name}({text if name == 'KeyError' else repr(text)})"


def to_json(value: Any, within: tuple[int, ...] = ()) -> Any:
    """The value as something that `json.dumps` takes."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= WIDEST_INT else {"repr": hex(value)}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": float.__repr__(value)}
    if isinstance(value, RecordedRepr):
        return {"repr": value.text}
    if not isinstance(value, (list, tuple, dict)):
        return {"repr": stable_repr(value)}
    if id(value) in within or len(within) >= DEEPEST:
        return {"repr": "…"}
    inside = (*within, id(value))
    if isinstance(value, dict):
        return _dict_to_json(value, inside)
    return [to_json(item, inside) for item in value]


def from_json(value: Any) -> Any:
    """The value that `to_json` wrote."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, content),) = value.items()
        if key == "repr":
            return RecordedRepr(content)
        if key == "float":
            return float(content)
        if key == "dict":
            return {from_json(name): from_json(item) for name, item in content}
    return {key: from_json(item) for key, item in value.items()}


def _dict_to_json(value: dict[Any, Any], inside: tuple[int, ...]) -> Any:
    if all(isinstance(key, str) for key in value) and value.keys() not in RESERVED:
        return {key: to_json(item, inside) for key, item in value.items()}
    return {"dict": [[_key_to_json(key), to_json(item, inside)] for key, item in value.items()]}


def _key_to_json(key: object) -> Any:
    # A list could not be a key again.
    return {"repr": stable_repr(key)} if isinstance(key, tuple) else to_json(key)


def _argument_text(value: object) -> str:
    built_in = _built_in_repr(value, ())
    return without_addresses(str(value)) if built_in is None else built_in


def _built_in_repr(value: object, within: tuple[int, ...]) -> str | None:
    """The repr of containers and dataclasses, with the stable repr of what they hold; None for everything else."""
    kind = type(value)
    container = kind is list or kind is tuple or kind is dict or kind is set or kind is frozenset
    if not container and not _has_generated_repr(kind):
        return None
    if id(value) in within or len(within) >= DEEPEST:
        return "…"
    inside = (*within, id(value))
    return _container_repr(value, inside) if container else _dataclass_repr(value, inside)


def _has_generated_repr(kind: type) -> bool:
    # The repr that @dataclass writes is wrapped to stop recursion; one written by hand is respected.
    return dataclasses.is_dataclass(kind) and hasattr(kind.__repr__, "__wrapped__")


def _dataclass_repr(value: Any, inside: tuple[int, ...]) -> str:
    shown = (field.name for field in dataclasses.fields(value) if field.repr)
    inner = ", ".join(f"{name}={stable_repr(getattr(value, name), inside)}" for name in shown)
    return f"{type(value).__qualname__}({inner})"


def _container_repr(value: Any, inside: tuple[int, ...]) -> str:
    if isinstance(value, dict):
        pairs = (f"{stable_repr(key, inside)}: {stable_repr(item, inside)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    items = [stable_repr(item, inside) for item in value]
    if isinstance(value, list):
        return f"[{', '.join(items)}]"
    if isinstance(value, tuple):
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
    if not items:
        return f"{type(value).__name__}()"
    inner = f"{{{', '.join(sorted(items))}}}"
    return inner if isinstance(value, set) else f"frozenset({inner})"
