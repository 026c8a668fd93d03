"""Rows of the lists as cells and as a preview: pure, from the engine's rows to safe text."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal

from traceview.model.definitions import FeedbackDefinition
from traceview.model.labels import NOT_APPLICABLE
from traceview.text import human
from traceview.text.safe import safe_line
from traceview.tui.widgets.columns import Cell, Column
from traceview.tui.widgets.lines import Line, Part, cut, line_width, wrapped

Row = dict[str, Any]
ListLevel = Literal["traces", "threads"]

TRACE_COLUMNS: tuple[Column, ...] = (
    Column("start", "started", 12, sort="start_time"),
    Column("status", "", 4, rank=0),
    Column("name", "name", 12, flex=2, rank=6),
    Column("input", "input", 24, flex=5),
    Column("duration", "time", 7, align="right", rank=1, sort="duration_ms"),
    Column("spans", "spans", 5, align="right", rank=5, sort="spans"),
    Column("tokens", "tokens", 9, align="right", rank=4, sort="tokens"),
    Column("cost", "cost", 8, align="right", rank=3, sort="cost_usd"),
    Column("version", "version", 9, flex=1, rank=7),
)
THREAD_COLUMNS: tuple[Column, ...] = (
    Column("start", "started", 12, sort="start_time"),
    Column("status", "", 4, rank=0),
    Column("id", "thread", 10, flex=1, rank=6),
    Column("input", "first input", 24, flex=5),
    Column("traces", "traces", 6, align="right", rank=1, sort="traces"),
    Column("duration", "lasted", 7, align="right", rank=3, sort="duration_ms"),
    Column("tokens", "tokens", 9, align="right", rank=4, sort="tokens"),
    Column("cost", "cost", 8, align="right", rank=5, sort="cost_usd"),
)
COLUMNS: dict[ListLevel, tuple[Column, ...]] = {"traces": TRACE_COLUMNS, "threads": THREAD_COLUMNS}
SCORE_WIDTH = 9
SCORE_RANK = 2
"""Of the first label column: on a narrow screen it stays longer than most."""
MORE_SCORES_RANK = 100
"""Of the second one: from here on they leave before any standard column, the last first."""


def row_id(level: ListLevel, row: Row) -> str:
    """The natural id of a row."""
    return str(row["trace_id"] if level == "traces" else row["thread_id"])


def human_values(row: Row) -> dict[str, dict[str, Any]]:
    """The current human values of a row: name to annotator to value."""
    scores: Mapping[str, Mapping[str, Mapping[str, Any]]] = row.get("scores") or {}
    return {name: dict(by["human"]) for name, by in scores.items() if by.get("human")}


def versions_of(row: Row) -> list[tuple[str, str]]:
    """The prompt versions of a trace as (name, version); either may be empty."""
    pairs = []
    for version in row.get("prompt_versions") or ():
        if isinstance(version, Mapping):
            pairs.append((str(version.get("name") or ""), str(version.get("version") or "")))
        else:
            name, _, number = str(version).rpartition("@")
            pairs.append((name, number))
    return pairs


def is_labelled(row: Row, annotator: str, required: Collection[str] = ()) -> bool:
    """True if this annotator has given the row every required value; any value where none is required."""
    own = {name for name, values in human_values(row).items() if annotator in values}
    return own.issuperset(required) if required else bool(own)


def score_order(names: Collection[str], definitions: Sequence[FeedbackDefinition]) -> tuple[str, ...]:
    """Names of labels as lists show them: required definitions, the others, both as in their file, then the rest."""
    order = {definition.name: (not definition.required, at) for at, definition in enumerate(definitions)}
    return tuple(sorted(names, key=lambda name: (*order.get(name, (True, len(order))), name)))


def columns(level: ListLevel, score_names: Sequence[str]) -> tuple[Column, ...]:
    """The columns of a list, then those of the labels in the order given, as many as fit beside them."""
    scores = [
        Column(
            f"score:{name}",
            safe_line(name),
            SCORE_WIDTH if index == 0 else max(SCORE_WIDTH, min(14, len(name))),
            rank=MORE_SCORES_RANK + index if index else SCORE_RANK,
            counted=True,
        )
        for index, name in enumerate(score_names)
    ]
    return (*COLUMNS[level], *scores)


def cells_of(level: ListLevel, annotator: str) -> Callable[[Row], dict[str, Cell]]:
    """The function that makes the cells of one row."""

    def cells(row: Row) -> dict[str, Cell]:
        made = {
            "start": Cell(human.short_time(row.get("start_ns"), time.time_ns()), "dim"),
            "status": _status(row),
            "duration": Cell(human.duration(_duration_ms(row)), None),
            "tokens": Cell(human.tokens(row.get("input_tokens"), row.get("output_tokens")), "dim"),
            "cost": Cell(human.money(row.get("cost_usd")), "dim"),
        }
        if level == "traces":
            made["name"] = Cell(line_of(row.get("name")), "accent")
            made["input"] = Cell(line_of(row.get("input_preview")), None)
            made["spans"] = Cell(human.short_count(row.get("spans")), "dim")
            shown = ", ".join(version or name for name, version in versions_of(row))
            made["version"] = Cell(line_of(shown), "dim")
        else:
            made["id"] = Cell(line_of(row.get("thread_id")), "accent")
            made["input"] = Cell(line_of(row.get("first_input")), None)
            made["traces"] = Cell(human.short_count(row.get("traces")), None)
        for name, values in human_values(row).items():
            made[f"score:{name}"] = score_cell(values, annotator)
        return made

    return cells


def score_cell(values: Mapping[str, Any], annotator: str) -> Cell:
    """One's own value, else the first other one; `+n` says how many more annotators there are."""
    own = annotator in values
    value = values[annotator] if own else next(iter(values.values()))
    text, part = value_text(value)
    more = len(values) - 1
    return Cell(f"{text} +{more}" if more else text, part if own else "dim")


def value_text(value: Any) -> tuple[str, str | None]:
    """A label's value as glyph and word, and the part it is drawn in."""
    if value is True:
        return "✓ pass", "good"
    if value is False:
        return "✗ fail", "error"
    if value == NOT_APPLICABLE or value is None:
        return "– n/a", "dim"
    if isinstance(value, list | tuple):
        return line_of(", ".join(str(item) for item in value)), None
    return line_of(value), None


def preview_lines(level: ListLevel, row: Row | None, cells: int, height: int) -> list[Line]:
    """What the preview pane says about a row, wrapped to the pane."""
    if row is None:
        return [[("…", "faint")]]
    first, second = (
        ("input_preview", "output_preview") if level == "traces" else ("first_input", "last_output")
    )
    facts = _facts(level, row)
    text_room = max(2, (height - len(facts) - 4) // 2)
    lines: list[Line] = [_heading(level, row), *_packed(facts, cells)]
    for title, key in (("user", first), ("assistant", second)):
        text = line_of(row.get(key))
        lines += [[("", None)], [(title, "title")]]
        lines += wrapped(text, cells, None, text_room) if text else [[("–", "faint")]]
    return [cut(line, cells) for line in lines]


def _heading(level: ListLevel, row: Row) -> Line:
    status = _status(row)
    name = row.get("name") if level == "traces" else row.get("thread_id")
    return [
        (line_of(name) or "(no name)", "title"),
        ("  ", None),
        (status.text or "✓ ok", status.part or "dim"),
    ]


def _facts(level: ListLevel, row: Row) -> list[list[Part]]:
    """What the row itself does not say: the full time, ids, models, labels."""
    pairs = [("started", human.local_time(row.get("start_ns")))]
    if level == "traces":
        pairs += [
            ("model", line_of(_joined(row.get("models")))),
            ("version", line_of(", ".join("@".join(filter(None, pair)) for pair in versions_of(row)))),
            ("thread", line_of(row.get("thread_id"))),
            ("trace", line_of(row.get("trace_id"))),
        ]
    else:
        pairs.append(("spans", human.count(row.get("spans"))))
    facts: list[list[Part]] = [[(f"{name} ", "dim"), (value, None)] for name, value in pairs if value]
    for name, values in human_values(row).items():
        for annotator, value in values.items():
            text, part = value_text(value)
            facts.append([(f"{line_of(name)} ", "dim"), (text, part), (f" {line_of(annotator)}", "faint")])
    return facts


def _packed(facts: Sequence[list[Part]], cells: int) -> list[Line]:
    """Facts side by side, as many on a line as fit."""
    lines: list[list[Part]] = []
    for fact in facts:
        if lines and line_width(lines[-1]) + 3 + line_width(fact) <= cells:
            lines[-1] += [("   ", None), *fact]
        else:
            lines.append(cut(fact, cells))
    return list(lines)


def _status(row: Row) -> Cell:
    errors = row.get("leaf_errors") or row.get("errors") or 0
    if row.get("status") == "error" or errors:
        return Cell(f"✗ {human.short_count(errors)}" if errors else "✗", "error")
    return Cell("")


def _duration_ms(row: Row) -> float | None:
    if row.get("duration_ms") is not None:
        return float(row["duration_ms"])
    start, end = row.get("start_ns"), row.get("end_ns")
    return (end - start) / 1e6 if start is not None and end is not None else None


def _joined(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)


def line_of(value: Any) -> str:
    """Anything from the data as one line that is safe to draw."""
    return "" if value is None else safe_line(str(value))
