"""Traces for checks, made of a few words."""

from __future__ import annotations

import json
from typing import Any

from traceview.judges.checks.seen import SeenTrace


def trace(
    answer: str | None = None,
    *calls: dict[str, Any],
    question: str = "",
    next_turn: str | None = None,
    earlier: tuple[str, ...] = (),
    offered: list[str] | None = None,
) -> SeenTrace:
    """An agent that is asked, calls tools one after the other and answers; a call may come `late`."""
    spans: list[dict[str, Any]] = []
    stored: list[dict[str, Any]] = []

    def add(kind: str, name: str, start: int, end: int, row: dict[str, Any], **more: Any) -> None:
        span = {
            "trace_id": "t",
            "span_id": f"s{len(spans)}",
            "parent_id": "s0" if spans else None,
            "kind": kind,
            "name": name,
            "start_ns": start,
            "end_ns": end,
            "status": "ok",
            "error_message": None,
            "tool_name": None,
            "duplicate_of": None,
        }
        spans.append(span | more)
        stored.append(row)

    attributes = {"attributes": json.dumps({"tools": offered})} if offered is not None else {}
    add("agent", "agent", 0, 1000, {"input_text": question, "output_text": answer, **attributes})
    time = 10
    for call in (one for one in calls if not one.get("late")):
        _add_call(add, call, time)
        time += 10
    if answer is not None:
        add("llm", "chat", time, time + 5, {"output_text": answer, "output": answer})
    for call in (one for one in calls if one.get("late")):
        _add_call(add, call, time + 6)
    return SeenTrace(spans, stored, next_turn, earlier)


def call(
    name: str, result: Any = None, args: Any = None, error: str | None = None, **more: Any
) -> dict[str, Any]:
    """A call of a tool, for `trace`."""
    return {"name": name, "result": result, "args": args, "error": error, **more}


def _add_call(add: Any, one: dict[str, Any], time: int) -> None:
    def as_text(value: Any) -> str | None:
        return value if value is None or isinstance(value, str) else json.dumps(value)

    add(
        one.get("kind", "tool"),
        one["name"],
        time,
        time + 5,
        {
            "tool_args": as_text(one["args"]),
            "tool_result": as_text(one["result"]),
            "documents": one.get("documents"),
        },
        tool_name=one["name"],
        status="error" if one["error"] else "ok",
        error_message=one["error"],
    )
