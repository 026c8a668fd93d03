"""Blocks of which only the lines that hold a text are kept, with what holds those lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from traceview.tui.widgets.blocks import Block

_HEADS = frozenset({"heading", "divider", "user", "assistant", "system", "tool", "meta"})


def matching(blocks: Sequence[Block], text: str) -> tuple[list[Block], int, int]:
    """The blocks with the lines that hold a text, ignoring case; how many lines those are, and of how many.

    A head whose own line holds the text keeps all that it holds. Folded text is looked into, and unfolded.
    """
    wanted = text.casefold()
    lines = sum(block.text.count("\n") + 1 for block in blocks)
    if not wanted:
        return list(blocks), lines, lines
    kept, hits = _kept(blocks, wanted)
    return kept, hits, lines


def _kept(blocks: Sequence[Block], wanted: str) -> tuple[list[Block], int]:
    found: list[Block] = []
    pending: Block | None = None
    hits = 0
    at = 0
    while at < len(blocks):
        block = blocks[at]
        stop = at + 1 + block.holds
        mine = [line for line in block.text.split("\n") if wanted in line.casefold()]
        if block.holds:
            held: Sequence[Block] = blocks[at + 1 : stop]
            if mine:
                count = sum(one.text.count("\n") + 1 for one in held) + 1
            else:
                held, count = _kept(held, wanted)
                end = blocks[stop - 1]
                if count and end.text.strip(" ,") in ("}", "]") and (not held or held[-1] is not end):
                    held = [*held, end]
            group = [replace(block, holds=len(held), folded=False), *held] if count else []
        else:
            count = len(mine) or int(wanted in block.label.casefold())
            group = [_only(block, mine)] if count else []
        if group:
            if pending is not None and pending not in group:
                found.append(pending)
            pending = None
            found += group
            hits += count
        elif block.style in _HEADS and not block.holds:
            pending = block
        at = stop
    return found, hits


def _only(block: Block, lines: Sequence[str]) -> Block:
    if not lines or len(lines) == block.text.count("\n") + 1:
        return replace(block, folded=False)
    return replace(block, text="\n".join(lines), marks=(), source=(), folded=False)
