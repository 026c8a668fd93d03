"""What the detail of a span draws, read and made in a worker: its sections, and where a fact stands in them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from traceview.model.labels import LabelRow, Target
from traceview.store.interface import CancelToken
from traceview.text.facts import Fact, fact_at
from traceview.text.mentions import Haystack
from traceview.tui.context import AppContext
from traceview.tui.matching import matching
from traceview.tui.span_blocks import first_section
from traceview.tui.span_sections import Sections
from traceview.tui.trace_reading import READ_LIMIT, TraceReading
from traceview.tui.widgets.blocks import Block

Row = dict[str, Any]

BYTES_KEPT = 64_000_000
"""Bytes of payloads that are kept for a second look."""
FACT_SEARCH = 2_000_000
"""Characters of a section in which a fact is looked for that somebody was sent to."""


class Drawing(Struct, frozen=True):
    """A section as it is to be drawn: its blocks, what is said of them, and what of them was looked for."""

    blocks: Sequence[Block]
    said: str = ""
    spot: tuple[int, int, int] | None = None


class KeptSections:
    """The sections of spans that were read, by span id, for a second look: those of the last looks, up to a size."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Sections] = OrderedDict()

    def __contains__(self, span_id: str) -> bool:
        return span_id in self._kept

    def clear(self) -> None:
        """Let go of all."""
        self._kept.clear()

    def get(self, span_id: str) -> Sections | None:
        """The sections of a span, None if they are not kept; a look makes them the newest."""
        found = self._kept.get(span_id)
        if found is not None:
            self._kept.move_to_end(span_id)
        return found

    def add(self, found: Mapping[str, Sections]) -> None:
        """Keep these, and let go of the oldest where it is too much."""
        self._kept.update(found)
        size = sum(sections.size for sections in self._kept.values())
        while size > BYTES_KEPT and len(self._kept) > 1:
            size -= self._kept.popitem(last=False)[1].size


def section_of(field: str) -> str:
    """The section that shows a field of a payload, as an origin names it."""
    name = field.partition("[")[0]
    found = {
        "input_messages": "Messages",
        "output_messages": "Messages",
        "documents": "Documents",
        "arguments": "Tool",
        "result": "Tool",
        "tool_args": "Tool",
        "tool_result": "Tool",
        "input_text": "Input",
        "output_text": "Output",
        "error_message": "Output",
    }
    return found.get(name, name.capitalize())


def place_of(blocks: Sequence[Block], fact: Fact) -> tuple[int, int, int] | None:
    """The block, and the part of its text, in which a fact is first mentioned."""
    looked = 0
    for index, block in enumerate(blocks):
        looked += len(block.text)
        if looked > FACT_SEARCH:
            return None
        if not block.text or block.style in ("meta", "note"):
            continue
        offset = Haystack(block.text).offset_of(fact)
        if offset is not None:
            near = block.text[max(0, offset - 100) : offset + 400]
            there = fact_at(near, min(100, offset))
            length = there.end - min(100, offset) if there is not None else len(fact.text)
            return index, offset, offset + max(1, length)
    return None


def read_sections(context: AppContext, spans: Sequence[Row], token: CancelToken) -> dict[str, Sections]:
    """The sections of spans by their ids, with one question for all payloads; called in a worker.

    The section that is looked at first is made at once, if it needs nothing of other spans.
    """
    read = context.engine.beginnings(spans, READ_LIMIT, token)
    hashes = {definition.name: definition.hash for definition in context.definitions}
    brought = _brought_on(context, spans, token)
    found = {}
    for span, (payload, cut) in zip(spans, read, strict=False):
        trace_id = str(span["trace_id"])
        mine = _said_of(context, Target("span", str(span["span_id"]), trace_id), brought)
        whole = (
            () if span.get("parent_id") else _said_of(context, Target("trace", trace_id, trace_id), brought)
        )
        sections = Sections(span, payload, cut, mine, whole, hashes)
        first = first_section(span, sections.counts, None)
        if first in ("Messages", "Input", "Output"):
            sections.blocks(first, None, token)
        found[str(span["span_id"])] = sections
    return found


def draw_section(
    context: AppContext,
    sections: Sections,
    section: str,
    reading: TraceReading | None,
    diffs: bool,
    keep: str,
    sought: Fact | None,
    token: CancelToken,
) -> Drawing:
    """A section as it is to be drawn; called in a worker.

    `diffs` shows the messages against those of the call before; of the lines only those with the text `keep` are
    drawn, if there is one; `sought` is a fact to go to.
    """
    if diffs:
        before = reading.call_before(str(sections.row["span_id"])) if reading is not None else None
        read = read_sections(context, [before], token) if before is not None else {}
        blocks = sections.diff(next(iter(read.values()), None))
    else:
        blocks = sections.blocks(section, reading, token)
    said = ""
    if keep:
        blocks, lines, of = matching(blocks, keep)
        said = f"{lines:,} of {of:,} lines have {keep!r}"
    return Drawing(blocks, said, place_of(blocks, sought) if sought is not None else None)


def _said_of(
    context: AppContext, target: Target, brought: Mapping[Target, Sequence[LabelRow]]
) -> tuple[LabelRow, ...]:
    """Everything that was ever said of a target, here and in the source."""
    history = () if context.annotator is None else context.annotator.store.history(target)
    return (*history, *brought.get(target, ()))


def _brought_on(
    context: AppContext, spans: Sequence[Row], token: CancelToken
) -> dict[Target, list[LabelRow]]:
    """The scores that the source itself has of these spans and of their traces, by what they are on."""
    targets = [Target("span", str(span["span_id"]), str(span["trace_id"])) for span in spans]
    targets += {Target("trace", target.trace_id or "", target.trace_id) for target in targets}
    found: dict[Target, list[LabelRow]] = {}
    for row in context.engine.brought_scores(None, targets, token):
        found.setdefault(row.target, []).append(row)
    return found
