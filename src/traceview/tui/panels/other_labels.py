"""What others said of an item, as lines of the annotate panel: one below the other, or side by side to decide. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from traceview.model.definitions import FeedbackDefinition
from traceview.model.labels import NOT_APPLICABLE, RESERVED_NAMES, LabelRow, LabelValue
from traceview.text.safe import safe_line
from traceview.tui import glyphs
from traceview.tui.widgets.lines import Line, Part, cut, line_width, wrapped

SIDES = 2
"""People side by side."""
LONGEST_REASON = 8
"""Lines of what one of them wrote."""


def value_part(value: LabelValue) -> Part:
    """A value as it is drawn."""
    if value is True:
        return ("✓ pass", "good")
    if value is False:
        return ("✗ fail", "error")
    if value == NOT_APPLICABLE:
        return ("n/a", "dim")
    text = (
        ", ".join(value)
        if isinstance(value, tuple)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
    return (safe_line(text), "accent")


def differ(others: Sequence[LabelRow], name: str) -> bool:
    """Whether people gave different values under a name."""
    values = {
        (isinstance(row.value, bool), row.value)
        for row in others
        if row.source == "human" and row.name == name
    }
    return len(values) > 1


def other_lines(
    others: Sequence[LabelRow], cells: int, *, blind: bool, without: FeedbackDefinition | None = None
) -> list[Line]:
    """What people and machines other than oneself said, people first; not what `side_lines` shows of a definition."""
    rows = [row for row in others if row.name not in RESERVED_NAMES or row.value]
    if without is not None:
        rows = [row for row in rows if row.source != "human" or row.name not in (without.name, "note")]
    if blind:
        return [[("", None)], [(" blind: labels of others are hidden", "dim")]]
    if not rows:
        return []
    rows.sort(key=lambda row: (row.source != "human", row.name, row.source, row.annotator))
    lines: list[Line] = [[("", None)], [(" others", "dim")]]
    for row in rows:
        who = f"  {row.source} {safe_line(row.annotator)}"
        lines.append(cut([(f"  {safe_line(row.name)} ", None), value_part(row.value), (who, "faint")], cells))
    return lines


def side_lines(definition: FeedbackDefinition | None, others: Sequence[LabelRow], cells: int) -> list[Line]:
    """What each person said under a definition, side by side: who, the value, the reason, the note on the item."""
    if definition is None:
        return []
    said = sorted(
        (row for row in others if row.source == "human" and row.name == definition.name),
        key=lambda row: row.annotator,
    )
    if not said:
        return []
    width = (cells - 2) // min(SIDES, len(said)) - 1
    lines: list[Line] = [[("", None)]]
    for start in range(0, len(said), SIDES):
        columns = [_column(row, others, width) for row in said[start : start + SIDES]]
        for parts in zip_longest(*columns, fillvalue=()):
            line: list[Part] = [(" ", None)]
            for number, part in enumerate(parts):
                if number:
                    line.append((glyphs.RAIL, "faint"))
                line += [*part, (" " * (width - line_width(part)), None)]
            lines.append(line)
    return lines


def _column(row: LabelRow, others: Sequence[LabelRow], width: int) -> list[Line]:
    notes = [
        one
        for one in others
        if one.source == "human" and one.name == "note" and one.annotator == row.annotator
    ]
    column: list[Line] = [
        cut([(safe_line(row.annotator), "title")], width),
        cut([value_part(row.value)], width),
    ]
    texts = [row.reason, *(str(one.value) for one in notes if one.value)]
    for text in filter(None, texts):
        column += wrapped(safe_line(" ".join(text.split())), max(8, width), "dim", LONGEST_REASON)
    if not any(texts):
        column.append(cut([("no reason given", "faint")], width))
    return column
