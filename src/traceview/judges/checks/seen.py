"""What a check sees of a trace: its answer, the words of the user, the calls of tools, the next turn. Lazy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from msgspec import Struct

from traceview.model.messages import Message, Part, SpanPayload
from traceview.model.span_rows import column
from traceview.sources.jsontext import as_text, decoded
from traceview.sources.messages import messages_of
from traceview.sources.names import tool_in_name
from traceview.sources.offered_tools import offered_tool_names
from traceview.sources.payload import payload_of
from traceview.store.interface import Row
from traceview.store.provenance import Answer, answer_of, said
from traceview.store.provenance import as_text as json_text
from traceview.store.turns import error_of, given_messages, newest_question
from traceview.text.preview import spoken

CALL_KINDS = ("tool", "retriever", "reranker")
SPOKEN = ("output_text", "output_messages", "output")
CALLED = ("tool_args", "tool_result", "documents", "input", "output", "output_text")
ASKED = ("input_text", "input_messages", "input")
JSON_STARTS = ("{", "[", '"')
OFFERED = ("attributes",)
"""The canonical columns that tell what a span said, what a call of a tool was given and gave, what was asked."""


class ToolCall(Struct, frozen=True):
    """One call of a tool: its span, or where no span tells of it the message that does (`span_id` is the call's).

    Arguments and result are texts, as they are stored; None where nothing is. `error` says what went wrong.
    """

    name: str
    arguments: str | None
    result: str | None
    documents: str | None
    error: str | None
    start_ns: int | None
    end_ns: int | None
    span_id: str
    kind: str = "tool"

    @property
    def results(self) -> tuple[str, ...]:
        """What it gave back; nothing if it failed."""
        if self.error is not None:
            return ()
        return tuple(text for text in dict.fromkeys((self.result, self.documents)) if text)


class SeenTrace:
    """A trace as checks see it. `stored` are the canonical columns of each span, `texts` of SPAN_COLUMNS.

    `next_turn` is what the user said next in the conversation, None if nothing; `earlier_turns` what before, the
    newest first. Both are one line of at most 160 characters.
    """

    def __init__(
        self,
        spans: Sequence[Row],
        stored: Sequence[Mapping[str, Any]],
        next_turn: str | None = None,
        earlier_turns: Sequence[str] = (),
    ) -> None:
        self.spans = spans
        self.stored = stored
        self.next_turn = next_turn
        self.earlier_turns = tuple(earlier_turns)

    @property
    def trace_id(self) -> str:
        """Its id."""
        return str(self.spans[0]["trace_id"]) if self.spans else ""

    def payload(self, at: int, columns: Sequence[str]) -> SpanPayload:
        """The payload of a span, of these columns alone."""
        row = self.stored[at]
        return payload_of({"kind": self.spans[at]["kind"], **{name: row.get(name) for name in columns}})

    def spoken(self, at: int) -> SpanPayload:
        """What a span said, as `payload` tells it, in a third of the time."""
        row, kind = self.stored[at], self.spans[at]["kind"]
        output = as_text(row.get("output"))
        text = as_text(row.get("output_text"))
        messages: tuple[Message, ...] = ()
        if row.get("output_messages"):
            messages = messages_of(row["output_messages"], "assistant")
        elif kind == "llm" and output and output.strip():
            if output.lstrip()[0] in JSON_STARTS:
                messages = messages_of(output, "assistant")
            else:
                messages = (Message("assistant", (Part("text", output),)),)
        if text is None and output and not messages:
            text = spoken(output, "output") or output
        return SpanPayload("", "", None, output, None, text, (), messages, (), None, {}, (), {}, {})

    @cached_property
    def _answer(self) -> Answer | None:
        return answer_of(self.spans, self.spoken)

    @property
    def answer(self) -> str | None:
        """The text of the answer; None if nothing was answered."""
        return self._answer.text if self._answer is not None else None

    @cached_property
    def answered_ns(self) -> int | None:
        """When the answer ended; None without one, and where times are not known."""
        if self._answer is None:
            return None
        made = self.spans[self._answer.span]
        end = made.get("end_ns")
        return end if end is not None else made.get("start_ns")

    @cached_property
    def root(self) -> int | None:
        """The position of the first span whose parent is not in the trace; None for no spans."""
        known = set(column(self.spans, "span_id"))
        parents = enumerate(column(self.spans, "parent_id"))
        return next((at for at, parent in parents if parent not in known), 0 if self.spans else None)

    @cached_property
    def question(self) -> str:
        """What the user asked in this trace; empty if it is not told."""
        if self.root is None:
            return ""
        for at in (self.root, *(at for at, span in enumerate(self.spans) if span["kind"] == "llm")):
            if self.spans[at]["kind"] != "llm":
                text = as_text(self.stored[at].get("input_text"))
                if text and text.strip():
                    return text
                continue
            found = newest_question(given_messages(self.payload(at, ASKED)))
            if found is not None:
                return found.whole
        return ""

    @cached_property
    def calls(self) -> tuple[ToolCall, ...]:
        """Every call of a tool in order; a tool that only hands its call on to one of that name counts once."""
        found = [
            at
            for at, span in enumerate(self.spans)
            if span["kind"] in CALL_KINDS and not span["duplicate_of"]
        ]
        if not found:
            return self._told_calls()
        names = {self.spans[at]["span_id"]: self._tool_name(at) for at in found}
        return tuple(
            self._call(at, names[self.spans[at]["span_id"]])
            for at in found
            if names.get(self.spans[at].get("parent_id") or "") != names[self.spans[at]["span_id"]]
        )

    @cached_property
    def calls_before_answer(self) -> tuple[ToolCall, ...]:
        """The calls that began before the answer ended; all of them where nothing was answered or times are missing."""
        end = self.answered_ns
        if end is None:
            return self.calls
        return tuple(call for call in self.calls if call.start_ns is None or call.start_ns < end)

    @cached_property
    def asked_for(self) -> tuple[str, ...]:
        """The names of the tools that models asked for, each once."""
        names: dict[str, None] = {}
        for at, span in enumerate(self.spans):
            if span["kind"] == "llm" and not span["duplicate_of"]:
                for message in self.spoken(at).output_messages:
                    names |= {
                        part.name: None for part in message.parts if part.type == "tool_call" and part.name
                    }
        return tuple(names)

    @cached_property
    def offered(self) -> tuple[str, ...]:
        """The names of the tools that the trace says were offered, each once."""
        names: dict[str, None] = {}
        for row in self.stored:
            text = row.get("attributes")
            if isinstance(text, str) and ("tool" in text or "function" in text):
                attributes = decoded(text)
                if isinstance(attributes, Mapping):
                    names |= dict.fromkeys(offered_tool_names(attributes))
        return tuple(names)

    def _tool_name(self, at: int) -> str:
        span = self.spans[at]
        name = span.get("name") or ""
        return span.get("tool_name") or (tool_in_name(name) if span["kind"] == "tool" else name) or name

    def _call(self, at: int, name: str) -> ToolCall:
        span, row = self.spans[at], self.stored[at]
        given, made = row.get("tool_args"), row.get("tool_result")
        return ToolCall(
            name,
            as_text(row.get("input") if given is None else given),
            as_text((row.get("output") or row.get("output_text")) if made is None else made),
            as_text(row.get("documents")),
            error_of(span),
            span.get("start_ns"),
            span.get("end_ns"),
            str(span["span_id"]),
            span["kind"],
        )

    def _told_calls(self) -> tuple[ToolCall, ...]:
        """The calls that only messages tell of: those after the newest words of the user in the last model call."""
        last = next(
            (
                at
                for at in range(len(self.spans) - 1, -1, -1)
                if self.spans[at]["kind"] == "llm" and not self.spans[at]["duplicate_of"]
            ),
            None,
        )
        if last is None:
            return ()
        payload = self.payload(last, (*ASKED, *SPOKEN))
        messages = payload.input_messages
        newest = max((at for at, one in enumerate(messages) if one.role == "user" and one.text), default=-1)
        return tuple(_calls_of((*messages[newest + 1 :], *payload.output_messages), self.spans[last]))


def _calls_of(messages: Sequence[Message], span: Row) -> list[ToolCall]:
    """Calls and their results out of messages, in order of the calls."""
    parts = [part for message in messages for part in message.parts]
    results = {part.call_id: part.response for part in parts if part.type == "tool_call_response"}
    return [
        ToolCall(
            part.name or "",
            None if part.arguments is None else json_text(part.arguments),
            None if results.get(part.call_id) is None else json_text(results[part.call_id]),
            None,
            None,
            None,
            None,
            part.call_id or str(span["span_id"]),
        )
        for part in parts
        if part.type == "tool_call"
    ]


def said_by(trace: SeenTrace, at: int) -> str | None:
    """What one span said, for checks of spans: a model's last message, else its output; None if nothing."""
    payload = trace.spoken(at)
    text = said(payload) if trace.spans[at]["kind"] == "llm" else payload.output_text or payload.output
    return text if text and text.strip() else None
