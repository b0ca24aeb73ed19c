"""What is importable has a name, `package.module:name`, by which another process finds it again."""

from __future__ import annotations

import difflib
import importlib
import sys
from types import ModuleType
from typing import Any

from coldframe.errors import ScenarioError, SetupError

FORM = "its form is package.module:function"


def importable_name(value: Any, what: str) -> str:
    """By which name another process imports a function, an app, an engine.

    Args:
        value: It.
        what: What it is to the user, such as `the promise`.

    Raises:
        SetupError: It has none.
    """
    found = own_name(value) or _name_elsewhere(value)
    if found is None or found.startswith("__main__:"):
        label = getattr(value, "__qualname__", None) or repr(value)
        raise SetupError(
            f"{what} {label!r} has no name by which another process could import it",
            hint="define it at the top of a module that can be imported, or use workers=N, which needs no names",
        )
    return found


def own_name(value: Any) -> str | None:
    """By which name the module that a function says it is from holds it; None if that module does not.

    A function that another one made is known by the attribute that it is bound to: all of its kind share a name.
    """
    name = getattr(value, "__module__", None) or ""
    module = sys.modules.get(name)
    if module is None:
        return None
    qualname = getattr(value, "__qualname__", None)
    if qualname is not None and _get(module, qualname) is value:
        return f"{name}:{qualname}"
    attribute = _attribute_of(module, value)
    return f"{name}:{attribute}" if attribute else None


def _name_elsewhere(value: Any) -> str | None:
    for name, module in list(sys.modules.items()):
        if isinstance(module, ModuleType) and not name.startswith(("celery.", "coldframe.")):
            attribute = _attribute_of(module, value)
            if attribute:
                return f"{name}:{attribute}"
    return None


def _attribute_of(module: ModuleType, value: Any) -> str | None:
    held = ((name, one) for name, one in list(vars(module).items()) if not name.startswith("_"))
    return next((name for name, one in held if one is value), None)


def _get(module: ModuleType | None, qualname: str) -> Any:
    found: Any = module
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found


def import_name(path: str) -> Any:
    """What has this name.

    Raises:
        ScenarioError: The module does not import, or has no such name.
    """
    module_name, _, qualname = path.partition(":")
    module = import_module(module_name, path)
    found = _get(module, qualname) if qualname else None
    if found is None:
        near = difflib.get_close_matches(qualname, [name for name in vars(module) if not name.startswith("_")], n=1)
        raise ScenarioError(
            f"{path!r} is not there: module {module_name!r} has no {qualname!r}",
            hint=f"did you mean {module_name}:{near[0]}?" if near else f"correct it; {FORM}",
        )
    return found


def import_module(name: str, path: str) -> ModuleType:
    """A module of the user's.

    Raises:
        ScenarioError: It does not import.
    """
    if not all(part.isidentifier() for part in name.split(".")):
        raise ScenarioError(f"{path!r} is no name of a function", hint=f"correct it; {FORM}")
    try:
        return importlib.import_module(name)
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        is_absent = missing is not None and f"{name}.".startswith(f"{missing}.")
        raise ScenarioError(
            f"{path!r} does not import: {type(error).__name__}: {error}",
            hint=f"run from the directory that holds the package, or correct the name; {FORM}"
            if is_absent
            else f"make 'python -c \"import {name}\"' work first",
        ) from error
