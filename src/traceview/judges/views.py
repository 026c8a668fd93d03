"""What a judge looks at: the object {span, trace, thread, spans, tool_calls, retrieved} of a target, as JSON values.

docs/judges.md shows a whole one. Scores and labels are no part of it: a judge must not see what others said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from msgspec.structs import asdict

from traceview.model.messages import Message, SpanPayload
from traceview.model.rows import SPAN_COLUMNS, TRACE_COLUMNS
from traceview.sources.jsontext import as_text, decoded
from traceview.store.interface import Row, TraceDetail
from traceview.store.row_json import message_json, row_json
from traceview.store.transcript import transcript
from traceview.store.turns import Turn
from traceview.text.human import rfc3339

_OF_TRACE = tuple(name for name in TRACE_COLUMNS if name not in ("scores", "input_preview", "output_preview"))
_SPOKEN = ("user", "assistant")
_LONG_KEYS = ("user_messages", "messages", "earlier_messages", "transcript")
_TOLD = (*_SPOKEN, "tool", "retrieval", "agent")


class TraceViews:
    """The views of one trace, each made when it is asked for."""

    def __init__(self, detail: TraceDetail, payloads: Sequence[SpanPayload], unread: str = "") -> None:
        """`unread` says which of its texts does not fit into memory, and is missing."""
        self.unread = unread
        self._detail = detail
        self._payloads = payloads

    @property
    def told(self) -> tuple[Sequence[Row], Sequence[SpanPayload]]:
        """Span rows and their payloads, as transcripts read them."""
        return self._detail.spans, self._payloads

    @cached_property
    def turns(self) -> tuple[Turn, ...]:
        """What was said and done in this trace, with what it was told of earlier ones."""
        return transcript([self.told]) if self._detail.spans else ()

    @cached_property
    def spans(self) -> list[dict[str, Any]]:
        """Every span in order of time; duplicates of one model call are left out."""
        return [
            span_view(row, payload)
            for row, payload in zip(self._detail.spans, self._payloads, strict=True)
            if not row.get("duplicate_of")
        ]

    @cached_property
    def trace(self) -> dict[str, Any]:
        """The trace: figures, `input.text` (the newest words of the user), `output.text` (the answer), `messages`."""
        own = [turn for turn in self.turns if not turn.earlier and not turn.within]
        root = self._root
        asked = _last_text(own, "user") or (root.input_text if root else None)
        answered = _last_text(own, "assistant") or (root.output_text if root else None)
        row = self._detail.trace
        return {
            "id": row["trace_id"],
            **row_json(row, _OF_TRACE),
            "user_id": next((span["user_id"] for span in self._detail.spans if span.get("user_id")), None),
            "tags": sorted({tag for span in self._detail.spans for tag in span.get("tags") or ()}),
            "input": {"text": asked},
            "output": {"text": answered},
            "system": next((turn.text for turn in self.turns if turn.role == "system"), None),
            "messages": messages_of(own),
        }

    @cached_property
    def tool_calls(self) -> list[dict[str, Any]]:
        """The calls of tools in order of time, also those that only the messages of a model tell."""
        return tool_calls_of(turn for turn in self.turns if not turn.earlier)

    @cached_property
    def retrieved(self) -> list[dict[str, Any]]:
        """The documents that were found, in order of time."""
        return [
            {**asdict(document), "span_id": row["span_id"], "name": row["name"]}
            for row, payload in zip(self._detail.spans, self._payloads, strict=True)
            if not row.get("duplicate_of")
            for document in payload.documents
        ]

    def span(self, span_id: str) -> dict[str, Any] | None:
        """One span, a duplicate too; None if the trace has none of this id."""
        for row, payload in zip(self._detail.spans, self._payloads, strict=True):
            if row["span_id"] == span_id:
                return span_view(row, payload)
        return None

    @property
    def _root(self) -> SpanPayload | None:
        known = {row["span_id"] for row in self._detail.spans}
        pairs = zip(self._detail.spans, self._payloads, strict=True)
        return next((payload for row, payload in pairs if row.get("parent_id") not in known), None)


def span_view(row: Row, payload: SpanPayload) -> dict[str, Any]:
    """One span: the fields of `spans --json`, `input.text`, `output.text`, messages, documents, tool, attributes."""
    return {
        "id": row["span_id"],
        **row_json(row, SPAN_COLUMNS),
        "input": _side(payload.input_text, payload.input_messages),
        "output": _side(payload.output_text, payload.output_messages),
        "tool": asdict(payload.tool) if payload.tool else None,
        "documents": [asdict(document) for document in payload.documents],
        "metadata": payload.metadata,
        "attributes": payload.attributes,
    }


def thread_view(
    thread_id: str | None,
    turns: Sequence[Turn],
    traces: int,
    needs: frozenset[str] = frozenset(),
    *,
    up_to: str | None = None,
    next_user: str | None = None,
    left_out: int = 0,
) -> dict[str, Any]:
    """A conversation: `messages`, `user_messages`, `transcript`; of a trace's judge as it was when that trace ended.

    `up_to` is that trace: `earlier_messages` are those before it, `next_user` what the user said next. `left_out` are
    earlier traces that were not read. Where `needs` names some `thread.KEY`, the long ones of the others are not made.
    """
    wanted = {one.removeprefix("thread.") for one in needs if one.startswith("thread.")} or set(_LONG_KEYS)
    view: dict[str, Any] = {"id": thread_id, "traces": traces, "left_out": left_out}
    said = messages_of(turns) if wanted & {"user_messages", "messages"} else []
    if "user_messages" in wanted:
        view["user_messages"] = [one for one in said if one["role"] == "user"]
    if "messages" in wanted:
        view["messages"] = said
    if "earlier_messages" in wanted:
        before = (turn for turn in turns if turn.earlier or turn.trace_id != up_to)
        view["earlier_messages"] = messages_of(before) if up_to is not None else []
    if "transcript" in wanted:
        view["transcript"] = transcript_text(turns, left_out)
    view["next_user_message"] = None if next_user is None else {"text": next_user}
    return view


def messages_of(turns: Iterable[Turn]) -> list[dict[str, Any]]:
    """What the user and the assistant said to each other."""
    return [
        {
            "role": turn.role,
            "text": turn.text,
            "attachments": list(turn.attachments),
            "trace_id": turn.trace_id,
            "time": rfc3339(turn.start_ns),
        }
        for turn in turns
        if turn.role in _SPOKEN and not turn.within
    ]


def tool_calls_of(turns: Iterable[Turn]) -> list[dict[str, Any]]:
    """The calls of tools among turns."""
    return [
        {
            "name": turn.tool,
            "arguments": decoded(turn.arguments),
            "result": decoded(turn.result),
            "error": turn.error,
            "span_id": turn.span_id,
            "trace_id": turn.trace_id,
            "time": rfc3339(turn.start_ns),
            "duration_ms": turn.duration_ms,
        }
        for turn in turns
        if turn.role == "tool"
    ]


def transcript_text(turns: Iterable[Turn], left_out: int = 0) -> str:
    """A conversation as text: `[user] ...`, `[assistant] ...`, `[tool] name(arguments) -> result`.

    Instructions and thoughts are left out; lines of a turn after its first are indented.
    """
    lines = [f"[{left_out:,} earlier traces are not shown]"] if left_out else []
    for turn in turns:
        if turn.role not in _TOLD:
            continue
        who = turn.role if not turn.within else f"{turn.role} (sub-agent)"
        if turn.role == "tool":
            text = f"{turn.tool or ''}({as_text(turn.arguments) or ''}) -> {as_text(turn.result) or ''}"
        elif turn.role == "retrieval":
            found = "\n".join(f"- {document.text or document.id or ''}" for document in turn.documents)
            text = f"{turn.text}\n{found}".rstrip()
        else:
            text = "\n".join((turn.text, *(f"[{one}]" for one in turn.attachments))).strip()
        error = f" [error: {turn.error}]" if turn.error else ""
        # What is said cannot pose as a turn of its own: only turns begin at the margin, whatever ends a line.
        lines.append("\n  ".join(f"[{who}] {text}{error}".splitlines()))
    return "\n\n".join(lines)


def next_words(turns: Iterable[Turn]) -> str | None:
    """The first words of the user among the turns of a later trace."""
    return next((turn.text for turn in turns if turn.role == "user" and not turn.within), None)


def _side(text: str | None, messages: Sequence[Message]) -> dict[str, Any]:
    side: dict[str, Any] = {"text": text}
    if messages:
        side["messages"] = [message_json(message) for message in messages]
    return side


def _last_text(turns: Sequence[Turn], role: str) -> str | None:
    return next((turn.text for turn in reversed(turns) if turn.role == role and turn.text.strip()), None)
