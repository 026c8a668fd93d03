"""Where traces go wrong: the last good step against the first bad one, counted over what people marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow
from traceview.store.interface import CancelToken, Engine

START = "(start)"
"""The last good step where the first step is the bad one."""


class Transition(Struct, frozen=True):
    """How often the step `bad` went wrong right behind the step `good`, and in which traces."""

    good: str
    bad: str
    trace_ids: tuple[str, ...]


class Transitions(Struct, frozen=True):
    """Every pair of steps, the most frequent first, of `marked` traces; `missing` marks are on spans that are gone."""

    rows: tuple[Transition, ...]
    marked: int
    missing: int


def transitions(engine: Engine, current: Iterable[LabelRow], token: CancelToken | None = None) -> Transitions:
    """Count the steps around the first bad span of each trace, from current rows of any kind.

    A step is a model call, a tool by its name, a retrieval; an agent or chain around steps is one only if it is marked.
    The last good step is the one that began last before the marked one. Different marks on one trace count each.
    """
    marks = [row for row in current if row.name == "first_bad" and row.source == "human"]
    pairs: dict[tuple[str, str], list[str]] = {}
    missing = 0
    spans_of: dict[str, Sequence[dict[str, Any]]] = {}
    seen: set[tuple[str, str]] = set()
    for row in marks:
        trace_id, span_id = row.target.trace_id, str(row.value)
        if trace_id is None or (trace_id, span_id) in seen:
            continue
        seen.add((trace_id, span_id))
        if trace_id not in spans_of:
            try:
                spans_of[trace_id] = engine.trace(trace_id, token).spans
            except BadInput:
                spans_of[trace_id] = ()
        pair = _around(spans_of[trace_id], span_id)
        if pair is None:
            missing += 1
        else:
            pairs.setdefault(pair, []).append(trace_id)
    rows = [Transition(good, bad, tuple(dict.fromkeys(ids))) for (good, bad), ids in pairs.items()]
    rows.sort(key=lambda one: (-len(one.trace_ids), one.good, one.bad))
    return Transitions(tuple(rows), len({trace_id for trace_id, _ in seen}), missing)


def _around(spans: Sequence[dict[str, Any]], span_id: str) -> tuple[str, str] | None:
    good = START
    for span in spans:
        if str(span["span_id"]) == span_id:
            return good, step_of(span)
        if span.get("kind") not in ("agent", "chain") and not span.get("duplicate_of"):
            good = step_of(span)
    return None


def step_of(span: dict[str, Any]) -> str:
    """What a span is called as a step: its kind, and its tool or name where that tells more."""
    kind = str(span.get("kind") or "unknown")
    if kind in ("llm", "embedding"):
        return kind
    name = span.get("tool_name") or span.get("name")
    return f"{kind} {name}" if name else kind
