"""What the detail of a span draws, read and made in a worker: its sections, and where a fact stands in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from traceview.model.labels import LabelRow, Target
from traceview.store.interface import CancelToken
from traceview.text.facts import Fact, fact_at
from traceview.text.mentions import Haystack
from traceview.tui.context import AppContext
from traceview.tui.span_blocks import first_section
from traceview.tui.span_sections import Sections
from traceview.tui.trace_reading import READ_LIMIT
from traceview.tui.widgets.blocks import Block

Row = dict[str, Any]

FACT_SEARCH = 2_000_000
"""Characters of a section in which a fact is looked for that somebody was sent to."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A section as it is to be drawn: its blocks, what is said of them, and what of them was looked for."""

    blocks: Sequence[Block]
    said: str = ""
    spot: tuple[int, int, int] | None = None


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
