"""A span with its attributes, whatever file it came from -> one canonical row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from traceview.sources.base import CanonicalRow
from traceview.sources.context import context_of
from traceview.sources.dialects import DIALECTS, plain
from traceview.sources.dialects.base import Dialect, Fields, RawSpan, of_steps
from traceview.sources.dialects.shape import Shape, Step, shape_of
from traceview.sources.jsontext import as_text, decoded, dumps
from traceview.sources.kept import Mark, marks_of, payload_state
from traceview.sources.messages import JsonMessage, last_text
from traceview.sources.written_messages import text_of_messages
from traceview.text.preview import spoken

_BY_NAME: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^(chat|text_completion|generate_content) \S+$"), "llm"),
    (re.compile(r"^(anthropic|openai|cohere|mistral)\.(chat|completion)$"), "llm"),
    (re.compile(r"^embeddings \S+$|^openai\.embeddings$"), "embedding"),
    (re.compile(r"^execute_tool \S|\.tool$"), "tool"),
    (re.compile(r"^invoke_agent \S|\.agent$"), "agent"),
    (re.compile(r"\.(workflow|task)$"), "chain"),
)  # fmt: skip
_PROPAGATED = (
    "traceloop.association.", "traceloop.workflow.", "traceloop.entity.path", "session.", "user.", "metadata",
    "tag.", "gen_ai.agent.", "gen_ai.conversation.", "gen_ai.prompt.", "telemetry.", "service.", "deployment.",
    "error.", "logfire.", "thread",
)  # fmt: skip
_MESSAGES = ("input_messages", "output_messages")
_LISTS = ("documents", "scores")


def row_of(span: RawSpan) -> CanonicalRow:
    """The canonical row of a span: the dialects' fields, the first that knows each; `attributes` keeps everything."""
    attributes = span.attributes
    shape = shape_of(attributes)
    asked = _asked(shape, span.events)
    row: Fields = {}
    dialect = None
    for candidate, steps in asked.dialects:
        fields = of_steps(steps, attributes)
        candidate.more(span, shape, fields)
        if dialect is None and fields.get("kind"):
            dialect = candidate.name
        if row:
            _complete(row, fields)
        else:
            row = fields
    row |= context_of(span, shape)
    if row.get("kind") is None:
        own = plain.read(span, shape)
        _complete(row, own)
        if own.get("kind"):
            dialect = "plain"
    named = dialect or asked.named
    row["source"] = f"{span.source}/{named}" if named else span.source
    row["trace_id"] = span.trace_id
    row["span_id"] = span.span_id
    row["parent_id"] = span.parent_id
    row["name"] = span.name
    row["start_ns"] = span.start_ns
    row.setdefault("end_ns", span.end_ns)
    row["scope_name"] = span.scope_name
    if row.get("kind") is None:
        row["kind"] = _kind_by_name(span, shape)
    _status(span, row)
    finish(row, shape.made(marks_of), attributes)
    if span.events:
        row["events"] = dumps(span.events)
    if span.links:
        row["links"] = dumps(span.links)
    row["attributes"] = dumps(attributes)
    row["resource"] = span.resource_json
    return row


class _Asked(NamedTuple):
    """The dialects that know something of a span, each with the steps of its table, and the first that may be named."""

    dialects: list[tuple[Dialect, list[Step]]]
    named: str | None


_NO_EVENTS: frozenset[str] = frozenset()
_MOST_EVENTS = 100


def _asked(shape: Shape, events: Iterable[Mapping[str, Any]]) -> _Asked:
    """Found once for all spans of a shape, and of events whose names begin with the same words."""
    words = frozenset([event["name"].partition(".")[0] for event in events]) if events else _NO_EVENTS
    known = shape.made(_asked_so_far)
    found = known.get(words)
    if found is None:
        if len(known) > _MOST_EVENTS:
            # names of events are whatever a program says
            known.clear()
        families = shape.families | words
        candidates = [one for one in DIALECTS if not one.families.isdisjoint(families)]
        dialects = [
            (one, steps)
            for one in candidates
            if (steps := shape.steps(one.table)) or one.prefixes is None or shape.named(one.prefixes)
        ]
        found = known[words] = _Asked(dialects, candidates[0].name if candidates else None)
    return found


def _asked_so_far(_: Shape) -> dict[frozenset[str], _Asked]:
    return {}


def _complete(row: Fields, fields: Fields) -> None:
    """Add what a row does not have yet."""
    for name, value in fields.items():
        if value is not None and row.get(name) is None:
            row[name] = value


def finish(row: Fields, said: Sequence[Mark] = (), attributes: Mapping[str, Any] | None = None) -> None:
    """Count cached tokens in, write the texts for people, and turn messages, documents and scores into JSON text.

    `said` are the marks of what was not kept among the attributes.
    """
    if row.get("provider"):
        row["provider"] = row["provider"].lower()
    _include_cache(row)
    _texts(row)
    for column in _MESSAGES:
        if column in row:
            row[column] = text_of_messages(row[column]) if row[column] else None
    for column in _LISTS:
        if column in row:
            row[column] = dumps(row[column]) if row[column] else None
    if row.get("payload_state") is None:
        row["payload_state"] = payload_state(row, said, attributes)


def _kind_by_name(span: RawSpan, shape: Shape) -> str:
    """By the name, only of failed spans without attributes of their own: a person's span may be called anything."""
    if span.status == "error" and shape.only(_PROPAGATED):
        for pattern, kind in _BY_NAME:
            if pattern.search(span.name):
                return kind
    return "unknown"


def _status(span: RawSpan, row: Fields) -> None:
    failed = row.pop("level_error", False) or span.status == "error"
    row["status"] = "error" if failed else span.status
    kind = span.attributes.get("error.type")
    message = span.status_message or row.get("error_message")
    for event in span.events:
        if event["name"] == "exception":
            details = event["attributes"]
            kind = kind or details.get("exception.type")
            message = message or details.get("exception.message")
            row["error_stack"] = as_text(details.get("exception.stacktrace"))
    row["error_type"] = as_text(kind)
    row["error_message"] = as_text(message) if failed or kind else None


def _include_cache(row: Fields) -> None:
    """Make input_tokens include cached ones where the writer says, or the numbers show, that it does not."""
    excludes = row.pop("excludes_cache", False)
    tokens = row.get("input_tokens")
    cached = (row.get("cache_read_tokens") or 0) + (row.get("cache_write_tokens") or 0)
    if tokens is not None and cached and (excludes or cached > tokens):
        row["input_tokens"] = tokens + cached


def _texts(row: Fields) -> None:
    """What a person would call the input and the output."""
    kind = row["kind"]
    texts = row.pop("texts_in", None)
    received, sent = row.get("input_messages"), row.get("output_messages")
    value = row.get("tool_args") if kind == "tool" and row.get("tool_args") else row.get("input")
    text = "\n".join(texts) if texts else None
    if text is None and received:
        text = last_text(received, "user")
    if text is None and value:
        text = _plain_text(value) if kind == "tool" else spoken(value, "input")
    row["input_text"] = text or value
    if row.get("output_text") is not None:
        return
    value = row.get("tool_result") if kind == "tool" and row.get("tool_result") else row.get("output")
    text = None
    if kind in ("retriever", "reranker") and row.get("documents"):
        text = "\n\n".join(_document_texts(row["documents"]))
    if not text and sent:
        text = last_text(sent, "assistant") or _calls_text(sent)
    if not text and value:
        text = _plain_text(value) if kind == "tool" else spoken(value, "output")
    if kind == "embedding" and value and '"embedding"' in value:
        # vectors are nothing to read or to search
        value = text = None
    row["output_text"] = text or value


def _plain_text(value: str) -> str:
    """A JSON string without its quotes, anything else as it is."""
    inner = decoded(value, 1) if value.startswith('"') else value
    return inner if isinstance(inner, str) else value


def _document_texts(documents: Iterable[dict[str, Any]]) -> list[str]:
    return [document["text"] for document in documents if document.get("text")]


def _calls_text(messages: Iterable[JsonMessage]) -> str | None:
    """The tool calls of an answer that has no text."""
    calls = [
        f"{part.get('name') or 'tool'}({as_text(part.get('arguments')) or ''})"
        for message in messages
        for part in message["parts"]
        if part["type"] == "tool_call"
    ]
    return "\n".join(calls) or None
