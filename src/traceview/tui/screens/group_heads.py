"""What stands over a table of groups: what is counted, and why it is not there yet. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from traceview.store.stats import group_fields, unit_of
from traceview.tui.figures import UNIT_WORDS
from traceview.tui.widgets.lines import Part, line_width

if TYPE_CHECKING:
    from traceview.store.interface import EngineStatus
    from traceview.tui.screens.group_asking import Found


OVERLAPS = ("a trace can be in several groups", "groups overlap", "overlap")
"""From the longest to the shortest."""


def about_parts(described: Sequence[Part], found: Found | None, by: Sequence[str], cells: int) -> list[Part]:
    """What the groups are, of what durations and failures are, and whether groups overlap; in so many cells."""
    unit = UNIT_WORDS[unit_of(group_fields(by))]
    parts: list[Part] = [*described, ("   n ", "dim"), ("traces", None)]
    if unit != "traces":
        parts += [(", failed and times of ", "dim"), (unit, None)]
    if found is not None and found.overlapping:
        said = next((one for one in OVERLAPS if line_width(parts) + 3 + len(one) <= cells), OVERLAPS[-1])
        parts += [("   ", None), (said, "warning")]
    return parts


def waiting_text(status: EngineStatus | None) -> str:
    """`counting`, or `after indexing, 42 %` while the index is not ready."""
    if status is None or status.phase not in ("indexing", "converting"):
        return "counting"
    share = f", {status.progress * 100:.0f} %" if status.progress is not None else ""
    return f"after {status.phase}{share}"
