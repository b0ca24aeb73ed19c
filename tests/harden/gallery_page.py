"""Writes `docs/explanation/gallery.md` from the specimens and what harden says of them: `python gallery_page.py`."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable
from pathlib import Path

from gallery import Answer, Gallery, names, source

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "gallery.md"

WIDTH = 110

INTRO = """\
# A gallery of flaws

Small tasks, each with one classic flaw. `coldframe.harden` breaks each of them at every place. Below is what it says,
and the repaired task, which holds whatever is broken: killed workers, messages that come twice, tasks that overlap,
failing services, a broker that goes away.

The comments `# <- before` and `# <- after` mark the two lines that harden names. All of it is run by the project's
tests; this page is written from them. All tasks are acked late (`task_acks_late`, `task_reject_on_worker_lost`) unless
they say otherwise.

| flaw | verdict | found by |
| --- | --- | --- |
"""


def title(name: str) -> str:
    """What a flaw is called."""
    return name.replace("_", " ").capitalize()


def row(answer: Answer) -> str:
    """Its line in the table."""
    anchor = title(answer.name).lower().replace(" ", "-")
    return f"| [{title(answer.name)}](#{anchor}) | {answer.verdict} | {', '.join(answer.found_by)} |"


def section(answer: Answer) -> str:
    """All that the page says of a flaw."""
    module = Module(source(answer.name))
    cause = answer.result.causes[0]
    report = cause.simplest
    told = f"{cause.verdict}: {report.story}: {'; '.join(report.facts[:2])}\n{report.advice}"
    flawed, repaired = module.tasks("flaw"), module.tasks("repair")
    parts = [
        f"## {title(answer.name)}",
        module.about,
        *(f"What is asked: {promise}" for promise in module.promises()),
        f"```py\n{module.code(flawed)}\n```",
        f"```text\n{_folded(told)}\n```",
        f"Repaired ([the whole module](../../tests/harden/specimens/flaws/{answer.name}.py)):",
        f"```py\n{module.code(name for name in repaired if name not in flawed)}\n```",
    ]
    return "\n\n".join(parts)


def text(answers: Iterable[Answer]) -> str:
    """The whole page."""
    known = list(answers)
    return INTRO + "\n".join(map(row, known)) + "\n\n" + "\n\n".join(map(section, known)) + "\n"


class Module:
    """The source of a specimen.

    Args:
        text: All of it.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._tree = ast.parse(text)
        self._functions = {node.name: node for node in self._tree.body if isinstance(node, ast.FunctionDef)}
        self._specimen = next(node for node in ast.walk(self._tree) if _is_specimen(node))
        self.about = str(ast.get_docstring(self._tree))

    def tasks(self, side: str) -> list[str]:
        """The tasks that one side runs, each before those that it sends."""
        found: list[str] = []
        waiting = self._names(self._part(side))
        while waiting:
            name = waiting.pop(0)
            if name not in found and name in self._functions and self._functions[name].decorator_list:
                found.append(name)
                waiting += self._names(self._functions[name])
        return found

    def promises(self) -> list[str]:
        """What the promises are, in words."""
        return [str(ast.get_docstring(self._functions[name])) for name in self._names(self._part("promises"))]

    def code(self, names: Iterable[str]) -> str:
        """The source of some functions."""
        lines = self._text.splitlines()
        nodes = [self._functions[name] for name in names]
        return "\n\n\n".join("\n".join(lines[node.decorator_list[0].lineno - 1 : node.end_lineno]) for node in nodes)

    def _part(self, name: str) -> ast.AST:
        return next((one.value for one in self._specimen.keywords if one.arg == name), ast.Tuple([]))

    @staticmethod
    def _names(node: ast.AST) -> list[str]:
        return [one.id for one in ast.walk(node) if isinstance(one, ast.Name)]


def _is_specimen(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Specimen"


def _folded(told: str) -> str:
    return "\n".join(line for part in told.splitlines() for line in textwrap.wrap(part, WIDTH, break_long_words=False))


def main() -> None:
    """Ask harden of each flaw, and write the page."""
    with Gallery() as gallery:
        PAGE.write_text(text(gallery.harden("flaw", name) for name in names()), "utf-8")


if __name__ == "__main__":
    main()
