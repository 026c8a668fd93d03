"""What is said of a turn: what it took, and how long after the one before it began. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from traceview.store.turns import Turn
from traceview.text import human
from traceview.tui.rows import error_words
from traceview.tui.span_blocks import versions_told

Row = dict[str, Any]

GAP_MS = 60_000
"""A turn that begins so much later than the one before ended says so."""
DAY = 86_400


def turn_figures(traces: Sequence[Row], *, blind: bool = False, short_form: bool = False) -> list[str]:
    """What a turn took: latency, tokens, cost, prompt version, errors; in the short form latency and version."""
    if not traces:
        return []
    durations = [row["duration_ms"] for row in traces if row.get("duration_ms") is not None]
    figures = [human.duration(sum(durations)) if durations else ""]
    if not short_form:
        figures.append(_tokens([(row.get("input_tokens"), row.get("output_tokens")) for row in traces]))
        costs = [row["cost_usd"] for row in traces if row.get("cost_usd") is not None]
        figures.append(
            human.money(sum(costs), unknown=sum(row.get("uncosted") or 0 for row in traces)) if costs else ""
        )
    if not blind:
        versions = dict.fromkeys(version for row in traces for version in versions_told(row))
        figures.append(", ".join(one.rpartition("@")[2] if short_form else one for one in versions))
    errors = sum(row.get("leaf_errors") or row.get("errors") or 0 for row in traces)
    if errors or any(row.get("status") == "error" for row in traces):
        figures.append(error_words(errors))
    return [figure for figure in figures if figure and figure != human.ABSENT]


def time_since(before: Sequence[Row], first: Turn) -> str:
    """How long after the turn before this one began, and on which day; empty right after it."""
    ends = [row["end_ns"] for row in before if row.get("end_ns") is not None]
    starts = [row["start_ns"] for row in before if row.get("start_ns") is not None]
    if first.start_ns is None or not (ends or starts):
        return ""
    parts = []
    days = (_day(first.start_ns) - _day(max(starts or ends))).days
    if days > 0:
        parts.append("the next day" if days == 1 else f"{days:,} days later")
    ms = (first.start_ns - max(ends or starts)) / 1e6
    if ms >= GAP_MS and days <= 1:
        parts.append(f"{_words(ms)} later")
    if ms < 0 and first.start_ns < min(starts or ends):
        parts.append("its clock says before the turn above")
    return ", ".join(parts)


def _words(ms: float) -> str:
    """A gap in one unit."""
    seconds = int(ms / 1000)
    for size, unit in ((DAY, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:,} {unit}"
    return f"{seconds} s"


def _day(ns: int) -> Any:
    return datetime.fromtimestamp(ns / 1e9).astimezone().date()


def _tokens(pairs: Sequence[tuple[int | None, int | None]]) -> str:
    before = [pair[0] for pair in pairs if pair[0] is not None]
    after = [pair[1] for pair in pairs if pair[1] is not None]
    return human.tokens(sum(before) if before else None, sum(after) if after else None)
