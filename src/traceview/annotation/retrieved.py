"""Retrieved documents: those of spans, and how relevant people found them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from traceview.analysis.retrieval import Ranking
from traceview.annotation.session_state import SessionState
from traceview.model.definitions import FeedbackDefinition
from traceview.model.labels import LabelRow, LabelValue, Target, document_keys, document_target
from traceview.store.interface import CancelToken, Engine

FIGURE_WORDS = {
    "precision": "precision@{}",
    "recall": "recall@{}",
    "ndcg": "nDCG@{}",
    "hit_rate": "hit rate@{}",
    "reciprocal_rank": "MRR@{}",
}
"""What people call the figures of rankings at k."""

RETRIEVERS = "kind:retriever,reranker"
"""The spans whose documents are asked about, unless a filter names a kind."""
AT_ONCE = 256
"""Spans, or traces, that are read with one question."""

Row = dict[str, Any]


def documents_of(
    engine: Engine, spans: Sequence[Row], token: CancelToken | None = None
) -> Iterator[tuple[Row, tuple[Target, ...]]]:
    """Each span with the documents that it retrieved, in their order; one that comes twice is where it came first."""
    for start in range(0, len(spans), AT_ONCE):
        some = spans[start : start + AT_ONCE]
        for span, payload in zip(some, engine.payloads(some, token), strict=True):
            keys = dict.fromkeys(document_keys(one.id for one in payload.documents))
            yield (
                span,
                tuple(document_target(str(span["trace_id"]), str(span["span_id"]), key) for key in keys),
            )


class Judged(Struct, frozen=True):
    """What people said of retrieved documents. `gains` are 0 and more, by document; `disputed` have as many voices for
    as against, and count as not judged."""

    gains: Mapping[Target, float]
    disputed: int


def judged(rows: Iterable[LabelRow], definition: FeedbackDefinition) -> Judged:
    """How relevant each document is by the current rows of people: of several by what most of them said.

    A boolean is 1 or 0; a number is how far it is above the least of its scale; "does not apply" is no judgement.
    """
    least = definition.minimum or 0.0
    voices: dict[Target, list[float]] = defaultdict(list)
    for row in rows:
        if row.source == "human" and row.name == definition.name and row.target.document is not None:
            gain = _gain(row.value, least)
            if gain is not None:
                voices[row.target].append(gain)
    gains: dict[Target, float] = {}
    disputed = 0
    for target, given in voices.items():
        if definition.type == "numerical":
            gains[target] = sum(given) / len(given)
        elif 2 * sum(given) == len(given):
            disputed += 1
        else:
            gains[target] = float(2 * sum(given) > len(given))
    return Judged(gains, disputed)


def rankings(
    engine: Engine, found: Judged, *, only: Iterable[Target] | None = None, token: CancelToken | None = None
) -> tuple[list[Ranking], int]:
    """The retrievals that have a judged document, with what was said of each; how many are not in the source any more.

    With `only` (spans) no others.
    """
    spans = {(target.trace_id or "", target.span_id or "") for target in found.gains}
    if only is not None:
        spans &= {(target.trace_id or "", target.id) for target in only}
    traces = sorted({trace for trace, _ in spans} - set(_gone(engine, {trace for trace, _ in spans}, token)))
    told: list[Ranking] = []
    for start in range(0, len(traces), AT_ONCE):
        for detail in engine.traces(traces[start : start + AT_ONCE], token):
            own = [row for row in detail.spans if (str(row["trace_id"]), str(row["span_id"])) in spans]
            for span, documents in documents_of(engine, own, token):
                gains = tuple(found.gains.get(one) for one in documents)
                if any(gain is not None for gain in gains):
                    thread = detail.trace.get("thread_id")
                    told.append(Ranking(gains, str(span["span_id"]), str(thread or detail.trace["trace_id"])))
    return told, len(spans) - len(told)


def session_rankings(state: SessionState, definition: FeedbackDefinition) -> list[Ranking]:
    """The retrievals of a session with what its annotator said of each document, in their order.

    Only a session that asked about every document of a retrieval knows its ranking.
    """
    least = definition.minimum or 0.0
    gains: dict[tuple[str, str], list[float | None]] = defaultdict(list)
    for item in state.items:
        if item.repeat_of is None and item.target.document is not None:
            value = state.values_at(item.position).get(definition.name)
            place = (item.target.trace_id or "", item.target.span_id or "")
            gains[place].append(_gain(value, least))
    return [
        Ranking(tuple(found), span, trace)
        for (trace, span), found in gains.items()
        if any(one is not None for one in found)
    ]


def _gone(engine: Engine, traces: Iterable[str], token: CancelToken | None) -> list[str]:
    asked = [Target("trace", trace, trace) for trace in traces]
    return [target.id for target in engine.missing(asked, token)]


def _gain(value: LabelValue, least: float) -> float | None:
    if isinstance(value, bool):
        return float(value)
    return max(0.0, float(value) - least) if isinstance(value, int | float) else None
