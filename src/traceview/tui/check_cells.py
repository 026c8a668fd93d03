"""The cells of a check that is tried: which targets each holds, what it is called, and the line of figures."""

from __future__ import annotations

from msgspec import Struct

from traceview.analysis.intervals import wilson
from traceview.judges.live_check import LiveResult
from traceview.tui.widgets.lines import Line


class CheckCell(Struct, frozen=True):
    """A cell: people's word (None: whatever) and the check's; `part` is the colour of its name."""

    name: str
    truth: str | None
    said: str
    part: str | None = None


CELLS = (
    CheckCell("fails", None, "fail"),
    CheckCell("passes", None, "pass"),
    CheckCell("n/a", None, "n/a"),
    CheckCell("only the check fails", "pass", "fail", "warning"),
    CheckCell("only people fail", "fail", "pass", "warning"),
    CheckCell("both fail", "fail", "fail", "good"),
    CheckCell("both pass", "pass", "pass", "good"),
    CheckCell("errors", None, "error", "error"),
)
"""The first three are of all targets, the others of those that people labelled, and errors."""


def cells_line(found: LiveResult, at: int, first: int, last: int) -> Line:
    """Some of the cells with their counts on one line, the chosen one marked."""
    parts: Line = [(" ", None)]
    for number in range(first, last):
        cell = CELLS[number]
        count = found.count(cell.truth, cell.said)
        if cell.said == "error" and not count:
            continue
        style = "on" if number == at else cell.part if count else "dim"
        parts = [*parts, (f"{cell.name} {count:,}", style), ("   ", None)]
    return parts


def figures_line(found: LiveResult, metric: str) -> Line:
    """How often the check and people say the same of what both judged, with its interval."""
    matrix = {
        (truth, said): found.count(truth, said) for truth in ("pass", "fail") for said in ("pass", "fail")
    }
    both = sum(matrix.values())
    labelled = sum(cell.count for (truth, _), cell in found.cells.items() if truth)
    if not labelled:
        return [(f" nobody labelled {metric} among these", "dim")]
    same = matrix["pass", "pass"] + matrix["fail", "fail"]
    parts: list[tuple[str, str | None]] = [(f" people on {metric}: {labelled:,} labelled", None)]
    interval = wilson(same, both) if both else None
    if interval is not None:
        low, high = interval
        parts.append((f", {same:,} of {both:,} the same ({low:.2f} to {high:.2f})", None))
    for words, hit, of in (
        ("TPR", matrix["pass", "pass"], matrix["pass", "pass"] + matrix["pass", "fail"]),
        ("TNR", matrix["fail", "fail"], matrix["fail", "fail"] + matrix["fail", "pass"]),
    ):
        parts.append((f"  {words} {hit} of {of}" if of else f"  {words} no label", "dim"))
    return parts
