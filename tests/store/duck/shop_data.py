"""A few spans written as Parquet, and an engine over them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from traceview.sources.parts import write_part

BASE_NS = 1_790_000_000_000_000_000
SECOND = 1_000_000_000


def span(
    trace: str,
    span_id: str,
    parent: str | None = None,
    kind: str = "chain",
    start: float | None = 0.0,
    seconds: float | None = 1.0,
    **more: Any,
) -> dict[str, Any]:
    """One canonical row; `start` is in seconds after a fixed day."""
    row = {
        "source": "test",
        "trace_id": trace,
        "span_id": span_id,
        "parent_id": parent,
        "name": more.pop("name", kind),
        "kind": kind,
        "status": more.pop("status", "ok"),
        "start_ns": None if start is None else BASE_NS + int(start * SECOND),
        "end_ns": None if start is None or seconds is None else BASE_NS + int((start + seconds) * SECOND),
    }
    return {**row, **more}


def write(directory: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    """A canonical Parquet part."""
    directory.mkdir(exist_ok=True, parents=True)
    return write_part(rows, directory, name)


def shop() -> list[dict[str, Any]]:
    """Four traces in two threads: an error below an agent, two prompt versions, tools, a model without a price."""
    return [
        span("t1", "a", None, "agent", 0, 5, thread_id="th1", user_id="u_1", prompt_name="support",
             prompt_version="v1", input_text="Where is my order?", output_text="It is on its way.", tags=["vip", "eu"]),
        span("t1", "b", "a", "llm", 1, 1, model="claude-x", provider="anthropic", input_tokens=100, output_tokens=10,
             cost_usd=0.01, ttft_ms=300.0, input_text="Where is my order?", output_text="Let me look. 100% sure"),
        span("t1", "c", "a", "tool", 2, 1, tool_name="get_order", input_text="{}", output_text="shipped",
             attributes='{"customer_tier": "gold", "n": 3, "a.b": "x"}'),
        span("t2", "a", None, "agent", 100, 20, thread_id="th1", prompt_name="support", prompt_version="v2",
             status="error", input_text="no, I meant the OTHER order", output_text=None, user_id="u_1"),
        span("t2", "b", "a", "tool", 101, 1, status="error", tool_name="get_order", error_type="HTTPError",
             error_message="503 try again [later]"),
        span("t2", "c", "a", "llm", 103, 1, model="gpt-y", input_tokens=2000, output_tokens=20, environment="prod"),
        span("t3", "a", None, "llm", 200, 1, thread_id="th2", model="claude-x", input_tokens=5, output_tokens=1,
             input_text="hi", output_text="hello_world"),
        span("t4", "a", None, "chain", 300, None, input_text="alone"),
    ]  # fmt: skip
