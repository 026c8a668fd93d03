"""Where the facts of answers come from, for `show` and for lists."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from traceview.store.interface import Engine, TraceDetail
    from traceview.store.provenance import Origin, Provenance
    from traceview.text.facts import Fact


def provenance_of(engine: Engine, detail: TraceDetail) -> Provenance:
    """What tells the origin of the facts of one trace."""
    from traceview.store.provenance import Provenance

    return Provenance(detail.spans, engine.payloads(detail.spans))


def fact_json(fact: Fact) -> dict[str, Any]:
    """A fact as `show --json` lists it under `unsourced`."""
    return {"kind": fact.kind, "text": fact.text, "key": fact.key, "start": fact.start, "end": fact.end}


def facts_json(provenance: Provenance) -> Iterator[dict[str, Any]]:
    """Every fact of the answer as `show --facts --json` prints it, one a line; `origin` is null for nowhere."""
    for fact in provenance.facts():
        origin = provenance.origin(fact)
        operands = provenance.operands(fact) if origin is None else None
        yield fact_json(fact) | {
            "origin": None if origin is None else _origin_json(origin),
            "computed_from": None if operands is None else [one.text for one in operands],
        }


def _origin_json(origin: Origin) -> dict[str, Any]:
    return {
        "span_id": origin.span_id,
        "field": origin.field,
        "role": origin.role,
        "offset": origin.offset,
        "excerpt": origin.excerpt,
    }


def fact_lines(detail: TraceDetail, provenance: Provenance) -> Iterator[str]:
    """The facts of the answer as text lines, safe to print: kind, text, and the span where it first appeared."""
    from traceview.text.safe import safe_line

    if provenance.answer is None:
        yield "no answer"
        return
    spans = {span["span_id"]: span for span in detail.spans}
    facts = provenance.facts()
    yield f"answer of [{safe_line(detail.spans[provenance.answer.span]['span_id'])}]  {len(facts):,} facts"
    for fact in facts:
        origin = provenance.origin(fact)
        if origin is not None:
            span = spans[origin.span_id]
            where = f"{span['kind']} {span['name']}  {origin.field} ({origin.role})  [{origin.span_id}]"
        else:
            operands = provenance.operands(fact)
            where = "nowhere"
            if operands is not None:
                where = f"nowhere; computed from {operands[0].text} and {operands[1].text}"
        yield f"{fact.kind:<7}{safe_line(fact.text)}  ← {safe_line(where)}"


def derived(engine: Engine, field: str) -> None:
    """Find a figure of all traces, with its progress on a terminal's stderr."""
    import threading

    shown = sys.stderr.isatty()
    ended = threading.Event()

    def say() -> None:
        while not ended.wait(0.2):
            sys.stderr.write(f"\r\x1b[K{engine.status().message or ''}")
            sys.stderr.flush()
        sys.stderr.write("\r\x1b[K")

    thread = threading.Thread(target=say, daemon=True)
    if shown:
        thread.start()
    try:
        engine.derive(field)
    finally:
        ended.set()
        if shown:
            thread.join()
