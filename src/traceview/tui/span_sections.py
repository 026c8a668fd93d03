"""One span's sections: which there are, how much is in each, and their blocks, made when they are looked at."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from traceview.model.labels import LabelRow
from traceview.model.messages import SpanPayload
from traceview.sources.offered_tools import offered_tool_names
from traceview.store.interface import CancelToken
from traceview.store.span_links import links_in
from traceview.text import human
from traceview.tui.attribute_blocks import attributes_blocks, raw_blocks
from traceview.tui.document_blocks import documents_blocks
from traceview.tui.glyphs import ARROW, FOLDED, TIMES
from traceview.tui.json_blocks import size_text
from traceview.tui.link_blocks import link_blocks
from traceview.tui.message_diff import message_diff_blocks
from traceview.tui.rows import status_words
from traceview.tui.score_blocks import is_brought, label_blocks
from traceview.tui.span_blocks import (
    SECTIONS,
    GoTo,
    error_blocks,
    events_blocks,
    messages_blocks,
    one_line,
    value_blocks,
)
from traceview.tui.trace_reading import TraceReading
from traceview.tui.widgets.blocks import Block, BlockStyle

Row = dict[str, Any]


class ReadRest(Struct, frozen=True):
    """A block in whose place the rest of a text comes once it is asked for."""

    column: str
    shown: int


@dataclass
class Sections:
    """What was read of a span. `cut` are the texts of which only the beginning was read, and their bytes in all."""

    row: Row
    payload: SpanPayload
    cut: Mapping[str, int] = field(default_factory=dict)
    labels: Sequence[LabelRow] = ()
    trace_labels: Sequence[LabelRow] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)
    _made: dict[str, list[Block]] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int | None]:
        """The sections that have something in them, in order; how many things, None where it says nothing."""
        payload = self.payload
        attributes = sum(map(len, (payload.metadata, payload.attributes, payload.resource)))
        there: dict[str, tuple[object, int | None]] = {
            "Messages": (count := len(payload.input_messages) + len(payload.output_messages), count),
            "Input": (self._text("input"), None),
            "Output": (self._text("output") or payload.error_stack, None),
            "Documents": (payload.documents, len(payload.documents)),
            "Tool": (payload.tool is not None or self.offered, None),
            "Attributes": (attributes, attributes),
            "Events": (payload.events, len(payload.events)),
            "Links": (links := links_in((payload.raw or {}).get("links")), len(links)),
            "Scores": (
                self.labels or self.trace_labels or self._untold_scores,
                (len(self.labels) + len(self.trace_labels)) or None,
            ),
            "Raw": (payload.raw, None),
        }
        return {name: there[name][1] for name in SECTIONS if there[name][0]}

    @property
    def size(self) -> int:
        """Bytes that this keeps in memory, about."""
        return sum(sys.getsizeof(value) for value in (self.payload.raw or {}).values()) + 10_000

    @property
    def offered(self) -> list[str]:
        """The names of the tools that a call or an agent was offered, as far as its attributes tell."""
        return offered_tool_names(self.payload.attributes)

    def kept(self, name: str) -> list[Block] | None:
        """The blocks of a section if they were made."""
        return self._made.get(name)

    def blocks(self, name: str, reading: TraceReading | None, token: CancelToken) -> list[Block]:
        """The blocks of a section; made once."""
        if name not in self._made:
            self._made[name] = self._make(name, reading, token)
        return self._made[name]

    def _make(self, name: str, reading: TraceReading | None, token: CancelToken) -> list[Block]:
        payload = self.payload
        match name:
            case "Messages":
                return [
                    *self._incomplete("input_messages", "output_messages"),
                    *messages_blocks(payload.input_messages, payload.output_messages),
                ]
            case "Input":
                return self._text_blocks("input")
            case "Output":
                return [*error_blocks(payload), *self._text_blocks("output")]
            case "Documents":
                answer = reading.answer(token) if reading is not None else ""
                return [*self._incomplete("documents"), *documents_blocks(payload.documents, answer)]
            case "Tool":
                return self._tool_blocks(reading)
            case "Attributes":
                return [*self._incomplete("attributes", "metadata", "resource"), *attributes_blocks(payload)]
            case "Events":
                return events_blocks(payload.events, self.row.get("start_ns"))
            case "Links":
                spans = {str(span["span_id"]): span for span in reading.spans} if reading is not None else {}
                links = links_in((payload.raw or {}).get("links"))
                return link_blocks(links, str(self.row.get("trace_id") or ""), spans)
            case "Scores":
                return self._score_blocks(reading, token)
            case _:
                return raw_blocks(payload.raw)

    def diff(self, before: Sections | None) -> list[Block]:
        """The messages against those of the call before."""
        if before is None:
            return [
                Block(
                    "There is no model call before this one in the trace · ~ shows the messages again", "note"
                )
            ]
        other = before.row
        than = f"{one_line(other.get('name')) or 'a call'} at {human.local_time(other.get('start_ns'), digits=3)}"
        return message_diff_blocks(
            (*before.payload.input_messages, *before.payload.output_messages),
            (*self.payload.input_messages, *self.payload.output_messages),
            than,
        )

    def column(self, name: str) -> str:
        """The column that Input or Output shows: what was written, else its text."""
        return name if getattr(self.payload, name) is not None else f"{name}_text"

    def _text(self, name: str) -> str | None:
        value: str | None = getattr(self.payload, self.column(name))
        return value

    def _text_blocks(self, name: str) -> list[Block]:
        column, text = self.column(name), self._text(name)
        blocks = value_blocks(text)
        if column in self.cut and text is not None:
            read, whole = size_text(len(text)), size_text(self.cut[column])
            fold = f"{FOLDED} {read} of {whole} were read · Space reads the rest"
            blocks.append(Block("", "note", gap=1, fold=fold, folded=True, key=ReadRest(column, len(text))))
        return blocks

    def _incomplete(self, *columns: str) -> list[Block]:
        return [
            Block(f"{name}: only the beginning of {size_text(self.cut[name])} was read", "note")
            for name in columns
            if name in self.cut
        ]

    def _tool_blocks(self, reading: TraceReading | None) -> list[Block]:
        tool = self.payload.tool
        blocks = self._incomplete("tool_args", "tool_result")
        if tool is not None:
            blocks.append(Block(one_line(tool.name) or "(no name)", "heading", right=one_line(tool.call_id)))
            for title, value in (("arguments", tool.arguments), ("result", tool.result)):
                blocks.append(Block(title, "meta", gap=1))
                blocks.extend(value_blocks(value, indent=2) or [Block("nothing", "meta", indent=2)])
            blocks += self._other_calls(tool.name or "", reading)
        if self.offered:
            blocks += self._offered_blocks(reading)
        return blocks

    def _offered_blocks(self, reading: TraceReading | None) -> list[Block]:
        """The tools that the model could call, and which it called: here, elsewhere in the trace, or not at all."""
        asked = Counter(
            part.name
            for message in self.payload.output_messages
            for part in message.parts
            if part.type == "tool_call"
        )
        heading = Block("offered tools", "heading", right=human.count(len(self.offered)), gap=1)
        blocks = [heading]
        for name in self.offered:
            here = asked[name]
            there = len(reading.calls_of(name)) if reading is not None else 0
            if here:
                said = "called" if here == 1 else f"called {TIMES}{here:,}"
            else:
                said = f"called elsewhere {TIMES}{there:,}" if there else "not called"
            blocks.append(
                Block(one_line(name), "tool" if here else "text" if there else "meta", indent=2, right=said)
            )
        return blocks

    def _other_calls(self, tool: str, reading: TraceReading | None) -> list[Block]:
        """The calls of a tool in this trace, in order of time; each leads to its span."""
        calls = reading.calls_of(tool) if reading is not None else []
        if len(calls) < 2:
            return []
        mine = self.row["span_id"]
        number = next((at for at, span in enumerate(calls, start=1) if span["span_id"] == mine), 0)
        blocks = [
            Block("calls of it in this trace", "meta", right=f"this is {number} of {len(calls):,}", gap=1)
        ]
        for at, span in enumerate(calls, start=1):
            here = span["span_id"] == mine
            status, _ = status_words(span)
            line = f"{ARROW if not here else '·'} {at}  {human.local_time(span.get('start_ns'), digits=3)}  {status}"
            right = "this one" if here else human.duration(span.get("duration_ms"))
            key = None if here else GoTo(str(span["span_id"]), "Tool")
            style: BlockStyle = "meta" if here else "error" if span.get("status") == "error" else "tool"
            blocks.append(Block(line, style, indent=2, right=right, key=key))
        return blocks

    def _score_blocks(self, reading: TraceReading | None, token: CancelToken) -> list[Block]:
        blocks = label_blocks(self.labels, self.hashes, output=self.payload.output_text)
        corrected = any(row.name == "correction" for row in self.trace_labels)
        answer = reading.answer(token) if corrected and reading is not None else None
        blocks += label_blocks(self.trace_labels, self.hashes, "on the whole trace", output=answer)
        if self._untold_scores:
            blocks.append(Block("scores in the file", "meta", gap=1 if blocks else 0))
            blocks.extend(value_blocks(self._untold_scores))
        return blocks

    @property
    def _untold_scores(self) -> str:
        """The scores in the file that no row tells: before they are taken up, and those of something else."""
        told = {row.target.kind for row in (*self.labels, *self.trace_labels) if is_brought(row)}
        text = (self.payload.raw or {}).get("scores") or "[]"
        if not told or not isinstance(text, str):
            return "" if text == "[]" else str(text)
        try:
            scores = json.loads(text)
        except ValueError:
            return text
        if not isinstance(scores, list):
            return text
        rest = [one for one in scores if not isinstance(one, dict) or one.get("target", "span") not in told]
        return json.dumps(rest, ensure_ascii=False) if rest else ""

    def text(self, name: str) -> tuple[str, str]:
        """A suffix for a file and the text of a section as it was written, for other programs."""
        if name in ("Input", "Output"):
            column = name.lower()
            text = self._text(column) or ""
            if self.column(column) in self.cut:
                whole = self.cut[self.column(column)]
                text += f"\n\n[the beginning of {size_text(whole)}]\n"
        elif name == "Raw":
            text = json.dumps(self.payload.raw, ensure_ascii=False, indent=2, default=str)
        else:
            blocks = self._made.get(name, [])
            return "txt", "\n".join(" " * block.indent + block.text for block in blocks)
        from traceview.text.pretty_json import pretty_json

        return ("json", pretty_json(text)) if text[:1] in ("{", "[") else ("txt", text)
