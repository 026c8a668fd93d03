"""Canonical messages: the OpenTelemetry GenAI shape, the superset of the other writers' shapes."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

Role = Literal["system", "user", "assistant", "tool"]
PartType = Literal["text", "reasoning", "tool_call", "tool_call_response", "blob", "uri", "file", "unknown"]


class Part(Struct, frozen=True):
    """One part of a message.

    `content` is the text of text and reasoning parts; `call_id`, `name` and `arguments` belong to tool
    calls; `response` to tool results; `raw` keeps blobs, files and unknown parts verbatim.
    """

    type: PartType
    content: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: Any = None
    response: Any = None
    raw: Any = None


class Message(Struct, frozen=True):
    """One message of a model call."""

    role: Role
    parts: tuple[Part, ...]
    finish_reason: str | None = None
    name: str | None = None

    @property
    def text(self) -> str:
        """The text parts joined by newlines."""
        return "\n".join(part.content for part in self.parts if part.type == "text" and part.content)


class Document(Struct, frozen=True):
    """One retrieved document."""

    id: str | None
    text: str | None
    score: float | None = None
    metadata: Any = None


class ToolUse(Struct, frozen=True):
    """The call of a tool span: name, arguments and result, parsed where they were JSON."""

    name: str | None
    call_id: str | None
    arguments: Any
    result: Any


class SpanEvent(Struct, frozen=True):
    """An event of a span; `time_ns` is UTC nanoseconds since the epoch."""

    time_ns: int | None
    name: str
    attributes: dict[str, Any]


class SpanPayload(Struct, frozen=True):
    """Everything large about one span, read from the source file when it is looked at.

    `input` and `output` are the writer's text verbatim; `input_text` and `output_text` what a person
    would read; `raw` is the canonical row as stored.
    """

    trace_id: str
    span_id: str
    input: str | None
    output: str | None
    input_text: str | None
    output_text: str | None
    input_messages: tuple[Message, ...]
    output_messages: tuple[Message, ...]
    documents: tuple[Document, ...]
    tool: ToolUse | None
    metadata: dict[str, Any]
    events: tuple[SpanEvent, ...]
    attributes: dict[str, Any]
    resource: dict[str, Any]
    error_stack: str | None = None
    raw: dict[str, Any] | None = None
