"""Searching the spans of a trace: what the tree says of them at once, the texts of their payloads as they are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from traceview.model.messages import SpanPayload
from traceview.model.span_rows import column
from traceview.text.safe import safe_line
from traceview.tui.widgets.span_facts import SpanFacts
from traceview.tui.widgets.span_kinds import KIND_WORDS, kind_of

TEXTS_KEPT = 32_000_000
"""Characters of payloads that are kept for the next search of the same trace; the others are read again."""
FIELDS = ("name", "kind", "tool_name", "error_type", "error_message")

Texts = tuple[tuple[str, int, str], ...]
"""The texts of a span in folded case: the section that shows each, its side (IN, OUT, ELSE), and the text."""
IN, OUT, ELSE = 0, 1, 2


class Found(Struct, frozen=True):
    """The hits of one span, and the section of its payload that shows the first; None: the tree itself does."""

    hits: int
    section: str | None = None


class SpanSearch:
    """Searches one trace; thread-safe as long as one thread at a time uses it."""

    def __init__(self, facts: SpanFacts) -> None:
        self.facts = facts
        self._words: dict[bool, list[str]] = {}
        self._texts: dict[int, Texts] = {}
        self._kept = 0
        self.read = 0
        """Payloads that were read, and the characters of their texts."""
        self.characters = 0

    def names(self, needle: str, with_models: bool = True) -> dict[int, Found]:
        """Hits in what the tree says of each span, its model, tool and error: by position, ignoring case."""
        needle = needle.casefold()
        words = self._words.get(with_models)
        if words is None:
            words = self._words[with_models] = self._all_words(with_models)
        if not needle:
            return {}
        return {at: Found(text.count(needle)) for at, text in enumerate(words) if needle in text}

    def texts(self, position: int) -> Texts | None:
        """The texts of a span that were kept, None if its payload must be read."""
        return self._texts.get(position)

    def keep(self, position: int, payload: SpanPayload) -> Texts:
        """The texts of a payload, kept as long as there is room."""
        texts = payload_texts(payload)
        size = sum(len(text) for _, _, text in texts)
        self.read += 1
        self.characters += size
        if self._kept + size <= TEXTS_KEPT:
            self._kept += size
            self._texts[position] = texts
        return texts

    def _all_words(self, with_models: bool) -> list[str]:
        known: dict[tuple[Any, ...], str] = {}
        words = []
        for key in zip(*(column(self.facts.rows, field) for field in (*FIELDS, "model")), strict=True):
            text = known.get(key)
            if text is None:
                text = known[key] = _words_of(key, with_models)
            words.append(text)
        return [words[row] for row in self.facts.tree.rows]


def _words_of(values: tuple[Any, ...], with_models: bool) -> str:
    *told, model = values
    texts = [safe_line(str(value)) for value in told if value]
    if model and with_models:
        texts.append(safe_line(str(model)))
    elif model:
        texts = [text.replace(str(model), "…") for text in texts]
    short = KIND_WORDS[kind_of(values[1])][1]
    if short not in str(values[1]):
        texts.append(short)
    return "\n".join(texts).casefold()


def payload_texts(payload: SpanPayload) -> Texts:
    """Every text of a payload in folded case, each once for each section that shows it."""
    raw: Mapping[str, Any] = payload.raw or {}
    found: list[tuple[str, int, str]] = []

    def add(section: str, side: int, *values: Any) -> None:
        text = "\n".join(_text(value) for value in values if value not in (None, "", (), [], {}))
        if text:
            found.append((section, side, text.casefold()))

    add("Messages", IN, *(part for message in payload.input_messages for part in _parts(message)))
    add("Messages", OUT, *(part for message in payload.output_messages for part in _parts(message)))
    add("Output", OUT, payload.error_stack, payload.output_text or payload.output)
    add("Input", IN, payload.input_text or payload.input)
    add(
        "Documents", OUT, *((document.text, document.id, document.metadata) for document in payload.documents)
    )
    if payload.tool is not None:
        add("Tool", IN, payload.tool.name, payload.tool.arguments)
        add("Tool", OUT, payload.tool.result)
    add(
        "Attributes", ELSE, _stored(raw, "attributes", payload.attributes), payload.metadata, payload.resource
    )
    add("Events", ELSE, *((event.name, event.attributes) for event in payload.events))
    add("Raw", ELSE, *(raw.get(name) for name in ("input", "output")))
    return tuple(found)


def count_texts(texts: Texts, needle: str, hidden: frozenset[str] = frozenset()) -> Found | None:
    """The hits in the texts of a span, None if there is none; sections that are hidden do not count.

    What several sections show again counts once: the fullest of its side; attributes, events and the raw row, which
    repeat the others, count only where nothing else has the text.
    """
    needle = needle.casefold()
    first: str | None = None
    sides: list[dict[str, int]] = [{}, {}, {}]
    for section, side, text in texts:
        hits = text.count(needle) if section not in hidden else 0
        if hits:
            sides[side][section] = sides[side].get(section, 0) + hits
            first = first or section
    if first is None:
        return None
    told = [max(side.values()) for side in sides[:2] if side]
    return Found(sum(told) if told else max(sides[ELSE].values()), first)


def _parts(message: Any) -> list[Any]:
    return [
        value
        for part in message.parts
        for value in (part.content, part.name, part.arguments, part.response)
        if value is not None
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _stored(raw: Mapping[str, Any], name: str, parsed: Any) -> Any:
    """The JSON as it is stored, which needs no work, unless it spells letters as escapes."""
    text = raw.get(name)
    return text if isinstance(text, str) and "\\u" not in text else parsed
