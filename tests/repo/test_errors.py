"""Every error comes with a hint, and stands in the tree at the top of errors.py."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from coldframe import errors

SRC = Path(__file__).parents[2] / "src"
FILES = sorted(SRC.rglob("*.py"))
CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, errors.ColdframeError)
}
TREE_LINE = re.compile(r"^(?P<indent>[│├└─ ]*)(?P<name>[A-Z]\w+)(?: {2,}(?P<what>\S.*))?$")
INDENT = len("├── ")


def calls_of_errors(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
            if name in CLASSES:
                yield node


def has_hint(call: ast.Call) -> bool:
    return any(
        keyword.arg == "hint" and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
        for keyword in call.keywords
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SRC).as_posix())
def test_every_error_that_is_made_has_a_hint(path: Path) -> None:
    without = [
        f"{path.relative_to(SRC)}:{call.lineno} {ast.unparse(call)}"
        for call in calls_of_errors(ast.parse(path.read_bytes()))
        if not has_hint(call)
    ]
    assert without == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SRC).as_posix())
def test_no_error_is_raised_as_a_bare_class(path: Path) -> None:
    bare = [
        f"{path.relative_to(SRC)}:{node.lineno} {ast.unparse(node)}"
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name | ast.Attribute)
        if ast.unparse(node.exc).rpartition(".")[2] in CLASSES
    ]
    assert bare == []


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    drawn: list[tuple[str, str]] = []
    branch: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := TREE_LINE.match(line):
            branch = [*branch[: len(found["indent"]) // INDENT], found["name"]]
            drawn.append((branch[-1], branch[-2] if len(branch) > 1 else "Exception"))
    assert drawn == [(name, kind.__bases__[0].__name__) for name, kind in CLASSES.items()]


def test_error_classes_are_defined_in_errors_only() -> None:
    elsewhere = [
        f"{path.relative_to(SRC)}:{node.lineno} {node.name}"
        for path in FILES
        if path != SRC / "coldframe" / "errors.py"
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) in CLASSES for base in node.bases)
    ]
    assert elsewhere == []


def test_an_error_shows_its_hint_below_its_message() -> None:
    error = errors.UnknownProfile("there is no profile 'kafka'", hint="use 'redis' or 'rabbitmq'")
    assert str(error) == "there is no profile 'kafka'\n  hint: use 'redis' or 'rabbitmq'"
