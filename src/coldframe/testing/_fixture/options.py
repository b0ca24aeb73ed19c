"""What a test says of its bench: on its marker, on the command line, in the configuration."""

from __future__ import annotations

import difflib
import inspect
from dataclasses import dataclass, field
from typing import Any

import pytest

from coldframe import Bench, SetupError
from coldframe.testing._project import DEFAULTS, read_settings

MARKER = "coldframe"
COMMAND_LINE = ("app", "seed", "profile")
UNDRAINED = ("raise", "allow")

#: What a bench takes, and what the fixture itself understands.
KEYWORDS = (*inspect.signature(Bench).parameters, "beat", "undrained")
MARKER_KEYWORDS = tuple(name for name in KEYWORDS if name != "others")

CONFIGURED = pytest.StashKey[dict[str, Any]]()


@dataclass(frozen=True, slots=True)
class Options:
    """All that was said of a test's bench, the closest word on each thing.

    Attributes:
        app: The app or its path, or None when nothing was said.
        beat: Whether beat shall run; or the names of the entries that it keeps; or its scheduler.
        undrained: What is said of messages that the test did not let run.
        bench: What is passed on to the bench.
        command_line: What of it only the command line says.
    """

    app: Any
    beat: Any
    undrained: Any
    bench: dict[str, Any]
    command_line: dict[str, Any] = field(default_factory=dict)


def options_of(node: pytest.Item) -> Options:
    """What was said of the bench of a test; a marker goes before the command line, and that before configuration.

    Raises:
        SetupError: Something that was said makes no sense.
    """
    marked = _marked(node)
    command_line = {name: node.config.getoption(f"coldframe_{name}") for name in COMMAND_LINE}
    said = {name: value for name, value in command_line.items() if value is not None and name not in marked}
    everything = {**_configured(node.config), **said, **marked}
    undrained = everything.pop("undrained", "raise")
    if undrained not in UNDRAINED:
        raise SetupError(
            f"undrained={undrained!r} is neither 'raise' nor 'allow'",
            hint="use undrained='allow' for a test that leaves messages where they are, or leave it out",
        )
    return Options(
        app=everything.pop("app", None),
        beat=everything.pop("beat", False),
        undrained=undrained,
        bench=everything,
        command_line=said,
    )


def _marked(node: pytest.Item) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for owner, marker in node.iter_markers_with_node(MARKER):
        if marker.args:
            raise SetupError(
                f"the marker coldframe on {owner.name!r} was given {marker.args[0]!r} without a name",
                hint="it takes keywords only, as in @pytest.mark.coldframe(start='2026-03-29T00:00+01:00')",
            )
        for name, value in marker.kwargs.items():
            _check_keyword(name, owner.name)
            found.setdefault(name, value)
    return found


def _check_keyword(name: str, owner: str) -> None:
    if name in MARKER_KEYWORDS:
        return
    near = difflib.get_close_matches(name, MARKER_KEYWORDS, n=1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    raise SetupError(
        f"the marker coldframe on {owner!r} has no keyword {name!r}",
        hint=f"{meant}It takes: {', '.join(MARKER_KEYWORDS)}",
    )


def _configured(config: pytest.Config) -> dict[str, Any]:
    known = config.stash.get(CONFIGURED, None)
    if known is None:
        directories = [config.rootpath]
        if config.inipath is not None and config.inipath.parent != config.rootpath:
            directories.append(config.inipath.parent)
        known = {}
        for directory in directories:
            known.update(read_settings(directory))
        known.update(_from_ini(config))
        if "seed" in known:
            known["seed"] = _whole_number(known["seed"])
        config.stash[CONFIGURED] = known
    return dict(known)


def _from_ini(config: pytest.Config) -> dict[str, Any]:
    said = {name: config.getini(f"coldframe_{name}") for name in DEFAULTS}
    return {name: value for name, value in said.items() if value}


def _whole_number(seed: Any) -> int:
    try:
        return int(seed)
    except (TypeError, ValueError):
        raise SetupError(f"the seed {seed!r} is no whole number", hint="write it as in: seed = 7") from None
