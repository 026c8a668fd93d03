"""The links of a span to spans that are not its parent, as blocks that lead there. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from traceview.store.interface import Row
from traceview.store.span_links import Link, kind_of
from traceview.tui.glyphs import ARROW
from traceview.tui.span_blocks import GoTo, one_line
from traceview.tui.widgets.blocks import Block


def link_blocks(links: Sequence[Link], trace_id: str, spans: Mapping[str, Row]) -> list[Block]:
    """A line a link, by the name of its span where it is of this trace; attributes below it."""
    blocks: list[Block] = []
    for link in links:
        span_id, trace = (str(link.get(name) or "") for name in ("span_id", "trace_id"))
        here = not trace or trace == trace_id
        row = spans.get(span_id) if here else None
        attributes = link.get("attributes")
        told = dict(attributes) if isinstance(attributes, Mapping) else {}
        told.pop("reference", None)
        what = one_line(kind_of(link))
        name = one_line(row["name"]) if row is not None else "another span" if here else "another trace"
        key = GoTo(span_id, None, None if here else trace)
        place = one_line(span_id if here else " ".join(filter(None, (trace, span_id))))
        blocks.append(Block(f"{ARROW} {what}  {name}", "tool", right=place, key=key, gap=1 if blocks else 0))
        for label, value in told.items():
            blocks.append(Block(f"{one_line(label)}  {one_line(value)}", "meta", indent=2))
    return blocks
