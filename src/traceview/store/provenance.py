"""Where the facts of an answer come from: the span of the trace in which each first appeared, or none.

Before an answer stands every text of every span that began before the answer was made, and the input of the call that
made it. The answer itself never does, nor what repeats it: spans around the call, its duplicates, and texts that hold
the whole answer in spans that began with the call or after it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from traceview.model.messages import Message, SpanPayload
from traceview.model.span_rows import column
from traceview.store.interface import Row, TraceDetail
from traceview.text.facts import Fact, counted_facts, find_facts
from traceview.text.mentions import Haystack

IN_COLUMNS: tuple[str, ...] = ("input_text", "input_messages", "input", "tool_args")
SPOKEN_COLUMNS: tuple[str, ...] = ("output_text", "output_messages", "output")
"""The canonical columns that tell what a span said."""

OUT_COLUMNS: tuple[str, ...] = (
    "output_text", "output_messages", "output", "tool_result", "documents", "error_message",
)  # fmt: skip
COLUMNS: tuple[str, ...] = (*IN_COLUMNS, *OUT_COLUMNS)
"""The canonical columns that hold texts which an answer may repeat."""

_SHORT = 12
"""An answer shorter than this may stand in another text by chance."""

_OPERANDS = 40
"""So many numbers of an answer are tried as what another was computed from."""


class Answer(Struct, frozen=True):
    """The answer of a trace: its text, and the position of the span that made it among the trace's spans."""

    span: int
    text: str


class Origin(Struct, frozen=True):
    """Where a fact first appeared: the span, the field (`input_messages[2]`, `documents[0]`, `result`, ...), what it
    is to a person (`user`, `system`, `document`, ...), the offset in that field's text, and the text around it.
    """

    span_id: str
    field: str
    role: str
    offset: int
    excerpt: str


_BEGINNING = 4
"""Words that are looked for before the whole text is."""


def answer_of(spans: Sequence[Row], payload: Callable[[int], SpanPayload]) -> Answer | None:
    """The answer of a trace, the last assistant turn of its transcript; None if nothing was answered.

    `payload(i)` gives the payload of `spans[i]` and is asked for few of them. Where several calls said something,
    it is the last one whose words the root repeats, else the last one.
    """
    if not spans:
        return None
    known = set(column(spans, "span_id"))
    root = next((at for at, parent in enumerate(column(spans, "parent_id")) if parent not in known), 0)
    kinds, same = column(spans, "kind"), column(spans, "duplicate_of")
    outer = None if kinds[root] == "llm" else payload(root).output_text
    repeated: str | None = None
    last: Answer | None = None
    for at in range(len(spans) - 1, -1, -1):
        if kinds[at] != "llm" or same[at]:
            continue
        text = said(payload(at))
        if not text.strip():
            continue
        found = Answer(at, text)
        # the same words, before white space is looked at: so it is with most
        if not outer or text in outer:
            return found
        if repeated is None:
            repeated = _normal(outer)
        if not repeated or _is_within(text, repeated):
            return found
        last = last or found
    if last is not None:
        return last
    return Answer(root, outer) if outer and outer.strip() else None


def said(payload: SpanPayload) -> str:
    """What a model call said: its last message's texts, else the text of its output."""
    for message in reversed(payload.output_messages):
        texts = [part.content for part in message.parts if part.type == "text" and part.content]
        if texts:
            return "\n".join(texts)
    return "" if payload.output_messages else payload.output_text or ""


def unsourced(spans: Sequence[Row], payloads: Sequence[SpanPayload]) -> tuple[Fact, ...]:
    """The addresses, numbers, dates, times and ids of the answer that nothing before it holds, each once."""
    raws = [payload.raw or {} for payload in payloads]
    return unsourced_of(spans, raws, payloads.__getitem__)


def unsourced_of(
    spans: Sequence[Row], stored: Sequence[Mapping[str, Any]], payload: Callable[[int], SpanPayload]
) -> tuple[Fact, ...]:
    """`unsourced` of rows with the canonical COLUMNS, for many traces: payloads are made only where they are needed."""
    answer = answer_of(spans, payload)
    if answer is None:
        return ()
    facts = {(fact.kind, fact.key): fact for fact in reversed(counted_facts(answer.text))}
    if not facts:
        return ()
    texts = dict.fromkeys(text for _, _, text in _before(spans, stored, answer))
    haystack = Haystack("\n\x00\n".join(texts))
    missing = [one for one in facts.values() if not haystack.holds(one)]
    if missing:
        sourced = [one for one in facts.values() if one not in missing]
        missing = [one for one in missing if computed(one, sourced) is None]
    return tuple(sorted(missing, key=lambda one: one.start))


def computed(fact: Fact, sourced: Sequence[Fact]) -> tuple[Fact, Fact] | None:
    """Two numbers of the same answer, both found before it, of which a number is the difference or the sum.

    A percentage may also be their ratio or the change from one to the other. Of long answers the first numbers count.
    """
    if fact.kind != "number":
        return None
    wanted = float(fact.key.removesuffix("%"))
    known = [(one, float(one.key.removesuffix("%"))) for one in sourced if one.kind == "number"][:_OPERANDS]
    for at, (one, first) in enumerate(known):
        for other, second in known[at + 1 :]:
            if any(_about(result, wanted, fact.key) for result in _results(first, second, fact.key)):
                return one, other
    return None


def _results(first: float, second: float, key: str) -> Iterator[float]:
    yield first + second
    yield abs(first - second)
    if key.endswith("%"):
        for above, below in ((first, second), (second, first)):
            if below:
                yield above / below * 100
                yield abs(above - below) / below * 100


def _about(result: float, wanted: float, key: str) -> bool:
    """True if a computed number is the wanted one; percentages are rounded as they are written."""
    if key.endswith("%"):
        return abs(result - wanted) <= 0.5000001 * 10.0 ** -len(key[:-1].partition(".")[2])
    return abs(result - wanted) < 1e-9 * max(1.0, wanted)


def first_seen(
    detail: TraceDetail, payloads: Sequence[SpanPayload], fact: Fact, span: int | None = None
) -> Origin | None:
    """Where a fact of the answer, or of what the span at this position said, first appeared before; None if nowhere."""
    return Provenance(detail.spans, payloads).origin(fact, span)


class Provenance:
    """Answers for one trace, with what was read kept for the next question."""

    def __init__(self, spans: Sequence[Row], payloads: Sequence[SpanPayload]) -> None:
        self._spans = spans
        self._payloads = payloads
        self._stored = [payload.raw or {} for payload in payloads]
        self.answer = answer_of(spans, payloads.__getitem__)
        self._texts: dict[int, list[tuple[int, str, str]]] = {}
        self._haystacks: dict[str, Haystack] = {}

    def facts(self) -> tuple[Fact, ...]:
        """The facts of the answer, names included."""
        return find_facts(self.answer.text) if self.answer is not None else ()

    def origin(self, fact: Fact, span: int | None = None) -> Origin | None:
        """Where a fact first appeared, in order of time, before the answer, or before the span at this position."""
        if span is None:
            if self.answer is None:
                return None
            made = self.answer
        elif self.answer is not None and span == self.answer.span:
            made = self.answer
        else:
            made = Answer(span, said(self._payloads[span]))
        if made.span not in self._texts:
            self._texts[made.span] = list(_before(self._spans, self._stored, made))
        for at, field, text in self._texts[made.span]:
            offset = self._haystack(text).offset_of(fact)
            if offset is not None:
                return self._refined(at, field, text, offset, fact)
        return None

    def operands(self, fact: Fact) -> tuple[Fact, Fact] | None:
        """The two numbers of the answer, found before it, that a number without an origin was computed from."""
        others = [one for one in self.facts() if one.kind == "number" and one.key != fact.key]
        return computed(fact, [one for one in others if self.origin(one) is not None])

    def _haystack(self, text: str) -> Haystack:
        if text not in self._haystacks:
            self._haystacks[text] = Haystack(text)
        return self._haystacks[text]

    def _refined(self, at: int, name: str, text: str, offset: int, fact: Fact) -> Origin:
        """The part of the payload that a person would look at, else the column."""
        span_id = self._spans[at]["span_id"]
        parts = _given(self._payloads[at]) if name in IN_COLUMNS else _made(self._payloads[at])
        for field, role, part in parts:
            found = self._haystack(part).offset_of(fact)
            if found is not None:
                return Origin(span_id, field, role, found, _excerpt(part, found))
        role = "error" if name == "error_message" else "input" if name in IN_COLUMNS else "output"
        return Origin(span_id, name, role, offset, _excerpt(text, offset))


def _before(
    spans: Sequence[Row], stored: Sequence[Mapping[str, Any]], answer: Answer
) -> Iterator[tuple[int, str, str]]:
    """Position of the span, column and text of everything before an answer, in order of time."""
    made = spans[answer.span]
    limit = made.get("end_ns") or made.get("start_ns")
    began = made.get("start_ns")
    around = _ancestors(spans, answer.span)
    same = {made["span_id"], made.get("duplicate_of")}
    moments: list[tuple[int, int, int, tuple[str, ...]]] = []
    for at, span in enumerate(spans):
        start, end = span.get("start_ns"), span.get("end_ns")
        mine = at == answer.span
        if not mine and limit is not None and start is not None and start >= limit:
            continue
        moments.append((start or 0, 0, at, IN_COLUMNS))
        if mine or at in around or span["span_id"] in same or span.get("duplicate_of") in same - {None}:
            continue
        if limit is None or end is None or end <= limit:
            moments.append((end or start or 0, 1, at, OUT_COLUMNS))
    moments.sort()
    whole = answer.text.strip()
    inner = json.dumps(whole, ensure_ascii=False)[1:-1]
    for _, _, at, columns in moments:
        start = spans[at].get("start_ns")
        wraps = columns is OUT_COLUMNS and spans[at]["kind"] in ("agent", "chain")
        late = at != answer.span and (began is None or start is None or start >= began or wraps)
        told: set[str] = set()
        for name in columns:
            text = spans[at].get(name) if name == "error_message" else stored[at].get(name)
            if not isinstance(text, str) or not text or text in told:
                continue
            told.add(text)
            if late and (
                text.strip() == whole or (len(whole) >= _SHORT and (whole in text or inner in text))
            ):
                continue
            yield at, name, text


def _ancestors(spans: Sequence[Row], at: int) -> set[int]:
    by_id: dict[str, int] = {}
    for position, span in enumerate(spans):
        by_id.setdefault(span["span_id"], position)
    found: set[int] = set()
    parent = by_id.get(spans[at].get("parent_id") or "")
    while parent is not None and parent not in found and parent != at:
        found.add(parent)
        parent = by_id.get(spans[parent].get("parent_id") or "")
    return found


def _given(payload: SpanPayload) -> Iterator[tuple[str, str, str]]:
    """Field, role and text of what a span was given."""
    for number, message in enumerate(payload.input_messages):
        yield f"input_messages[{number}]", message.role, message_text(message)
    if payload.tool is not None and payload.tool.arguments is not None:
        yield "arguments", "tool arguments", as_text(payload.tool.arguments)
    if payload.input_text:
        yield "input", "input", payload.input_text


def _made(payload: SpanPayload) -> Iterator[tuple[str, str, str]]:
    """Field, role and text of what a span gave back."""
    for number, document in enumerate(payload.documents):
        more = "" if document.metadata is None else "\n" + as_text(document.metadata)
        yield f"documents[{number}]", "document", f"{document.text or ''}\n{document.id or ''}{more}"
    if payload.tool is not None and payload.tool.result is not None:
        yield "result", "tool result", as_text(payload.tool.result)
    for number, message in enumerate(payload.output_messages):
        yield f"output_messages[{number}]", message.role, message_text(message)
    if payload.output_text:
        yield "output", "output", payload.output_text


def message_text(message: Message) -> str:
    """All of a message as text: what its parts say, the arguments and results of tools as JSON."""
    texts = []
    for part in message.parts:
        for value in (part.content, part.name, part.arguments, part.response, part.raw):
            if value is not None:
                texts.append(as_text(value))
    return "\n".join(texts)


def as_text(value: Any) -> str:
    """A JSON value as text; a text as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _excerpt(text: str, offset: int, around: int = 40) -> str:
    """The text around an offset on one line."""
    begin, end = max(0, offset - around), offset + 2 * around
    said = " ".join(text[begin:end].split())
    return f"{'…' if begin else ''}{said}{'…' if end < len(text) else ''}"


def _is_within(text: str, whole: str) -> bool:
    """Whether a text, with every white space as one blank, is part of one that is so already."""
    # its beginning tells it of most that are not, in a tenth of the time
    return " ".join(text.split(None, _BEGINNING)[:_BEGINNING]) in whole and _normal(text) in whole


def _normal(text: str) -> str:
    return " ".join(text.split())
