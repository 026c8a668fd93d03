"""Judge files: `judges/NAME.toml` beside traceview.toml, one judge in each.

What needs the filter language, and the hashes, is added by `traceview.judges.loading.load_judges`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, cast, get_args

from traceview.definitions.document import Document
from traceview.definitions.feedback import NAME as METRIC_NAME
from traceview.definitions.judge_check import parse_asked, parse_checks, parse_criteria
from traceview.definitions.judge_prompt import (
    examples_file,
    parse_examples,
    parse_prompt,
    parse_variables,
    read_pinned,
)
from traceview.definitions.judge_settings import (
    SAMPLING_KNOBS,
    JudgeSettings,
    amount,
    filled,
    model_table,
    no_knob,
    within,
)
from traceview.definitions.judge_shape import parse_shape
from traceview.definitions.project import Project
from traceview.model.checks import PYTHON
from traceview.model.judges import JudgeDefinition, JudgeKind, ModelSettings, Rule
from traceview.model.labels import RESERVED_NAMES, TARGET_KINDS, TargetKind
from traceview.text.durations import BadTime, duration_ns

FOLDER = "judges"
KINDS: tuple[JudgeKind, ...] = get_args(JudgeKind)
JUDGE_NAME = re.compile(r"[a-z0-9_]{1,40}")
_LONGEST_SETTLE_S = 30 * 86_400
_COMMON = (
    "name", "metric", "version_note", "kind", "scope", "enabled", "score", "parts", "combine", "filter", "sampling",
    "rule",
)  # fmt: skip
_OF_KIND: dict[JudgeKind, tuple[str, ...]] = {
    "code": ("check",),
    "llm": ("model", "variables", "prompt", "examples", "budget"),
}


def judges_folder(project: Project) -> Path:
    """Where the judge files of a project are."""
    return project.folder / FOLDER


def judge_files(project: Project) -> list[Path]:
    """The judge files of a project by name; none where it has no such folder."""
    return sorted(one for one in judges_folder(project).glob("*.toml") if not one.name.startswith("."))


def parse_judge(document: Document, project: Project, settings: JudgeSettings) -> JudgeDefinition:
    """The judge of a file, without its hashes, its filter not looked at. Raises BadInput with file and line."""
    data = document.data
    for knob in SAMPLING_KNOBS:
        if knob in data:
            raise no_knob(document, (knob,))
    document.only(data, (), KNOWN)
    kind, scope = needed_kind(document), parsed_scope(document)
    for other, keys in _OF_KIND.items():
        for key in keys:
            if other != kind and key in data:
                raise document.error((key,), f"does not go with kind {kind}, only with {other}")
    name, metric = parsed_name(document)
    combine = document.one_of(data.get("combine", "all"), ("combine",), ("all", "any"))
    if "combine" in data and "parts" not in data:
        raise document.error(("combine",), "there are no [[parts]] to combine")
    shape = parse_shape(document, kind, scope, metric, project.definition(metric), explained="parts" in data)
    if "parts" in data and shape.type != "boolean":
        raise document.error(("parts",), f"a judge with parts passes or fails; its [score] is {shape.type}")
    rate, per_day = _sampling(document)
    common: dict[str, Any] = {
        "name": name,
        "metric": metric,
        "kind": kind,
        "scope": scope,
        "score": shape,
        "version_note": _text(document, "version_note"),
        "combine": cast(Literal["all", "any"], combine),
        "redaction": settings.redaction,
        "where": _where(document),
        "rate": rate,
        "max_per_day": per_day,
        "enabled": _enabled(document),
        "rule": _rule(document),
        "path": document.path,
    }
    if kind == "code":
        checks = parse_checks(document, scope, project.folder)
        if shape.type != "boolean" and not checks[0].use.startswith(PYTHON):
            raise document.error(("check",), f"{checks[0].use} passes or fails; its [score] is {shape.type}")
        return JudgeDefinition(**common, checks=checks, asked=parse_asked(document))
    variables = parse_variables(document, scope)
    system, user = parse_prompt(document, variables, shape)
    examples = parse_examples(document)
    if examples and "parts" in data:
        raise document.error(("examples",), "examples go with one criterion, not with [[parts]]")
    per_run, a_day = _budget(document)
    return JudgeDefinition(
        **common,
        criteria=parse_criteria(document),
        model=_model(document, settings),
        variables=variables,
        system=system,
        user=user,
        examples=examples,
        pinned=read_pinned(examples_file(document.path), examples),
        usd_per_run=per_run,
        usd_per_day=a_day,
    )


KNOWN = (*_COMMON, *(key for keys in _OF_KIND.values() for key in keys))
"""The keys of a judge file."""


def needed_kind(document: Document) -> JudgeKind:
    """Who judges. Raises BadInput."""
    return cast(JudgeKind, _needed(document, "kind", KINDS))


def parsed_scope(document: Document) -> TargetKind:
    """What is judged. Raises BadInput."""
    return cast(TargetKind, document.one_of(document.data.get("scope", "trace"), ("scope",), TARGET_KINDS))


def parsed_name(document: Document) -> tuple[str, str]:
    """The name of a judge and of its metric. Raises BadInput."""
    name = _name(document)
    return name, _metric(document, name)


def _needed(document: Document, key: str, known: tuple[str, ...]) -> str:
    if key not in document.data:
        raise document.error((), f"{key} is missing; expected {key} = {' or '.join(map(repr, known))}")
    if document.data[key] == "model":
        raise document.error((key,), f"expected {', '.join(known)}, found 'model'", "did you mean llm?")
    return document.one_of(document.data[key], (key,), known)


def _name(document: Document) -> str:
    name = filled(document, document.data.get("name", document.path.stem), ("name",), "a name")
    if not JUDGE_NAME.fullmatch(name):
        raise document.error(("name",), f"{name!r}: a judge's name has a-z, 0-9 and _, 40 at most")
    return name


def _metric(document: Document, name: str) -> str:
    metric = filled(document, document.data.get("metric", name), ("metric",), "the name of a feedback")
    if not METRIC_NAME.fullmatch(metric):
        raise document.error(
            ("metric",), f"{metric!r}: a feedback's name has letters, digits, _ and -, 64 at most"
        )
    if metric in RESERVED_NAMES:
        raise document.error(
            ("metric",), f"{metric} is kept for the app", f"kept: {', '.join(RESERVED_NAMES)}"
        )
    return metric


def _text(document: Document, key: str) -> str | None:
    value = document.data.get(key)
    return None if value is None else str(document.typed(value, (key,), str, "a text"))


def _table(document: Document, name: str, known: tuple[str, ...]) -> dict[str, Any]:
    table: dict[str, Any] = document.typed(document.data.get(name, {}), (name,), dict, f"a table [{name}]")
    document.only(table, (name,), known)
    return table


def _model(document: Document, settings: JudgeSettings) -> ModelSettings:
    told = {**settings.model, **model_table(document, ("model",), document.data.get("model", {}))}
    if "id" not in told:
        raise document.error(
            ("model",) if "model" in document.data else (),
            '[model] id is missing, such as id = "claude-haiku-5-5"',
        )
    return ModelSettings(**told)


def _where(document: Document) -> str:
    where = _table(document, "filter", ("where",)).get("where", "")
    return str(document.typed(where, ("filter", "where"), str, "a filter in quotes")).strip()


def _sampling(document: Document) -> tuple[float, int | None]:
    table = _table(document, "sampling", ("rate", "max_per_day"))
    rate = document.typed(table.get("rate", 1.0), ("sampling", "rate"), (int, float), "a share from 0 to 1")
    if not 0 <= rate <= 1:
        raise document.error(
            ("sampling", "rate"), f"expected a share from 0 to 1, found {rate}", "a tenth is 0.1"
        )
    per_day = table.get("max_per_day")
    if per_day is not None:
        per_day = within(document, per_day, ("sampling", "max_per_day"), 1, 10**9)
    return float(rate), per_day


def _budget(document: Document) -> tuple[float | None, float | None]:
    table = _table(document, "budget", ("usd_per_run", "usd_per_day"))
    amounts: list[float | None] = []
    for key in ("usd_per_run", "usd_per_day"):
        value = table.get(key)
        if value is not None:
            value = amount(document, ("budget", key), value)
        amounts.append(value)
    return amounts[0], amounts[1]


def _rule(document: Document) -> Rule:
    table = _table(document, "rule", ("enabled", "settle"))
    enabled = document.typed(table.get("enabled", False), ("rule", "enabled"), bool, "true or false")
    if "settle" not in table:
        return Rule(enabled)
    text = document.typed(table["settle"], ("rule", "settle"), str, 'a duration such as "10m"')
    try:
        seconds = duration_ns(text.strip()) / 1e9
    except BadTime as error:
        raise document.error(("rule", "settle"), f"{text!r} {error}") from error
    if seconds > _LONGEST_SETTLE_S:
        raise document.error(("rule", "settle"), f"{text} is longer than 30d")
    return Rule(enabled, seconds)


def _enabled(document: Document) -> bool:
    return bool(document.typed(document.data.get("enabled", True), ("enabled",), bool, "true or false"))


Section = Callable[[Document, JudgeSettings], object]
_EVERY: tuple[Section, ...] = (
    lambda document, _: _text(document, "version_note"),
    lambda document, _: _enabled(document),
    lambda document, _: _where(document),
    lambda document, _: _sampling(document),
    lambda document, _: _rule(document),
)
SECTIONS: dict[JudgeKind | None, tuple[Section, ...]] = {
    None: _EVERY,
    "code": _EVERY,
    "llm": (*_EVERY, _model, lambda document, _: _budget(document)),
}
"""Tables of a judge file that can be read without the others, by its kind."""
