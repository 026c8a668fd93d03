"""Every mistake of a judge file that can be told without the others: one of each table, part and variable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from traceview.definitions.document import Document
from traceview.definitions.judge_check import (
    is_asked,
    named_parts,
    parse_asked_part,
    parse_check,
    parse_checks,
    parse_criteria,
)
from traceview.definitions.judge_files import (
    KNOWN,
    SECTIONS,
    needed_kind,
    parse_judge,
    parsed_name,
    parsed_scope,
)
from traceview.definitions.judge_prompt import parse_examples, parse_prompt, parse_variable, parse_variables
from traceview.definitions.judge_settings import JudgeSettings
from traceview.definitions.judge_shape import parse_shape
from traceview.definitions.project import Project
from traceview.model.errors import BadInput
from traceview.model.judges import JudgeKind
from traceview.model.labels import TargetKind

Found = TypeVar("Found")


def mistakes(document: Document, project: Project, settings: JudgeSettings) -> tuple[BadInput, ...]:
    """What is wrong with a file, in the order of its lines; nothing where it can be read."""
    try:
        parse_judge(document, project, settings)
    except BadInput as error:
        found = {one.message: one for one in (*_each(document, project, settings), error)}
        return tuple(sorted(found.values(), key=lambda one: _line_in(document, one)))
    return ()


def _line_in(document: Document, error: BadInput) -> int:
    """The line of a mistake; 0 for one of another file, or of none."""
    line = error.message.removeprefix(f"{document.path}:").partition(":")[0]
    return int(line) if line.isascii() and line.isdigit() else 0


def _each(document: Document, project: Project, settings: JudgeSettings) -> Iterator[BadInput]:
    data = document.data
    wrong: list[BadInput] = []

    def tried(part: Callable[[], Found]) -> Found | None:
        try:
            return part()
        except BadInput as error:
            wrong.append(error)
            return None

    for key in data:
        if key not in KNOWN:
            tried(lambda key=key: document.only({key: None}, (), KNOWN))  # type: ignore[misc]
    kind: JudgeKind | None = tried(lambda: needed_kind(document))
    scope: TargetKind | None = tried(lambda: parsed_scope(document))
    names = tried(lambda: parsed_name(document))
    for section in SECTIONS[kind]:
        tried(lambda section=section: section(document, settings))  # type: ignore[misc]
    shape = None
    if kind and scope and names:
        defined = project.definition(names[1])
        explained = "parts" in data
        shape = tried(lambda: parse_shape(document, kind, scope, names[1], defined, explained=explained))
    if kind == "code" and scope:
        parts = tried(lambda: named_parts(document)) if "parts" in data and "check" not in data else None
        if parts is None:
            tried(lambda: parse_checks(document, scope, project.folder))
        for place, (name, table) in enumerate(parts or ()):
            if is_asked(table):
                keys = ("parts", place)
                tried(lambda keys=keys, name=name, table=table: parse_asked_part(document, keys, name, table))  # type: ignore[misc]
                continue
            tried(
                lambda place=place, name=name, table=table: parse_check(  # type: ignore[misc]
                    document, ("parts", place), table, scope, project.folder, name
                )
            )
    if kind == "llm" and scope:
        given = data.get("variables")
        variables = None
        for name, value in (given if isinstance(given, dict) else {}).items():
            tried(lambda name=name, value=value: parse_variable(document, name, value, scope))  # type: ignore[misc]
        try:
            variables = parse_variables(document, scope)
        except BadInput as error:
            wrong.append(error)
        if variables is not None and shape is not None:
            tried(lambda: parse_prompt(document, variables, shape))
        tried(lambda: parse_examples(document))
        tried(lambda: parse_criteria(document))
    yield from wrong
