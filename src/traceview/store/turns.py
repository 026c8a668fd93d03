"""A turn of a conversation, and what tells the messages of model calls apart. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from traceview.model.messages import Document, Message, Part, SpanPayload
from traceview.store.interface import Row
from traceview.text.binary import binary_words

ATTACHMENT_LIMIT = 2_000
"""Characters of a part that is neither text nor binary; how many more there are is said."""

TurnRole = Literal["system", "user", "assistant", "reasoning", "aside", "tool", "retrieval", "agent"]


class Turn(Struct, frozen=True):
    """One thing that was said or done.

    `payload_state` says what the recorder of that span did not keep whole, and stands beside its figures.
    `number` counts the turns of the conversation: a user message and what answers it share one, from 1.
    `span_id` is the span it was read from. `duration_ms`, tokens and `cost_usd` belong to that span and are
    given once, on its first turn. `arguments` and `result` are JSON values where they parse, else text.
    `earlier` is True for history that only the input of the trace's first call tells: when it was said and what
    it cost is not known, so these turns have no time and no figures.

    An `agent` is a sub-agent: what it was asked, did and answered follows as turns that are `within` its span, as does
    what a tool asked of a model. `within` are the ids of such spans, outermost first; `text` is the agent's name.
    `attachments` are the images, files and other parts that are no text, in words.

    An `aside` is what a model said that was no part of the conversation, as a router or a check does: neither the
    trace's output nor told to any later call, and under another prompt; `tool` is the name of its span.
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
    prompt_inferred: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    error: str | None = None
    payload_state: str | None = None
    earlier: bool = False
    within: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()


def prompted(span: Row, payload: SpanPayload) -> tuple[str | None, str]:
    """What tells the calls of one part of an application from another's: the prompt's name, the system prompt."""
    systems = " ".join(normal(one.text) for one in payload.input_messages if one.role == "system")
    return span.get("prompt_name"), systems


class Question(NamedTuple):
    """The newest words of the user in the input of a call, and what was said before the answer before them."""

    whole: str
    history: tuple[Message, ...]


def newest_question(messages: Sequence[Message]) -> Question | None:
    """The newest words of the user; None where the user says nothing."""
    at = max((at for at, one in enumerate(messages) if one.role == "user" and whole_text(one)), default=None)
    if at is None:
        return None
    own = max((before + 1 for before in range(at) if messages[before].role == "assistant"), default=0)
    return Question(whole_text(messages[at]), tuple(messages[:own]))


_KEPT_CHARACTERS = 20_000
"""Longer texts are not kept."""


def given_messages(payload: SpanPayload) -> tuple[Message, ...]:
    """What a call was given; a text alone is the user's."""
    if not payload.input_messages and payload.input_text:
        return (Message("user", (Part("text", payload.input_text),)),)
    return payload.input_messages


def whole_text(message: Message) -> str:
    """What tells a message from others: its text and what is attached to it."""
    return normal("\n".join((message.text, *attached(message))))


def attached(message: Message) -> tuple[str, ...]:
    """The parts of a message that are no text, in words."""
    return tuple(
        _cut(binary_words(part.raw if part.raw is not None else part.content))
        for part in message.parts
        if part.type in ("blob", "uri", "file", "unknown")
    )


def _cut(text: str) -> str:
    if len(text) <= ATTACHMENT_LIMIT:
        return text
    return f"{text[:ATTACHMENT_LIMIT]}… ({ATTACHMENT_LIMIT:,} of {len(text):,} characters)"


def normal(text: str) -> str:
    """A text with every white space as one blank."""
    return _normal(text) if len(text) <= _KEPT_CHARACTERS else " ".join(text.split())


@lru_cache(maxsize=512)
def _normal(text: str) -> str:
    """The same, kept: the calls of a conversation repeat what was said before."""
    return " ".join(text.split())


def tool_name_of(span: Row, payload: SpanPayload) -> str | None:
    """The name of the tool that a span calls."""
    return (
        span.get("tool_name") or (payload.tool.name if payload.tool is not None else None) or span.get("name")
    )


def error_of(span: Row) -> str | None:
    """What went wrong in a span; None if nothing did."""
    if span.get("status") != "error":
        return None
    return span.get("error_message") or span.get("error_type") or "error"
