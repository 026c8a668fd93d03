"""What a shared page says, whatever its format: every foreign text redacted and safe to draw."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from traceview.model.labels import LabelRow
from traceview.model.messages import SpanPayload
from traceview.model.span_rows import column
from traceview.model.tree import build_tree
from traceview.store.interface import Row, TraceDetail
from traceview.store.prompts import told
from traceview.store.transcript import transcript
from traceview.store.turns import Turn
from traceview.text import human
from traceview.text.binary import text_without_binary, without_binary
from traceview.text.pretty_json import pretty_json
from traceview.text.safe import safe_block, safe_line

TEXT_LIMIT = 50_000
"""Characters of one text; how many more there are is said in its place."""
PAGE_LIMIT = 20_000_000
"""Characters of all texts of a page; what comes after is left out, and how many texts that are is said."""

Clean = Callable[[str], str]
"""Redacts a text."""
Told = Callable[[int, int], object]
"""Is told how many turns and spans of how many are ready."""


class Section(Struct, frozen=True):
    """A titled text. `fence` says that it is code or JSON, not words."""

    title: str
    text: str
    code: bool = False


class Entry(Struct, frozen=True):
    """One thing of a conversation: who, facts beside it, what was said, and what opens below it."""

    role: str
    facts: tuple[str, ...]
    text: str
    details: tuple[Section, ...] = ()
    error: str | None = None
    depth: int = 0
    turn: int = 0
    earlier: bool = False


class SpanEntry(Struct, frozen=True):
    """A span of the tree: `begin` and `length` are shares of the trace's time, None where no times are known."""

    depth: int
    kind: str
    name: str
    facts: tuple[str, ...]
    error: str | None
    begin: float | None
    length: float | None
    sections: tuple[Section, ...]


class PageContent(Struct, frozen=True):
    """A page: its facts, its labels, the conversation, the span trees (title and spans), and what was left out."""

    title: str
    facts: tuple[tuple[str, str], ...]
    labels: tuple[str, ...]
    conversation: tuple[Entry, ...]
    trees: tuple[tuple[str, tuple[SpanEntry, ...]], ...]
    left_out: str | None


def page_content(
    kind: str,
    row: Row,
    traces: Sequence[tuple[TraceDetail, Sequence[SpanPayload]]],
    labels: Sequence[LabelRow],
    *,
    trees: bool,
    clean: Clean,
    told: Told | None = None,
) -> PageContent:
    """The page of a trace or thread: `row` is its list row, `traces` its traces in order with all payloads.

    `trees` adds the span trees with the input and output of each span. `clean` redacts; it is asked for every text.
    `told` is told after each turn and each span how many of how many are ready.
    """
    turns = transcript([(detail.spans, payloads) for detail, payloads in traces])
    texts = _Texts(clean, told, len(turns) + sum(len(payloads) for _, payloads in traces if trees))
    conversation = tuple(_entry(turn, texts) for turn in turns)
    shown = []
    if trees:
        for detail, payloads in traces:
            shown.append((texts.line(str(detail.trace["trace_id"])), _spans(detail, payloads, texts)))
    name = texts.line(str(row.get("name") or row.get(f"{kind}_id") or kind))
    return PageContent(
        title=f"{kind} {name}",
        facts=tuple(_facts(kind, row, texts)),
        labels=tuple(_label(label, texts) for label in labels),
        conversation=conversation,
        trees=tuple(shown),
        left_out=texts.left_out(),
    )


class _Texts:
    """Foreign texts made fit for a page, within its limits."""

    def __init__(self, clean: Clean, told: Told | None = None, count: int = 0) -> None:
        self._clean = clean
        self._told = told
        self._ready, self._count = 0, count
        self._room = PAGE_LIMIT
        self._dropped = 0

    def next(self) -> None:
        """Another turn or span comes."""
        if self._told is not None:
            self._told(self._ready, self._count)
        self._ready += 1

    def line(self, text: str) -> str:
        return safe_line(self._clean(text))[:500]

    def block(self, text: str) -> str:
        text = text_without_binary(text)
        kept = text[:TEXT_LIMIT]
        if len(kept) > self._room:
            self._dropped += 1
            return f"[left out: {len(text):,} characters]"
        self._room -= len(kept)
        shown = safe_block(self._clean(kept))
        if len(text) > len(kept):
            shown += f"\n[{len(text) - len(kept):,} of {len(text):,} characters left out]"
        return shown

    def json(self, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, str):
            return self.block(pretty_json(value) if len(value) <= TEXT_LIMIT else value)
        return self.block(json.dumps(without_binary(value), ensure_ascii=False, indent=2, default=str))

    def left_out(self) -> str | None:
        if not self._dropped:
            return None
        return (
            f"{self._dropped:,} texts were left out: a page holds {PAGE_LIMIT / 1e6:.0f} million characters"
        )


def _facts(kind: str, row: Row, texts: _Texts) -> list[tuple[str, str]]:
    versions = [
        texts.line("@".join(filter(None, (pair["name"], told(pair["version"], pair.get("inferred"))))))
        for pair in row.get("prompt_versions") or ()
    ]
    models = [texts.line(str(model)) for model in row.get("models") or ()]
    found = [
        ("id", texts.line(str(row.get(f"{kind}_id")))),
        ("thread", texts.line(str(row["thread_id"])) if kind == "trace" and row.get("thread_id") else ""),
        ("started", human.rfc3339(row.get("start_ns"), digits=0) or ""),
        ("duration", human.duration(row["duration_ms"]) if row.get("duration_ms") is not None else ""),
        ("status", str(row.get("status") or "")),
        ("spans", human.count(row["spans"]) if row.get("spans") is not None else ""),
        ("errors", human.count(row["errors"]) if row.get("errors") else ""),
        ("tokens", human.tokens(row.get("input_tokens"), row.get("output_tokens"))),
        (
            "cost",
            human.money(row["cost_usd"], unknown=row.get("uncosted"))
            if row.get("cost_usd") is not None
            else "",
        ),
        ("prompt versions", ", ".join(versions)),
        ("models", ", ".join(models)),
    ]
    return [(name, value) for name, value in found if value and value != human.ABSENT]


def _label(row: LabelRow, texts: _Texts) -> str:
    from traceview.annotation.values import format_value

    reason = f" — {texts.line(row.reason)}" if row.reason else ""
    told = texts.line(f"{row.name}: {format_value(row.value)}")
    return f"{told} ({row.target.kind}; {row.source}, {texts.line(row.annotator)}){reason}"


def _entry(turn: Turn, texts: _Texts) -> Entry:
    texts.next()
    facts = []
    details: list[Section] = []
    text = ""
    if turn.role in ("tool", "retrieval"):
        facts.append(texts.line(turn.tool or turn.role))
        if turn.arguments is not None:
            details.append(Section("arguments", texts.json(turn.arguments), code=True))
        if turn.result is not None:
            details.append(Section("result", texts.json(turn.result), code=True))
        for number, document in enumerate(turn.documents, 1):
            score = "" if document.score is None else f" · score {document.score:.3g}"
            title = texts.line(f"document {number}{score} · {document.id or ''}".rstrip(" ·"))
            details.append(Section(title, texts.block(document.text or "")))
    elif turn.role in ("system", "reasoning", "aside"):
        details.append(Section(f"{len(turn.text):,} characters", texts.block(turn.text)))
    else:
        text = texts.block(turn.text)
    facts += [texts.line(turn.model)] if turn.model else []
    if turn.prompt_version:
        facts.append(
            texts.line(f"{turn.prompt_name or ''}@{told(turn.prompt_version, turn.prompt_inferred)}")
        )
    if turn.duration_ms is not None:
        facts.append(human.duration(turn.duration_ms))
    if turn.input_tokens is not None or turn.output_tokens is not None:
        facts.append(f"{human.tokens(turn.input_tokens, turn.output_tokens)} tokens")
    facts += [texts.line(f"recorded: {turn.payload_state}")] if turn.payload_state else []
    facts += [texts.line(one) for one in turn.attachments]
    return Entry(
        role=turn.role,
        facts=tuple(facts),
        text=text,
        details=tuple(details),
        error=texts.line(turn.error) if turn.error else None,
        depth=len(turn.within),
        turn=turn.number,
        earlier=turn.earlier,
    )


def _spans(detail: TraceDetail, payloads: Sequence[SpanPayload], texts: _Texts) -> tuple[SpanEntry, ...]:
    starts = [start for start in column(detail.spans, "start_ns") if start is not None]
    ends = [end for end in column(detail.spans, "end_ns") if end is not None]
    origin = min(starts, default=0)
    whole = max([*ends, *starts], default=0) - origin
    tree = build_tree(detail.spans)
    entries = []
    for position in range(len(tree)):
        texts.next()
        at = tree.rows[position]
        row, payload = detail.spans[at], payloads[at]
        begin = length = None
        if whole > 0 and row.get("start_ns") is not None:
            begin = (row["start_ns"] - origin) / whole
            length = max(
                0.0, min(1.0 - begin, ((row.get("end_ns") or row["start_ns"]) - row["start_ns"]) / whole)
            )
        facts = [human.duration(row.get("duration_ms"))]
        if row.get("model"):
            facts.append(texts.line(row["model"]))
        if row.get("input_tokens") is not None or row.get("output_tokens") is not None:
            facts.append(f"{human.tokens(row['input_tokens'], row['output_tokens'])} tokens")
        if row.get("cost_usd") is not None:
            facts.append(human.money(row["cost_usd"]))
        facts.append(texts.line(row["span_id"]))
        failed = row["status"] == "error"
        entries.append(
            SpanEntry(
                depth=tree.depth[position],
                kind=str(row["kind"]),
                name=texts.line(row["name"] or ""),
                facts=tuple(facts),
                error=texts.line(row.get("error_message") or row.get("error_type") or "error")
                if failed
                else None,
                begin=begin,
                length=length,
                sections=tuple(
                    Section(title, texts.json(text), code=True)
                    for title, text in (("input", payload.input), ("output", payload.output))
                    if text
                ),
            )
        )
    return tuple(entries)
