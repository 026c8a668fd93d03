"""What stands over a conversation, and the conversation as plain text. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from traceview.model.labels import Target
from traceview.text import human
from traceview.tui.conversation import Conversation
from traceview.tui.span_blocks import one_line
from traceview.tui.turn_blocks import TurnKey
from traceview.tui.turn_words import turn_figures
from traceview.tui.widgets.blocks import Block
from traceview.tui.widgets.lines import Part


def talk_title(talk: Conversation | None, target: Target) -> list[Part]:
    """Whose conversation this is; None while it is being read."""
    name = target.id
    if talk is not None and target.kind == "trace":
        name = str(talk.row.get("name") or name)
    parts: list[Part] = [
        (" ", None),
        (one_line(name), "title"),
        (f"  transcript of a {target.kind}", "dim"),
    ]
    if talk is None:
        parts.append(("  reading…", "dim"))
    elif talk.maybe_incomplete:
        parts.append(("  may be incomplete: earlier spans are not read yet", "warning"))
    return parts


def talk_facts(talk: Conversation, target: Target) -> list[list[Part]]:
    """Turns, times, tokens, cost and ids, without what is not known."""
    row = talk.row
    turns = f"{talk.turns:,} turn{'s' if talk.turns != 1 else ''}"
    if not talk.complete:
        turns = f"{turns}, {len(talk.read):,} of {len(talk.traces):,} traces read"
    pairs = [
        ("", turns),
        ("", human.local_time(row.get("start_ns"))),
        ("", human.duration(row.get("duration_ms"))),
        ("tokens ", human.tokens(row.get("input_tokens"), row.get("output_tokens"))),
        ("", human.money(row.get("cost_usd"), unknown=row.get("uncosted"))),
        ("thread ", one_line(row.get("thread_id"))),
    ]
    if target.kind == "trace":
        pairs.append(("trace ", one_line(row.get("trace_id"))))
    return [[(name, "dim"), (value, None)] for name, value in pairs if value and value != human.ABSENT]


def turn_parts(talk: Conversation, block: Block | None) -> list[Part]:
    """The turn of a block, whatever of it is on screen: its number, latency, version."""
    key = block.key if block is not None else None
    if not isinstance(key, TurnKey):
        return []
    of = f"{talk.turns:,}{'' if talk.complete else '+'}"
    words = [f"turn {key.number:,} of {of}" if key.number else "before the first turn"]
    row = talk.by_id.get(key.trace_id)
    earlier = key.at >= 0 and talk.said[key.at].earlier
    if row is not None and not earlier:
        words += turn_figures([row], blind=talk.blind, short_form=True)
    return [(" · ".join(words), "accent"), (" ", None)]


def transcript_text(blocks: Sequence[Block]) -> str:
    """The blocks of a conversation as plain text, whole, with their labels."""
    lines = []
    for block in blocks:
        if block.style == "divider":
            lines.append(f"\n── {block.text}  {block.right}".rstrip())
        else:
            first, rest = block.label.ljust(block.indent), (block.hang or "").ljust(block.indent)
            for number, line in enumerate(block.text.split("\n")):
                lines.append(f"{rest if number else first}{line}".rstrip())
    return "\n".join(lines).strip("\n")
