"""A transcript as blocks to read: pure, called in workers, every foreign text made safe."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from traceview.store.transcript import Turn
from traceview.text import human
from traceview.text.pretty_json import pretty_json
from traceview.text.safe import safe_line
from traceview.tui.span_blocks import PRETTY_LIMIT, fold_line, one_line, versions_of
from traceview.tui.widgets.blocks import Block, BlockStyle, foreign

Row = dict[str, Any]

SHORT = 160


@dataclass(frozen=True, slots=True)
class TurnKey:
    """What a block of a transcript belongs to."""

    number: int
    trace_id: str
    span_id: str


def transcript_blocks(
    turns: Sequence[Turn], traces: Mapping[str, Row], *, blind: bool = False
) -> list[Block]:
    """The blocks of turns, each numbered turn under a divider; `traces` are the trace rows by id."""
    blocks: list[Block] = []
    told: set[str] = set()
    # What comes before a trace's first user text (its system prompt) belongs to the turn of that text.
    asked: dict[str, int] = {}
    for turn in turns:
        if turn.role == "user" and not turn.earlier:
            asked.setdefault(turn.trace_id, turn.number)
    for number, members in groupby(
        turns, key=lambda turn: turn.number if turn.earlier else max(turn.number, asked.get(turn.trace_id, 0))
    ):
        group = list(members)
        ids = [turn.trace_id for turn in group if not turn.earlier]
        fresh = [
            traces[trace_id] for trace_id in dict.fromkeys(ids) if trace_id in traces and trace_id not in told
        ]
        told.update(ids)
        blocks.append(_divider(number, group, fresh, blind=blind, gap=1 if blocks else 0))
        said: str | None = None
        for turn in group:
            blocks.extend(_turn_blocks(turn, said, blind=blind))
            said = turn.role
    return blocks


def _divider(number: int, group: Sequence[Turn], traces: Sequence[Row], *, blind: bool, gap: int) -> Block:
    """The line between turns: its number and time, then latency, tokens, cost, prompt version, errors."""
    first = group[0]
    when = human.local_time(first.start_ns) if first.start_ns is not None else ""
    if first.earlier:
        when = "earlier in the conversation"
    title = f"turn {number}" if number else "before the first turn"
    figures: list[str] = []
    if traces:
        durations = [row["duration_ms"] for row in traces if row.get("duration_ms") is not None]
        figures.append(human.duration(sum(durations)) if durations else "")
        figures.append(_tokens([(row.get("input_tokens"), row.get("output_tokens")) for row in traces]))
        costs = [row["cost_usd"] for row in traces if row.get("cost_usd") is not None]
        figures.append(human.money(sum(costs)) if costs else "")
        if not blind:
            figures.append(
                ", ".join(dict.fromkeys(version for row in traces for version in versions_of(row)))
            )
        errors = sum(row.get("leaf_errors") or row.get("errors") or 0 for row in traces)
        if errors or any(row.get("status") == "error" for row in traces):
            figures.append(f"✗ error {errors}" if errors else "✗ error")
    right = " · ".join(figure for figure in figures if figure and figure != human.ABSENT)
    text = f"{title}  {when}" if when else title
    return Block(text, "divider", right=right, gap=gap, key=_key(first))


def _tokens(pairs: Sequence[tuple[int | None, int | None]]) -> str:
    before = [pair[0] for pair in pairs if pair[0] is not None]
    after = [pair[1] for pair in pairs if pair[1] is not None]
    return human.tokens(sum(before) if before else None, sum(after) if after else None)


def _turn_blocks(turn: Turn, said: str | None, *, blind: bool) -> list[Block]:
    key = _key(turn)
    if turn.role in ("tool", "retrieval"):
        return [_use_block(turn, gap=0 if said in ("tool", "retrieval") else 1)]
    text = foreign(turn.text)
    if turn.role in ("system", "reasoning"):
        style: BlockStyle = "system" if turn.role == "system" else "reasoning"
        what = "system prompt" if turn.role == "system" else "reasoning"
        return [Block(text, style, indent=2, fold=fold_line(what, text), folded=True, gap=1, key=key)]
    blocks: list[Block] = []
    if turn.role != said:
        figures = [human.duration(turn.duration_ms)] if turn.duration_ms is not None else []
        if turn.model and not blind:
            figures.insert(0, one_line(turn.model))
        right = " · ".join(figures) if turn.role == "assistant" else ""
        blocks.append(
            Block(turn.role, "user" if turn.role == "user" else "assistant", gap=1, right=right, key=key)
        )
    if turn.text or not turn.error:
        blocks.append(Block(text, "text", indent=2, gap=1 if turn.role == said else 0, key=key))
    if turn.error:
        blocks.append(Block(f"✗ {foreign(turn.error)}", "error", indent=2, key=key))
    return blocks


def _use_block(turn: Turn, gap: int) -> Block:
    """A tool call or a retrieval: one line, unfolded into its arguments and its result or documents."""
    name = one_line(turn.tool) or turn.role
    mark = "▼" if turn.role == "retrieval" else "■"
    took = f"  {human.duration(turn.duration_ms)}" if turn.duration_ms is not None else ""
    arguments = _parsed(turn.arguments)
    asked = _short(arguments) or (_short(turn.text) if turn.role == "retrieval" else "")
    if turn.documents:
        came = f"{len(turn.documents)} document{'s' if len(turn.documents) != 1 else ''}"
    else:
        came = _short(turn.result)
    outcome = f"✗ {one_line(turn.error)}" if turn.error else came
    line = f"{mark} {name}{took}  {asked}" + (f" → {outcome}" if outcome else "")
    parts = [f"▾ {mark} {name}{took}"]
    if arguments not in (None, "", {}):
        parts += ["arguments", _indented(arguments)]
    if turn.role == "retrieval" and turn.text:
        parts += ["query", _indented(turn.text)]
    for rank, document in enumerate(turn.documents, start=1):
        score = "" if document.score is None else f"  score {document.score:.4g}"
        parts += [
            f"document {rank} of {len(turn.documents)}  {one_line(document.id)}{score}",
            _indented(document.text),
        ]
    if turn.result not in (None, ""):
        parts += ["result", _indented(turn.result)]
    if turn.error:
        parts.append(f"✗ {foreign(turn.error)}")
    return Block(
        "\n".join(parts),
        "error" if turn.error else "tool",
        indent=2,
        fold=f"▸ {line}",
        folded=True,
        gap=gap,
        key=_key(turn),
    )


def _parsed(value: Any) -> Any:
    """A JSON object that stands as text, as the object."""
    if isinstance(value, str) and len(value) <= PRETTY_LIMIT and value[:1] == "{":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _short(value: Any) -> str:
    """A value on one line, cut."""
    if value is None or value in ("", {}, []):
        return ""
    if isinstance(value, Mapping):
        text = " ".join(f"{name}={_bare(item)}" for name, item in list(value.items())[:8])
    else:
        text = _bare(value)
    text = " ".join(text[: 4 * SHORT].split())
    return safe_line(text if len(text) <= SHORT else text[:SHORT] + "…")


def _bare(value: Any) -> str:
    if isinstance(value, str):
        return value[: 4 * SHORT]
    return json.dumps(value, ensure_ascii=False, default=str)[: 4 * SHORT]


def _indented(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if len(text) <= PRETTY_LIMIT:
        text = pretty_json(text)
    return "\n".join("  " + line for line in foreign(text).split("\n"))


def _key(turn: Turn) -> TurnKey:
    return TurnKey(turn.number, turn.trace_id, turn.span_id)
