"""A thread or a trace as a person reads it: turns in order of time, every text once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from traceview.model.messages import Document, SpanPayload

TurnRole = Literal["system", "user", "assistant", "reasoning", "tool", "retrieval"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing that was said or done.

    `number` counts the turns of the conversation: a user message and what answers it share one, from 1.
    `span_id` is the span it was read from. `duration_ms`, tokens and `cost_usd` belong to that span and are
    given once, on its first turn. `arguments` and `result` are JSON values where they parse, else text.
    """

    role: TurnRole
    text: str
    trace_id: str
    span_id: str
    number: int = 0
    start_ns: int | None = None
    duration_ms: float | None = None
    tool: str | None = None
    arguments: Any = None
    result: Any = None
    documents: tuple[Document, ...] = ()
    model: str | None = None
    prompt_name: str | None = None
    prompt_version: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    error: str | None = None


def transcript(traces: Sequence[tuple[Sequence[dict[str, Any]], Sequence[SpanPayload]]]) -> tuple[Turn, ...]:
    """The turns of traces in order of time; each trace is its span rows and their payloads, in the same order.

    User and assistant texts stand once each: the history that later calls repeat is not shown again. Duplicate
    spans of one model call are left out. One trace without a thread works the same.
    """
    return ()
