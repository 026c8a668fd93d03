"""The beginnings of large texts, and one whole text, as the engine reads them from the source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shop_data import shop, write

from traceview.sources.open import open_sources
from traceview.store.duck.connection import Database
from traceview.store.duck.reading import Reader
from traceview.store.duck.source_texts import payloads
from traceview.store.open import open_engine

TRACE = f"{7:032x}"


def source(path: Path, output: str) -> Path:
    span = {
        "traceId": TRACE,
        "spanId": f"{1:016x}",
        "name": "tool",
        "startTimeUnixNano": "1793527200000000000",
        "endTimeUnixNano": "1793527201000000000",
        "attributes": [
            {"key": "openinference.span.kind", "value": {"stringValue": "TOOL"}},
            {"key": "output.value", "value": {"stringValue": output}},
        ],
    }
    path.write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}) + "\n")
    return path


@pytest.mark.parametrize(
    ("output", "cut"),
    [("x" * 5_000, True), ("short", False), ("検" * 900, False), ("検" * 2_000, True), ("{}" * 600, True)],
    ids=["ascii", "short", "few wide", "many wide", "braces"],
)
def test_only_the_beginning_of_a_large_text_is_read(tmp_path: Path, output: str, cut: bool) -> None:
    engine = open_engine([str(source(tmp_path / "one.otlp.jsonl", output))])
    try:
        engine.wait_ready()
        span = engine.trace(TRACE).spans[0]
        ((payload, sizes),) = engine.beginnings([span], 1_000)
        assert payload.output == output[:1_000]
        assert sizes.get("output") == (len(output.encode()) if cut else None)
        assert engine.whole_text(span, "output") == output
        assert engine.whole_text(span, "documents") is None
    finally:
        engine.close()


def test_what_the_row_of_a_span_has_is_what_the_source_says(tmp_path: Path) -> None:
    """A payload takes columns from the span's row: they are the same as when all are read from the source."""
    path = write(tmp_path, "shop", shop())
    engine = open_engine([str(path)])
    database = Database()
    reader = Reader(database, open_sources([str(path)]).relations)
    try:
        engine.wait_ready()
        spans = [span for trace in ("t1", "t2", "t4") for span in engine.trace(trace).spans]
        taken = payloads(database, reader, spans)
        place = ("trace_id", "span_id", "file_no", "row_no")
        read = payloads(database, reader, [{name: span[name] for name in place} for span in spans])
        assert [one.raw for one in taken] == [one.raw for one in read]
        assert list(taken) == list(read)
        assert None in {(one.raw or {})["thread_id"] for one in taken}
    finally:
        engine.close()
        database.close()
