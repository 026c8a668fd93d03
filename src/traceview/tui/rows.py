"""Rows of the lists: what they hold and what a preview says of them; pure, from the engine's rows to safe text."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from traceview.model.labels import NOT_APPLICABLE
from traceview.text import human
from traceview.text.safe import safe_block, safe_line
from traceview.tui.glyphs import BAD, OK, UNSET
from traceview.tui.widgets.columns import Cell
from traceview.tui.widgets.lines import Line, Part, cut, line_width, wrapped

Row = dict[str, Any]
ListLevel = Literal["traces", "threads"]


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


def _inferred(row: Row) -> str:
    """The word behind prompt versions of which one was not recorded."""
    pairs = row.get("prompt_versions") or ()
    return " (inferred)" if any(isinstance(one, Mapping) and one.get("inferred") for one in pairs) else ""


def is_labelled(row: Row, annotator: str, required: Collection[str] = ()) -> bool:
    """True if this annotator has given the row every required value; any value where none is required."""
    own = {name for name, values in human_values(row).items() if annotator in values}
    return own.issuperset(required) if required else bool(own)


def value_text(value: Any) -> tuple[str, str | None]:
    """A label's value as glyph and word, and the part it is drawn in."""
    if value is True:
        return "✓ pass", "good"
    if value is False:
        return "✗ fail", "error"
    if value == NOT_APPLICABLE or value is None:
        return "– n/a", "dim"
    if isinstance(value, float):
        return f"{value:.4g}", None
    if isinstance(value, list | tuple):
        return line_of(", ".join(str(item) for item in value)), None
    return line_of(value), None


def preview_lines(
    level: ListLevel,
    row: Row | None,
    cells: int,
    height: int | None,
    texts: tuple[str | None, str | None] | None = None,
) -> list[Line]:
    """What the preview pane says about a row, wrapped to the pane.

    `texts` are the whole input and output, None while only the beginnings that the row has are there. With `height`
    each gets its share of so many lines.
    """
    if row is None:
        return [[("…", "faint")]]
    keys = ("input_preview", "output_preview") if level == "traces" else ("first_input", "last_output")
    said = texts if texts is not None else tuple(row.get(key) for key in keys)
    lines: list[Line] = [_heading(level, row), *_packed(_facts(level, row), cells)]
    blank: list[Line] = [[("", None)]] if height is None or height > 12 else []
    wrapped_texts = [_wrapped(text, cells) for text in said]
    room = None if height is None else max(2, height - len(lines) - 2 * (1 + len(blank)))
    shares = _shares([len(one) for one in wrapped_texts], room)
    for title, text_lines, share in zip(("user", "assistant"), wrapped_texts, shares, strict=True):
        lines += [*blank, [(title, "title")]]
        lines += text_lines[:share]
        if share < len(text_lines):
            more = f"… {len(text_lines) - share + 1:,} more lines"
            lines[-1] = [
                *cut(text_lines[share - 1], max(0, cells - len(more) - 2)),
                ("  ", None),
                (more, "faint"),
            ]
    return [cut(line, cells) for line in lines]


def _wrapped(text: str | None, cells: int) -> list[Line]:
    """A foreign text as lines that are safe to draw."""
    if not text:
        return [[("–", "faint")]]
    shown: list[Line] = []
    for line in safe_block(text).split("\n"):
        shown += wrapped(line, cells) if line else [[("", None)]]
    return shown


def _shares(wanted: Sequence[int], room: int | None) -> list[int]:
    """How many lines each of two texts gets: what one does not need the other has."""
    if room is None or sum(wanted) <= room:
        return list(wanted)
    first = min(wanted[0], max(room // 2, room - wanted[1]))
    return [max(1, first), max(1, room - first)]


def _heading(level: ListLevel, row: Row) -> Line:
    name = row.get("name") if level == "traces" else row.get("thread_id")
    return [
        (line_of(name) or "(no name)", "title"),
        ("  ", None),
        status_words(row),
    ]


def _facts(level: ListLevel, row: Row) -> list[list[Part]]:
    """What the row itself does not say: the full time, ids, models, labels."""
    pairs = [("started", human.local_time(row.get("start_ns")))]
    if level == "traces":
        pairs += [
            ("model", line_of(joined(row.get("models")))),
            (
                "version",
                line_of(
                    ", ".join("@".join(filter(None, pair)) for pair in versions_of(row)) + _inferred(row)
                ),
            ),
            ("thread", line_of(row.get("thread_id"))),
            ("trace", line_of(row.get("trace_id"))),
        ]
    else:
        pairs.append(("spans", human.count(row.get("spans"))))
    facts: list[list[Part]] = [[(f"{name} ", "dim"), (value, None)] for name, value in pairs if value]
    for name, sources in (row.get("scores") or {}).items():
        for source, values in sources.items():
            for annotator, value in values.items():
                text, part = value_text(value)
                shown = line_of(name) if source == "human" else f"{line_of(name)}·{source}"
                part = part if source == "human" else "machine"
                facts.append([(f"{shown} ", "dim"), (text, part), (f" {line_of(annotator)}", "faint")])
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


def status_cell(row: Row) -> Cell:
    """How many errors, the failing leaves if they are known; nothing where there are none."""
    errors = row.get("leaf_errors") or row.get("errors") or 0
    if row.get("status") == "error" or errors:
        return Cell(f"✗ {human.short_count(errors)}" if errors else "✗", "error")
    return Cell("")


def status_words(row: Row) -> tuple[str, str]:
    """How a span, trace or thread went, as sign and word, and the part it is drawn in; the same word everywhere."""
    errors = row.get("leaf_errors") or row.get("errors") or 0
    if row.get("status") == "error" or errors:
        return error_words(errors), "error"
    if "status" not in row:  # threads have none of their own
        return "no errors", "dim"
    return (f"{OK} ok", "good") if row["status"] == "ok" else (f"{UNSET} unset", "dim")


def error_words(errors: int) -> str:
    """How many errors there are, with the sign; 0: it is not known how many."""
    return f"{BAD} {errors:,} error{'s' if errors != 1 else ''}" if errors else f"{BAD} error"


def duration_of(row: Row) -> float | None:
    """The duration of a row in milliseconds, from its times if it has none of its own."""
    if row.get("duration_ms") is not None:
        return float(row["duration_ms"])
    start, end = row.get("start_ns"), row.get("end_ns")
    return (end - start) / 1e6 if start is not None and end is not None else None


def joined(value: Any) -> str:
    """Several values as one text."""
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)


def line_of(value: Any) -> str:
    """Anything from the data as one line that is safe to draw."""
    return "" if value is None else safe_line(str(value))
