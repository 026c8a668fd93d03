"""What one span's detail needs of the rest of its trace, read when it is first asked for; called in workers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from msgspec import Struct

from traceview.model.messages import Document, SpanPayload
from traceview.model.span_rows import column
from traceview.store.interface import CancelToken, Engine
from traceview.store.provenance import Origin, Provenance, answer_of, unsourced
from traceview.text.facts import Fact, id_key, name_key
from traceview.text.mentions import Haystack
from traceview.text.urls import find_urls, url_key
from traceview.tui.widgets.fact_spots import FactKey

Row = dict[str, Any]

READ_LIMIT = 1_000_000
"""Bytes of a text over which only its beginning is read at first."""
SOURCE_LIMIT = 8_000_000
"""Bytes of each text of a trace in which the source of a fact is looked for."""
PAYLOADS_AT_ONCE = 256
BRINGING = ("tool", "retriever", "reranker", "embedding")
"""Kinds of spans whose output comes from outside of the conversation."""
_ADDRESS_KEYS = ("url", "uri", "link", "href", "source", "source_url", "address")
_TITLE_KEYS = ("title", "name", "heading", "document_title", "file_name", "filename")
_SHORT_TITLE = 8
"""A title of one word shorter than this may stand in an answer by chance."""


class Source(Struct, frozen=True):
    """Where a fact comes from: a place, or two numbers that give it, or (both None) nowhere."""

    origin: Origin | None
    operands: tuple[Fact, Fact] | None = None
    cut: bool = False
    """True if not all texts were read whole."""
    brought: bool = False
    """True if the span that says it brings in what nobody said before: a tool, a retriever."""

    @property
    def doubtful(self) -> bool:
        """True for what a model said and nothing before it."""
        return self.origin is None and self.operands is None and not self.brought


class TraceReading:
    """One trace. Its methods may be called from any worker; each thing is read once."""

    def __init__(self, engine: Engine, spans: Sequence[Row]) -> None:
        self._engine = engine
        self.spans = spans
        self._lock = threading.Lock()
        self._answer: str | None = None
        self._provenance: Provenance | None = None
        self._payloads: Sequence[SpanPayload] = ()
        self._unsourced: int | None = None
        self._cut = False

    @cached_property
    def _places(self) -> dict[str, int]:
        places: dict[str, int] = {}
        for at, span_id in enumerate(column(self.spans, "span_id")):
            places.setdefault(str(span_id), at)
        return places

    def place(self, span_id: str) -> int | None:
        """The position of a span in the trace."""
        return self._places.get(span_id)

    def span(self, span_id: str) -> Row | None:
        """The row of a span."""
        at = self.place(span_id)
        return None if at is None else self.spans[at]

    def answer(self, token: CancelToken) -> str:
        """What the trace answered; empty if nothing."""
        with self._lock:
            if self._answer is None:
                found = answer_of(
                    self.spans,
                    lambda at: self._engine.beginnings([self.spans[at]], SOURCE_LIMIT, token)[0][0],
                )
                self._answer = found.text if found is not None else ""
            return self._answer

    def sources(self, span_id: str, facts: Sequence[Fact], token: CancelToken) -> dict[FactKey, Source]:
        """Where facts of what a span says come from, by kind and key."""
        at = self.place(span_id)
        brought = at is not None and self.spans[at].get("kind") in BRINGING
        found: dict[FactKey, Source] = {}
        with self._lock:
            provenance = self._read(token)
            for fact in facts:
                token.check()
                origin = provenance.origin(fact, at)
                answered = provenance.answer is not None and provenance.answer.span == at
                operands = provenance.operands(fact) if origin is None and answered else None
                found[(fact.kind, fact.key)] = Source(origin, operands, self._cut, brought)
        return found

    def unsourced(self, token: CancelToken) -> int:
        """How many addresses, numbers, dates, times and ids of the answer nothing before it contains."""
        with self._lock:
            if self._unsourced is None:
                self._read(token)
                self._unsourced = len(unsourced(self.spans, self._payloads))
            return self._unsourced

    def _read(self, token: CancelToken) -> Provenance:
        if self._provenance is None:
            payloads: list[SpanPayload] = []
            for start in range(0, len(self.spans), PAYLOADS_AT_ONCE):
                token.check()
                some = self.spans[start : start + PAYLOADS_AT_ONCE]
                for payload, cut in self._engine.beginnings(some, SOURCE_LIMIT, token):
                    payloads.append(payload)
                    self._cut = self._cut or bool(cut)
            self._provenance, self._payloads = Provenance(self.spans, payloads), payloads
        return self._provenance

    def calls_of(self, tool: str) -> list[Row]:
        """The spans that call a tool, in order of time."""
        named = enumerate(column(self.spans, "tool_name")) if tool else ()
        return [self.spans[at] for at, name in named if name == tool]

    def call_before(self, span_id: str) -> Row | None:
        """The model call before a span's: the last one of the same prompt or name, else the last one."""
        at = self.place(span_id)
        if at is None or self.spans[at].get("kind") != "llm":
            return None
        repeats = self.spans[at].get("duplicate_of")
        ids, kinds, same = (column(self.spans, name) for name in ("span_id", "kind", "duplicate_of"))
        starts = column(self.spans, "start_ns")
        before = [
            ((start or 0), number)
            for number, start in enumerate(starts)
            if kinds[number] == "llm"
            and not same[number]
            and ((start or 0), number) < ((starts[at] or 0), at)
            and ids[number] != repeats
        ]
        named = zip(column(self.spans, "prompt_name"), column(self.spans, "name"), strict=True)
        purposes = [prompt or name for prompt, name in named]
        alike = [one for one in before if purposes[one[1]] == purposes[at]]
        found = max(alike or before, default=None)
        return None if found is None else self.spans[found[1]]


def cited_by(document: Document, answer: Haystack) -> str | None:
    """How an answer cites a document: `address`, `id` or `title`; None if it has none of them."""
    metadata = document.metadata if isinstance(document.metadata, dict) else {}
    addresses = [metadata.get(key) for key in _ADDRESS_KEYS]
    for address in [*addresses, document.id]:
        if (
            isinstance(address, str)
            and any(find_urls(address))
            and answer.holds(_fact("url", address, url_key(address)))
        ):
            return "address"
    if document.id and len(document.id) > 2 and answer.holds(_fact("id", document.id, id_key(document.id))):
        return "id"
    title = title_of(document)
    long_enough = len(title) >= _SHORT_TITLE or len(title.split()) > 1
    return "title" if long_enough and answer.holds(_fact("name", title, name_key(title))) else None


def title_of(document: Document) -> str:
    """The title that a document's metadata gives, empty if there is none."""
    metadata = document.metadata if isinstance(document.metadata, dict) else {}
    return next(
        (v.strip() for key in _TITLE_KEYS if isinstance(v := metadata.get(key), str) and v.strip()), ""
    )


def _fact(kind: Any, text: str, key: str) -> Fact:
    return Fact(kind, 0, len(text), text, key)
