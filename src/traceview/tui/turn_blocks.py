"""A transcript as blocks to read: pure, called in workers, every foreign text made safe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from traceview.store.turns import Turn
from traceview.text import human
from traceview.text.binary import text_without_binary
from traceview.text.markdown import styled
from traceview.tui.glyphs import AGENT, ARROW, BAD, FOLDED, TIMES, UNFOLDED
from traceview.tui.markdown_blocks import Styler, markdown_blocks, plain_blocks
from traceview.tui.rows import error_words
from traceview.tui.span_blocks import fold_line, one_line, versions_told
from traceview.tui.turn_words import time_since, turn_figures
from traceview.tui.use_blocks import mark_of, parsed, short, use_blocks
from traceview.tui.widgets.blocks import Block, BlockStyle, foreign

Row = dict[str, Any]

RUN = 3
"""Tool calls between two messages that stand a line each; more are folded to one line."""
_USES = ("tool", "retrieval", "agent")


class TurnKey(Struct, frozen=True):
    """What a block of a transcript belongs to; `at` is the place of its text among the turns, -1 for a divider.

    `inner` is True for what is shown only while a line is open.
    """

    number: int
    trace_id: str
    span_id: str
    at: int = -1
    inner: bool = False


def transcript_blocks(
    turns: Sequence[Turn],
    traces: Mapping[str, Row],
    *,
    blind: bool = False,
    styler: Styler | None = styled,
) -> list[Block]:
    """The blocks of turns, each numbered turn under a divider; `traces` are the trace rows by id.

    `styler` styles the answers; None shows them as they were written.
    """
    made = TurnBlocks(traces, blind=blind, styler=styler)
    made.extend(turns)
    return made.blocks


def with_first_bad(blocks: list[Block], place: str | int | None) -> list[Block]:
    """The blocks with a word on the turn (a number) or on the first text of the span (an id) that went wrong first."""
    for index, block in enumerate(blocks):
        key = block.key
        if not isinstance(key, TurnKey) or key.inner:
            continue
        divides = block.style == "divider"
        if (
            (divides and key.number == place)
            if isinstance(place, int)
            else (not divides and key.span_id == place)
        ):
            right = " · ".join(filter(None, ("! first bad", block.right)))
            return [*blocks[:index], replace(block, right=right), *blocks[index + 1 :]]
    return blocks


class _Begun(Struct, frozen=True):
    """What was there before the turn that came last, to which more may still come."""

    turns: int
    blocks: int
    before: Sequence[Row]
    version: str


class TurnBlocks:
    """The blocks of a conversation that is still being read: only what is new, and the turn before it, is made."""

    def __init__(
        self, traces: Mapping[str, Row], *, blind: bool = False, styler: Styler | None = styled
    ) -> None:
        self.blocks: list[Block] = []
        """Another list after every `extend`, so that others may go on with the one they have."""
        self._traces = traces
        self._made = _Made(blind, styler)
        self._asked: dict[str, int] = {}
        self._seen = 0
        self._told: set[str] = set()
        """The traces that the turns before the last one told of."""
        self._last = _Begun(0, 0, (), "")

    def extend(self, turns: Sequence[Turn]) -> int:
        """Make the blocks of all `turns`, which begin with those of the last time; how many are surely the same."""
        for turn in turns[self._seen :]:
            # What comes before a trace's first user text (its system prompt) belongs to the turn of that text.
            if turn.role == "user" and not turn.earlier and not turn.within:
                self._asked.setdefault(turn.trace_id, turn.number)
        self._seen = len(turns)
        last, blind = self._last, self._made.blind
        before, version = last.before, last.version
        ids: list[str] = []
        blocks = self.blocks[: last.blocks]
        places = enumerate(turns[last.turns :], last.turns)
        for number, members in groupby(places, key=self._number_of):
            group = list(members)
            self._told.update(ids)
            self._last = _Begun(group[0][0], len(blocks), before, version)
            ids = [turn.trace_id for _, turn in group if not turn.earlier]
            fresh = [
                self._traces[trace_id]
                for trace_id in dict.fromkeys(ids)
                if trace_id in self._traces and trace_id not in self._told
            ]
            later = time_since(before, group[0][1]) if fresh else ""
            blocks.append(_divider(number, group, fresh, later, blind=blind, gap=1 if blocks else 0))
            versions = ", ".join(dict.fromkeys(one for row in fresh for one in versions_told(row)))
            if versions and version and versions != version and not blind:
                changed = f"prompt version changed: {version} {ARROW} {versions}"
                blocks.append(Block(changed, "note", indent=2, key=blocks[-1].key))
            version = versions or version
            before = fresh or before
            blocks.extend(self._made.conversation(group, indent=2))
        self.blocks = blocks
        return last.blocks

    def _number_of(self, pair: tuple[int, Turn]) -> int:
        """The turn that a text belongs to."""
        turn = pair[1]
        return turn.number if turn.earlier else max(turn.number, self._asked.get(turn.trace_id, 0))


# Dividers.


def _divider(
    number: int,
    group: Sequence[tuple[int, Turn]],
    traces: Sequence[Row],
    later: str,
    *,
    blind: bool,
    gap: int,
) -> Block:
    """The line between turns: its number and time, then latency, tokens, cost, prompt version, errors.

    It stands for the first span of the turn that is of the conversation, not for a router before it.
    """
    first = group[0][1]
    beside = {turn.span_id for _, turn in group if turn.role == "aside"}
    lead = next((turn for _, turn in group if turn.span_id not in beside), first)
    when = human.local_time(first.start_ns) if first.start_ns is not None else ""
    if first.earlier:
        when = "earlier in the conversation"
    title = f"turn {number}" if number else "before the first turn"
    right = " · ".join(turn_figures(traces, blind=blind))
    text = "  ".join(filter(None, (title, when, later)))
    return Block(text, "divider", right=right, gap=gap, key=TurnKey(number, lead.trace_id, lead.span_id))


# What was said and done.


class _Made(Struct, frozen=True):
    """How turns become blocks."""

    blind: bool
    styler: Styler | None

    def conversation(self, turns: Sequence[tuple[int, Turn]], indent: int) -> list[Block]:
        """Turns of one depth, and what is within them: messages, and between them what was done."""
        blocks: list[Block] = []
        said: str | None = None
        depth = len(turns[0][1].within) if turns else 0
        at = 0
        while at < len(turns):
            turn = turns[at][1]
            if turn.role in _USES:
                stop = self._run_end(turns, at, depth)
                run = list(self._run(turns[at:stop], depth, indent, gap=0 if said == "use" else 1))
                blocks.extend(run)
                said, at = "use", stop
                continue
            blocks.extend(self._message(*turns[at], said, indent))
            said, at = turn.role, at + 1
        return blocks

    def _run_end(self, turns: Sequence[tuple[int, Turn]], at: int, depth: int) -> int:
        """Where what was done between two messages ends; reasoning between two calls belongs to it."""
        stop = at
        while at < len(turns):
            turn = turns[at][1]
            if turn.role in _USES or len(turn.within) > depth:
                stop = at + 1
            elif turn.role != "reasoning":
                break
            at += 1
        return stop

    def _run(self, turns: Sequence[tuple[int, Turn]], depth: int, indent: int, gap: int) -> Iterator[Block]:
        """Calls a line each, or one line that holds them if there are many."""
        uses = [turn for _, turn in turns if len(turn.within) == depth and turn.role in _USES]
        many = len(uses) - _repeated(uses) > RUN
        lines = list(self._lines(turns, depth, indent + 2 if many else indent, 0 if many else gap))
        if many:
            first = turns[0]
            errors = sum(turn.error is not None for turn in uses)
            words = " · ".join(
                filter(None, (_counted(uses), error_words(errors) if errors else "", _wall(uses)))
            )
            yield Block(
                f"{UNFOLDED} {words}",
                "error" if errors else "tool",
                indent=indent,
                fold=f"{FOLDED} {words}",
                folded=True,
                gap=gap,
                # The calls that failed are the errors to go to; this is only their lid.
                key=replace(self._key(*first), inner=True),
                holds=len(lines),
            )
        yield from lines

    def _lines(self, turns: Sequence[tuple[int, Turn]], depth: int, indent: int, gap: int) -> Iterator[Block]:
        at = 0
        while at < len(turns):
            place, turn = turns[at]
            stop = at + 1
            while stop < len(turns) and _is_same(turn, turns[stop][1]):
                stop += 1
            if stop > at + 1:
                yield from self._repeat(turns[at:stop], indent, gap)
                gap, at = 0, stop
                continue
            while stop < len(turns) and len(turns[stop][1].within) > depth:
                stop += 1
            inner = self.conversation(turns[at + 1 : stop], indent + 2) if stop > at + 1 else []
            if turn.role == "reasoning":
                yield from self._message(place, turn, "reasoning", indent)
            elif turn.role == "agent":
                yield self._agent(place, turn, turns[at + 1 : stop], inner, indent, gap)
                yield from inner
            else:
                key = self._key(place, turn)
                head, *rest = use_blocks(turn, key, replace(key, inner=True), indent=indent, gap=gap)
                yield replace(head, holds=head.holds + len(inner))
                yield from (*rest, *inner)
            gap = 0
            at = stop

    def _repeat(self, turns: Sequence[tuple[int, Turn]], indent: int, gap: int) -> Iterator[Block]:
        """The same call some times in a row: one line that holds them."""
        lines = []
        for place, turn in turns:
            key = self._key(place, turn)
            lines += use_blocks(turn, key, replace(key, inner=True), indent=indent + 2)
        uses = [turn for _, turn in turns]
        first = uses[0]
        errors = sum(turn.error is not None for turn in uses)
        name = f"{mark_of(first)} {one_line(first.tool) or first.role} {TIMES}{len(uses):,}"
        words = "  ".join(filter(None, (name, _wall(uses), error_words(errors) if errors else "")))
        asked = short(parsed(first.arguments)) or short(first.text)
        yield Block(
            f"{UNFOLDED} {words}",
            "error" if errors else "tool",
            indent=indent,
            fold=f"{FOLDED} {words}" + (f"  {asked}" if asked else ""),
            folded=True,
            gap=gap,
            key=replace(self._key(*turns[0]), inner=True),
            holds=len(lines),
        )
        yield from lines

    def _agent(
        self,
        place: int,
        turn: Turn,
        within: Sequence[tuple[int, Turn]],
        inner: Sequence[Block],
        indent: int,
        gap: int,
    ) -> Block:
        """The line of a sub-agent, which holds its conversation."""
        own = [one for _, one in within if len(one.within) == len(turn.within) + 1]
        asked = next((short(one.text) for one in own if one.role == "user"), "")
        answered = next((short(one.text) for one in reversed(own) if one.role == "assistant"), "")
        uses = [one for one in own if one.role in _USES]
        took = human.duration(turn.duration_ms) if turn.duration_ms is not None else ""
        name = one_line(turn.text) or "agent"
        head = "  ".join(filter(None, (f"{AGENT} {name}", took, _counted(uses) if uses else "")))
        outcome = f"{BAD} error {one_line(turn.error)}" if turn.error else answered
        line = head + (f"  {asked}" if asked else "") + (f" {ARROW} {outcome}" if outcome else "")
        return Block(
            f"{UNFOLDED} {head}" + (f"  {BAD} error {one_line(turn.error)}" if turn.error else ""),
            "error" if turn.error else "tool",
            indent=indent,
            fold=f"{FOLDED} {line}",
            folded=True,
            gap=gap,
            key=self._key(place, turn),
            holds=len(inner),
        )

    def _message(self, place: int, turn: Turn, said: str | None, indent: int) -> list[Block]:
        key = self._key(place, turn)
        if turn.role in ("system", "reasoning", "aside"):
            text = foreign(text_without_binary(turn.text))
            style: BlockStyle = "system" if turn.role == "system" else "reasoning"
            what = {"system": "system prompt", "aside": f"aside of {one_line(turn.tool or 'a model')}"}.get(
                turn.role, "reasoning"
            )
            gap = 0 if said in ("system", "reasoning", "aside") else 1
            return [
                Block(text, style, indent=indent, fold=fold_line(what, text), folded=True, gap=gap, key=key)
            ]
        blocks: list[Block] = []
        if turn.role != said:
            figures = [human.duration(turn.duration_ms)] if turn.duration_ms is not None else []
            if turn.model and not self.blind:
                figures.insert(0, one_line(turn.model))
            figures += [f"recorded: {one_line(turn.payload_state)}"] if turn.payload_state else []
            right = " · ".join(figures) if turn.role == "assistant" else ""
            style = "user" if turn.role == "user" else "assistant"
            blocks.append(Block(turn.role, style, indent=indent - 2, gap=1, right=right, key=key))
        gap = 1 if turn.role == said else 0
        for words in turn.attachments:
            blocks.append(Block(foreign(words), "meta", indent=indent, gap=gap, key=key))
            gap = 0
        if turn.text and turn.role == "assistant" and self.styler is not None:
            blocks += markdown_blocks(turn.text, indent=indent, gap=gap, key=key, styler=self.styler)
        elif turn.text or not (turn.error or turn.attachments):
            blocks += plain_blocks(turn.text, indent=indent, gap=gap, key=key)
        if turn.error:
            blocks.append(Block(f"{BAD} error  {foreign(turn.error)}", "error", indent=indent, key=key))
        return blocks

    @staticmethod
    def _key(place: int, turn: Turn) -> TurnKey:
        return TurnKey(turn.number, turn.trace_id, turn.span_id, place)


def _is_same(one: Turn, other: Turn) -> bool:
    """True for two calls of one tool that were given the same."""
    mine, its = ((turn.role, turn.tool, turn.within, turn.arguments, turn.text) for turn in (one, other))
    return one.role in ("tool", "retrieval") and mine == its


def _repeated(uses: Sequence[Turn]) -> int:
    """How many of some calls are the same as the one right before them."""
    return sum(_is_same(one, other) for one, other in pairwise(uses))


def _counted(uses: Sequence[Turn]) -> str:
    """`7 tool calls · 2 retrievals`."""
    parts = []
    for role, one, many in (
        ("tool", "tool call", "tool calls"),
        ("retrieval", "retrieval", "retrievals"),
        ("agent", "sub-agent", "sub-agents"),
    ):
        number = sum(turn.role == role for turn in uses)
        if number:
            parts.append(f"{number:,} {one if number == 1 else many}")
    return " · ".join(parts)


def _wall(uses: Sequence[Turn]) -> str:
    """The time from the start of the first call to the end of the last."""
    known = [
        (turn.start_ns, turn.start_ns + int(turn.duration_ms * 1e6))
        for turn in uses
        if turn.start_ns is not None and turn.duration_ms is not None
    ]
    if not known:
        return ""
    return human.duration((max(end for _, end in known) - min(start for start, _ in known)) / 1e6)
