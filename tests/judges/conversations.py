"""Traces of small conversations with tools, written as Parquet, and an engine over them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from traceview.sources.parts import write_part
from traceview.store.interface import Engine
from traceview.store.open import open_engine

BASE_NS = 1_790_000_000_000_000_000
SECOND = 1_000_000_000


def trace(
    name: str,
    question: str,
    answer: str | None,
    *,
    thread: str | None = None,
    at: int = 0,
    found: str = "",
    documents: list[dict[str, Any]] | None = None,
    more: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """An agent that searches and answers: root `NAME.r`, model call `.m`, tool `.t`, retriever `.d`."""

    def span(end: str, kind: str, after: int, **columns: Any) -> dict[str, Any]:
        start = BASE_NS + (at * 100 + after) * SECOND
        parent = None if end == "r" else f"{name}.r"
        return {
            "source": "test", "trace_id": name, "span_id": f"{name}.{end}", "parent_id": parent,
            "name": columns.pop("name", kind), "kind": kind, "status": "ok", "start_ns": start,
            "end_ns": start + SECOND, "thread_id": thread, **columns,
        }  # fmt: skip

    said = json.dumps([{"role": "user", "content": question}])
    spans = [
        span("r", "agent", 0, name="assistant", input_text=question, output_text=answer, **(more or {})),
        span("t", "tool", 1, name="search_knowledge", tool_name="search_knowledge",
             input_text=json.dumps({"q": question}), output_text=found, tool_args=json.dumps({"q": question}),
             tool_result=found),
        span("m", "llm", 3, model="claude-x", input_messages=said, input_text=said,
             output_text=answer, input_tokens=10, output_tokens=5),
    ]  # fmt: skip
    if documents is not None:
        listed = json.dumps(documents)
        spans.insert(
            1,
            span(
                "d",
                "retriever",
                2,
                name="retrieve",
                input_text=question,
                output_text=listed,
                documents=listed,
            ),
        )
    return spans


def write(folder: Path, *traces: list[dict[str, Any]]) -> Path:
    """The traces as one part of a store."""
    folder.mkdir(exist_ok=True, parents=True)
    return write_part([span for one in traces for span in one], folder, "part")


@contextmanager
def opened(path: Path) -> Iterator[Engine]:
    """An engine over a file that has read everything."""
    engine = open_engine([str(path)])
    try:
        engine.wait_ready()
        yield engine
    finally:
        engine.close()


def talk() -> list[list[dict[str, Any]]]:
    """Three traces of one conversation, one alone, one of another conversation; the second of `c1` is disputed."""
    return [
        trace("t1", "Where is the guide?", "See https://d.io/a", thread="c1", at=0, found="https://d.io/a"),
        trace("t2", "And the price?", "It is 4.", thread="c1", at=1, found="price: 4"),
        trace("t3", "That's wrong.", "Sorry, it is 5.", thread="c1", at=2, found="price: 5"),
        trace("t4", "Hello?", "Hello!", at=3, documents=[{"id": "d1", "text": "a page", "score": 0.5}]),
        trace("t5", "Bye", "Bye!", thread="c2", at=4),
    ]
