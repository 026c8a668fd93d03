"""The conversation of a trace as it went to the model for the last time, and what came back. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from traceview.exports.training.chat import ChatMessage, Unwritable, chat_messages, offered_tools, unanswered
from traceview.model.messages import SpanPayload
from traceview.store.interface import Row
from traceview.store.turns import normal


class Conversation(Struct, frozen=True):
    """What the model was given (`prompt`, `tools`), and what it said: one message of the assistant."""

    span_id: str
    prompt: list[ChatMessage]
    output: ChatMessage
    tools: list[dict[str, Any]]


def answering_call(calls: Sequence[SpanPayload], root: SpanPayload | None) -> int | None:
    """The number of the call that gave the trace's output: the last with that text, else the last one; None if none.

    What a check or a title asks of a model after the answer is not taken for it.
    """
    answer = normal((root.output_text if root is not None else None) or "")
    saying = [at for at, call in enumerate(calls) if answer and normal(call.output_text or "") == answer]
    found = saying or range(len(calls))
    return found[-1] if found else None


def conversation_of(span: Row, payload: SpanPayload) -> Conversation:
    """The conversation of one call. Raises Unwritable."""
    if state := span.get("payload_state"):
        raise Unwritable(f"the recorder did not keep the texts: {state}")
    if not payload.input_messages:
        raise Unwritable("no messages")
    prompt = chat_messages(payload.input_messages)
    if not prompt:
        raise Unwritable("no messages")
    if unanswered(prompt):
        raise Unwritable("a call of a tool has no result")
    said = [one for one in chat_messages(payload.output_messages) if one["role"] == "assistant"]
    if not said and payload.output_text and payload.output_text.strip():
        said = [{"role": "assistant", "content": payload.output_text}]
    if not said:
        raise Unwritable("no output")
    return Conversation(span["span_id"], prompt, said[0], offered_tools(payload.attributes))
