"""The messages of a model call against those of the call before: what is new, what changed, what is gone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from traceview.model.messages import Message
from traceview.store.provenance import message_text
from traceview.text.word_diff import TextDiff, text_diff
from traceview.tui.glyphs import FOLDED
from traceview.tui.widgets.blocks import Block, foreign

MOST_MESSAGES = 2_000
"""Messages up to which two lists are compared."""
AROUND = 120
"""Characters of unchanged text that are shown beside a change."""


def message_diff_blocks(before: Sequence[Message], after: Sequence[Message], than: str) -> list[Block]:
    """What a call's messages have that those before had not; `than` names the call that they are compared with."""
    if max(len(before), len(after)) > MOST_MESSAGES:
        return [Block(f"More than {MOST_MESSAGES:,} messages are not compared.", "meta")]
    old, new = ([(one.role, message_text(one)) for one in messages] for messages in (before, after))
    blocks: list[Block] = []
    added = changed = gone = 0
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            blocks += _same(new[c:d], c)
            continue
        pairs = 0
        while a + pairs < b and c + pairs < d and old[a + pairs][0] == new[c + pairs][0]:
            role, text = new[c + pairs]
            blocks += _changed(role, text_diff(old[a + pairs][1], text), c + pairs)
            pairs += 1
        for role, text in old[a + pairs : b]:
            blocks += _whole("removed", "- gone", role, text, None)
        for number, (role, text) in enumerate(new[c + pairs : d], start=c + pairs):
            blocks += _whole("added", "+ new", role, text, number)
        changed, gone, added = changed + pairs, gone + b - a - pairs, added + d - c - pairs
    counts = [f"{n} {word}" for n, word in ((added, "new"), (changed, "changed"), (gone, "gone")) if n]
    said = ", ".join(counts) or "no difference"
    return [Block(f"Compared with {than}: {said} · ~ shows the messages again", "note"), *blocks]


def _same(messages: Sequence[tuple[str, str]], first: int) -> list[Block]:
    text = "\n\n".join(f"{role}\n{text}" for role, text in messages)
    count = len(messages)
    noun = f"message {first + 1}" if count == 1 else f"messages {first + 1} to {first + count}"
    return [Block(foreign(text), "text", indent=2, gap=1, fold=f"{FOLDED} {noun} as before", folded=True)]


def _whole(part: str, sign: str, role: str, text: str, number: int | None) -> list[Block]:
    place = "" if number is None else f"message {number + 1}"
    body = foreign(text)
    mark = ((0, len(body), part),) if part == "removed" else ()
    return [
        Block(f"{sign}  {role}", "error" if part == "removed" else "assistant", gap=1, right=place),
        Block(body, "text", indent=2, marks=mark),
    ]


def diff_block(diff: TextDiff, indent: int) -> Block:
    """What differs, marked as removed and added, with the text around it; long unchanged parts are left out."""
    text, marks, position = [], [], 0
    for at, piece in enumerate(diff.pieces):
        shown = foreign(piece.text)
        if piece.kind == "same":
            shown = _shortened(shown, first=at == 0, last=at == len(diff.pieces) - 1)
        else:
            marks.append((position, position + len(shown), piece.kind))
        text.append(shown)
        position += len(shown)
    return Block("".join(text), "text", indent=indent, marks=tuple(marks))


def _changed(role: str, diff: TextDiff, number: int) -> list[Block]:
    unit = {"words": "words", "lines": "lines: it is long", "nothing": "only as a whole: it is too long"}[
        diff.unit
    ]
    return [
        Block(f"± changed  {role}", "tool", gap=1, right=f"message {number + 1}"),
        Block(f"compared by {unit}", "meta", indent=2)
        if diff.unit != "words"
        else Block("", "text", indent=2),
        diff_block(diff, 2),
    ]


def _shortened(text: str, *, first: bool, last: bool) -> str:
    """Unchanged text with its middle left out and counted; at an end of the message only what is near the change."""
    head, tail = (0 if first else AROUND), (0 if last else AROUND)
    left_out = len(text) - head - tail
    if left_out <= AROUND:
        return text
    behind = text[-tail:] if tail else ""
    return f"{text[:head]}\n… {left_out:,} characters as before …\n{behind}"
