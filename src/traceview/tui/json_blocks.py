"""JSON as blocks that fold: one block for the head of every object and list, few for what stands between. Pure.

The text is read token by token, so that numbers, key order and repeated keys stay as they were written, and so that
the beginning of a text of any size is laid out without reading the rest of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace

from traceview.text import human
from traceview.text.safe import safe_line
from traceview.tui.glyphs import FOLDED, MORE
from traceview.tui.widgets.blocks import Block, foreign

WINDOW = 128_000
"""Characters that are laid out; what comes after them in a longer text is shown as it is written, and that is said."""
MANY_LINES = 3_000
"""Lines from which objects and lists begin folded, but for the outer ones."""
OPEN_DEPTH = 2
"""How deep a text of many lines is open."""
RUN_LINES = 100
"""Lines of values that make one block at most."""
SHORT = 60
"""Characters up to which a list or an object of plain values stands on one line."""
LEVELS = 3
"""So deep is JSON that stands in the strings of JSON decoded."""
DEEPEST = 200
"""Objects in objects up to which JSON is laid out at all."""
DECODED = "decoded from a string"
UNESCAPED = "lines of a string"
LONG = 60
"""Characters from which a string with line breaks is shown in lines."""
STEP = 2

_TOKEN = re.compile(
    r'[ \t\r\n]*+(?:(?P<sign>[{}\[\],:])|(?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+")'
    r"|(?P<plain>-?[0-9]++(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|true|false|null|NaN|-?Infinity))",
    re.DOTALL,
)
_OPEN_STRING = re.compile(r'[ \t\r\n]*+"')
_CLOSES = {"{": "}", "[": "]"}


@dataclass(slots=True)
class _Open:
    """An object or a list whose end was not read yet."""

    sign: str
    head: str
    """What stands before the sign: the key, or nothing."""
    blocks: list[Block] = field(default_factory=list)
    run: list[str] = field(default_factory=list)
    count: int = 0
    key: str | None = None
    plain: bool = True
    """True while only plain values were read."""
    wants: Literal["first", "key", "colon", "value", "comma"] = "first"


class _NotJson(ValueError):
    """The text does not follow the grammar."""


def size_text(characters: int) -> str:
    """A length as people say it: `812 characters`, `14.2 KB`, `50.0 MB`; a character counts as one."""
    if characters < 10_000:
        return f"{characters:,} characters"
    if characters < 1_000_000:
        return f"{characters / 1e3:.1f} KB"
    return f"{characters / 1e6:.1f} MB"


def json_blocks(text: str, *, indent: int = 0, levels: int = LEVELS) -> list[Block] | None:
    """The blocks of a JSON object or list, or of the beginning of a long one; None if the text is neither.

    Objects and lists fold. Those that stood in a string say so at the right. Joined, the lines of the unfolded
    blocks are the JSON again, with the decoded strings as what they hold.
    """
    if not text[:64].lstrip().startswith(("{", "[")):
        return None
    cut = len(text) > WINDOW
    try:
        blocks, end = _read(text, WINDOW if cut else len(text), cut, levels)
    except _NotJson:
        return None
    if sum(block.text.count("\n") + 1 for block in blocks) > MANY_LINES:
        blocks = folded_below(blocks, OPEN_DEPTH)
    blocks = [replace(block, indent=block.indent + indent) for block in blocks] if indent else blocks
    return [*blocks, *rest_blocks(text, end, indent)]


def rest_blocks(text: str, shown: int, indent: int = 0) -> list[Block]:
    """What says how much of a text is laid out, and the rest of it, folded, as it is written; nothing at its end."""
    if shown >= len(text):
        return []
    said = f"{size_text(shown)} of {size_text(len(text))} are laid out above"
    fold = f"{FOLDED} {size_text(len(text) - shown)} more, as they are written · Space unfolds"
    return [
        Block(said, "meta", indent=indent, gap=1),
        Block(foreign(text[shown:]), "text", indent=indent, fold=fold, folded=True),
    ]


def folded_below(blocks: Sequence[Block], depth: int) -> list[Block]:
    """The blocks with everything folded that lies inside of `depth` others."""
    ends: list[int] = []
    result = []
    for at, block in enumerate(blocks):
        while ends and ends[-1] <= at:
            ends.pop()
        result.append(replace(block, folded=True) if block.holds and len(ends) >= depth else block)
        if block.holds:
            ends.append(at + 1 + block.holds)
    return result


def _read(text: str, limit: int, cut: bool, levels: int) -> tuple[list[Block], int]:
    """The blocks of a value and where it ends; what is still open at the limit of a cut text is closed there."""
    stack: list[_Open] = [_Open("", "")]
    at = 0
    while True:
        if len(stack) == 1 and stack[0].count:
            if text[at:limit].strip():
                raise _NotJson
            return stack[0].blocks, len(text)
        match = _TOKEN.match(text, at, limit)
        if match is None or (cut and match.end() == limit and match["plain"]):
            if cut and len(stack) > 1 and (not text[at:limit].strip() or _is_open(text, at, limit)):
                break
            raise _NotJson
        _take(stack, match, levels)
        at = match.end()
    top = stack[-1]
    piece = text[at:limit].strip()
    if top.sign == "{" and top.wants == "colon":
        piece = f"{top.key}{piece}"
    elif top.wants == "value":
        piece = _head(top) + piece
    if piece:
        _add_line(stack, piece)
    while len(stack) > 1:
        _close(stack, closed=False)
    return stack[0].blocks, limit


def _is_open(text: str, at: int, limit: int) -> bool:
    """True if what cannot be read is a value that goes on behind the limit."""
    return _OPEN_STRING.match(text, at, limit) is not None or limit - at < 400


def _take(stack: list[_Open], match: re.Match[str], levels: int) -> None:
    top = stack[-1]
    sign, string = match["sign"], match["string"]
    if sign == ":":
        if top.wants != "colon":
            raise _NotJson
        top.wants = "value"
    elif sign == ",":
        if top.wants != "comma" or not top.sign:
            raise _NotJson
        top.wants = "key" if top.sign == "{" else "value"
        _end_line(top)
    elif sign in ("}", "]"):
        if sign != _CLOSES.get(top.sign) or top.wants not in ("first", "comma"):
            raise _NotJson
        _close(stack)
    elif top.sign == "{" and top.wants in ("first", "key"):
        if string is None:
            raise _NotJson
        top.key, top.wants = string, "colon"
    elif top.wants in ("first", "value"):
        if sign is not None:
            _open(stack, sign)
        else:
            _scalar(stack, string or match["plain"], levels if string is not None else 0)
    else:
        raise _NotJson


def _open(stack: list[_Open], sign: str) -> None:
    if len(stack) > DEEPEST:
        raise _NotJson
    top = stack[-1]
    head = _head(top)
    top.count += 1
    top.plain = False
    _flush(stack)
    top.wants = "comma"
    stack.append(_Open(sign, head))


def _scalar(stack: list[_Open], text: str, levels: int) -> None:
    """A plain value, or what the JSON in a string holds."""
    top = stack[-1]
    if not top.sign:
        raise _NotJson
    inner = _inner(text, levels) if levels and len(text) > 3 else None
    if inner is None:
        _add_line(stack, _head(top) + text)
        return
    head = _head(top)
    top.count += 1
    top.plain = False
    _flush(stack)
    top.wants = "comma"
    first = inner[0]
    deeper = [replace(block, indent=block.indent + STEP * (len(stack) - 1)) for block in inner]
    fold = None if first.fold is None else first.fold.replace(FOLDED + " ", f"{FOLDED} {safe_line(head)}", 1)
    right = first.right or DECODED
    deeper[0] = replace(deeper[0], text=foreign(head) + first.text, fold=fold, right=right)
    top.blocks.extend(deeper)


def _inner(string: str, levels: int) -> list[Block] | None:
    """The blocks of what a string holds, if it holds JSON or a text of several lines."""
    return _json_in(string, levels) or _lines_in(string)


def _lines_in(string: str) -> list[Block] | None:
    if len(string) < LONG or "\\n" not in string:
        return None
    try:
        decoded = json.loads(string, strict=False)
    except ValueError:
        return None
    lines = decoded.count("\n") + 1
    if lines < 2:
        return None
    beginning = safe_line(decoded.strip()[:LONG])
    fold = f'{FOLDED} "{beginning}{MORE}"  {human.count(lines)} lines'
    text = Block(foreign(decoded), "text", indent=STEP)
    return [Block('"', "json", fold=fold, holds=2, right=UNESCAPED), text, Block('"', "json")]


def _json_in(string: str, levels: int) -> list[Block] | None:
    if string[1:33].lstrip(" ")[:1] not in ("{", "[") or string[-33:-1].rstrip(" ")[-1:] not in ("}", "]"):
        return None
    try:
        decoded = json.loads(string, strict=False)
        return _read(decoded, len(decoded), False, levels - 1)[0]
    except ValueError:
        return None


def _head(top: _Open) -> str:
    return f"{top.key}: " if top.sign == "{" and top.key is not None else ""


def _add_line(stack: list[_Open], line: str) -> None:
    top = stack[-1]
    top.run.append(foreign(line).replace("\n", " "))
    top.count += 1
    top.wants = "comma"
    if len(top.run) >= RUN_LINES:
        _flush(stack)


def _end_line(top: _Open) -> None:
    """Put the comma behind what was read last."""
    if top.run:
        top.run[-1] += ","
    elif top.blocks:
        top.blocks[-1] = replace(top.blocks[-1], text=top.blocks[-1].text + ",")


def _flush(stack: list[_Open]) -> None:
    """Make a block of the plain values read so far."""
    top = stack[-1]
    if top.run:
        top.blocks.append(Block("\n".join(top.run), "json", indent=STEP * (len(stack) - 1)))
        top.run = []


def _close(stack: list[_Open], *, closed: bool = True) -> None:
    top = stack[-1]
    depth = STEP * (len(stack) - 2)
    below = stack[-2]
    end = _CLOSES[top.sign] if closed else ""
    short = top.plain and not top.blocks and below.sign and sum(map(len, top.run)) <= SHORT
    if closed and (not top.count or short):
        inner = " ".join(top.run)
        stack.pop()
        below.blocks.append(Block(f"{foreign(top.head)}{top.sign}{inner}{end}", "json", indent=depth))
    else:
        _flush(stack)
        stack.pop()
        noun = (
            ("key" if top.count == 1 else "keys")
            if top.sign == "{"
            else ("item" if top.count == 1 else "items")
        )
        held = [*top.blocks, Block(end or "…", "json", indent=depth)]
        fold = f"{FOLDED} {safe_line(top.head)}{top.sign}…{end}  {human.count(top.count)} {noun}"
        head = Block(foreign(top.head) + top.sign, "json", indent=depth, fold=fold, holds=len(held))
        below.blocks += [head, *held]
