"""What the tests of stores share: spans as OTLP lines, and what an opened store says."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from traceview.store.open import open_engine
from traceview.store.source_info import SourceInfo

START = 1_790_000_000_000_000_000


def span(number: int, **more: Any) -> dict[str, Any]:
    """A span of OTLP, four of them a trace."""
    return {
        "traceId": f"{number // 4 + 1:032x}",
        "spanId": f"{number + 1:016x}",
        "name": f"span {number}",
        "startTimeUnixNano": str(START + number * 1_000_000),
        "endTimeUnixNano": str(START + number * 1_000_000 + 500),
        **more,
    }


def otlp(path: Path, spans: Iterable[dict[str, Any]]) -> Path:
    """A file with one request a line, one span in each."""
    lines = (json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}) for one in spans)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def info(*sources: Path | str) -> SourceInfo:
    """What `info` tells of sources."""
    engine = open_engine([str(source) for source in sources])
    try:
        engine.wait_ready()
        return engine.info()
    finally:
        engine.close()


def ask(source: Path | str, query: str, *more: Path | str) -> list[tuple[Any, ...]]:
    """The rows of a query over the views of a source."""
    engine = open_engine([str(source), *map(str, more)])
    try:
        engine.wait_ready()
        return [tuple(row) for row in engine.sql(query).rows]
    finally:
        engine.close()
