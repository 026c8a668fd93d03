"""The pieces of a Markdown text, made from the parser's tokens; see `markdown`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token

from traceview.text.cells import width
from traceview.text.markdown import Kind, Mark, Piece, Source
from traceview.text.markdown_inline import inline_of, parser

BULLET = "• "
QUOTE = "▎ "
CODE = "│ "
RULE = "─" * 24
_MARKUP = frozenset(" \n*_~`#>|-+=:\\[]()<>!.")
"""Characters that may go without being shown, since they marked the text up."""
_PARTS = ("hidden", "bold", "italic", "strike", "code", "link", "address")


def pieces_of(text: str, table_width: int) -> tuple[Piece, ...] | None:
    """The pieces of a text; None if a character of it that is no markup would not be shown in its place."""
    walk = _Walk(text, table_width)
    walk.read(parser().parse(text))
    shown = bytearray(len(text))
    position = 0
    for piece in walk.pieces:
        for at, there, size in piece.source:
            if there < position or piece.text[at : at + size] != text[there : there + size]:
                return None
            position = there + size
            shown[there : there + size] = b"\x01" * size
    for there, size in walk.labels:
        shown[there : there + size] = b"\x01" * size
    if any(not seen and char not in _MARKUP for seen, char in zip(shown, text, strict=True)):
        return None
    return tuple(walk.pieces) or None


@dataclass(slots=True)
class _Written:
    """A text with the place of each of its characters in what was written; -1 for one that was added."""

    text: str
    places: list[int]

    def source(self) -> tuple[Source, ...]:
        """The runs of characters that stand together."""
        found: list[Source] = []
        start = 0
        places = self.places
        for at in range(1, len(places) + 1):
            if at == len(places) or places[at] != places[at - 1] + 1 or places[at - 1] < 0:
                if start < at and places[start] >= 0:
                    found.append((start, places[start], at - start))
                start = at
        return tuple(found)


@dataclass(slots=True)
class _Container:
    """A list item or a quote: what stands before its first line and before the others."""

    first: str
    rest: str
    begun: bool = False


@dataclass(slots=True)
class _Walk:
    """Goes through the block tokens in order."""

    text: str
    table_width: int
    pieces: list[Piece] = field(default_factory=list)
    labels: list[tuple[int, int]] = field(default_factory=list)
    _containers: list[_Container] = field(default_factory=list)
    _lines: list[int] = field(default_factory=list)
    _end: int = 0

    def read(self, tokens: Sequence[Token]) -> None:
        """Make the pieces."""
        offset = 0
        for line in self.text.split("\n"):
            self._lines.append(offset)
            offset += len(line) + 1
        self._lines.append(offset)
        at = 0
        while at < len(tokens):
            token = tokens[at]
            if token.type == "list_item_open":
                label = f"{token.info}{token.markup} " if token.info else BULLET
                self._containers.append(_Container(label, " " * width(label)))
                self._number(token)
            elif token.type == "blockquote_open":
                self._containers.append(_Container(QUOTE, QUOTE))
            elif token.type in ("list_item_close", "blockquote_close"):
                if not self._containers[-1].begun:
                    self._add("text", _Written("", []), (), token.map)
                self._containers.pop()
            elif token.type == "inline":
                opening = tokens[at - 1]
                heading = opening.type == "heading_open"
                written, marks = self._inline(token, self._places(token))
                level = int(opening.tag[1:]) if heading else 0
                self._add("heading" if heading else "text", written, marks, token.map, level=level)
            elif token.type in ("fence", "code_block"):
                self._code(token)
            elif token.type == "hr":
                self._add("rule", _Written(RULE, [-1] * len(RULE)), ((0, len(RULE), "mark"),), token.map)
            elif token.type == "table_open":
                end = next(i for i in range(at, len(tokens)) if tokens[i].type == "table_close")
                self._table(tokens[at:end], token.map or [0, 0])
                at = end
            at += 1

    # Adding.

    def _add(
        self,
        kind: Kind,
        written: _Written,
        marks: Sequence[Mark],
        lines: list[int] | None,
        *,
        level: int = 0,
        before: str = "",
    ) -> None:
        first = "".join(one.rest if one.begun else one.first for one in self._containers)
        rest = "".join(one.rest for one in self._containers)
        for one in self._containers:
            one.begun = True
        gap = bool(self.pieces) and lines is not None and lines[0] > self._end
        if lines is not None:
            self._end = max(self._end, lines[1])
        self.pieces.append(
            Piece(
                kind,
                written.text,
                tuple(marks),
                written.source(),
                first + before,
                rest + before,
                level,
                gap or (kind == "heading" and bool(self.pieces)),
            )
        )

    def _number(self, token: Token) -> None:
        if token.info and token.map:
            start = self._lines[token.map[0]]
            found = self.text.find(f"{token.info}{token.markup}", start, self._lines[token.map[0] + 1])
            if found >= 0:
                self.labels.append((found, len(token.info)))

    # Where things were written.

    def _line(self, number: int) -> tuple[int, str]:
        """Where a line begins, and what it says."""
        start, end = self._lines[number], self._lines[number + 1] - 1
        return start, self.text[start:end]

    def _places(self, token: Token) -> list[int]:
        """The place of every character of an inline token's content."""
        places: list[int] = []
        number = (token.map or [0, 0])[0]
        for line in token.content.split("\n"):
            start, written = self._line(number)
            bare = line.rstrip()
            found = written.rstrip().rfind(bare)
            if found < 0:
                places += [-1] * len(line)
            else:
                places += range(start + found, start + found + len(line))
            places.append(self._lines[number + 1] - 1)
            number += 1
        places.pop()
        return places

    def _inline(self, token: Token, places: list[int]) -> tuple[_Written, list[Mark]]:
        """The content as it is read."""
        content = token.content
        found = inline_of(content, token.children or ())
        events: dict[int, list[tuple[int, int]]] = {}
        for start, end in found.hidden:
            events.setdefault(start, []).append((0, 1))
            events.setdefault(end, []).append((0, -1))
        for start, end, part in found.parts:
            events.setdefault(start, []).append((_PARTS.index(part), 1))
            events.setdefault(end, []).append((_PARTS.index(part), -1))
        for start, end in found.repeated:
            self.labels += [(place, 1) for place in places[start:end] if place >= 0]
        added = dict(found.added)
        on = [0] * len(_PARTS)
        text: list[str] = []
        kept: list[int] = []
        marks: list[Mark] = []
        cuts = sorted({0, len(content), *events, *added})
        for start, end in zip(cuts, [*cuts[1:], len(content)], strict=True):
            for which, step in events.get(start, ()):
                on[which] += step
            if start in added:
                text.append(added[start])
                kept += [-1] * len(added[start])
            if on[0] or start == end:
                continue
            name = _part(on)
            if name:
                marks.append((len(kept), len(kept) + end - start, name))
            text.append(content[start:end])
            kept += places[start:end]
        return _Written("".join(text), kept), marks

    # Code and tables.

    def _code(self, token: Token) -> None:
        lines = token.map or [0, 0]
        fenced = token.type == "fence"
        info = token.info.strip()
        if fenced and info:
            start, written = self._line(lines[0])
            found = written.find(info, written.find(token.markup) + len(token.markup))
            places = list(range(start + found, start + found + len(info))) if found >= 0 else [-1] * len(info)
            self._add("label", _Written(info, places), (), [lines[0], lines[0] + 1], before=CODE)
        content = token.content.removesuffix("\n")
        places = []
        for number, line in enumerate(content.split("\n"), start=lines[0] + fenced):
            if number >= len(self._lines) - 1:
                places += [-1] * (len(line) + 1)
                continue
            start, written = self._line(number)
            found = written.rfind(line)
            places += range(start + found, start + found + len(line)) if found >= 0 else [-1] * len(line)
            places.append(self._lines[number + 1] - 1)
        places.pop()
        at = [lines[0], lines[1]] if not (fenced and info) else [self._end, lines[1]]
        self._add("code", _Written(content, places), (), at, before=CODE)

    def _table(self, tokens: Sequence[Token], lines: list[int]) -> None:
        rows: list[list[tuple[_Written, list[Mark]]]] = []
        position = 0
        for token in tokens:
            if token.type == "tr_open":
                position = 0
                rows.append([])
            elif token.type == "inline":
                number = lines[0] + (len(rows) if len(rows) > 1 else 0)
                places, position = self._cell(token.content, number, position)
                rows[-1].append(self._inline(token, places))
        sizes = [max(width(row[n][0].text) for row in rows if n < len(row)) for n in range(len(rows[0]))]
        if sum(sizes) + 3 * (len(sizes) - 1) <= self.table_width:
            self._grid(rows, sizes, lines)
        else:
            self._cards(rows, lines)

    def _cell(self, content: str, number: int, position: int) -> tuple[list[int], int]:
        """The places of a cell's characters in its row, and where the next cell may begin."""
        start, written = self._line(number)
        escaped = content.replace("|", "\\|")
        found = written.find(escaped, position)
        if found < 0:
            return [-1] * len(content), position
        places = []
        at = found
        for char in content:
            at += char == "|"
            places.append(start + at)
            at += 1
        return places, at

    def _grid(
        self, rows: list[list[tuple[_Written, list[Mark]]]], sizes: list[int], lines: list[int]
    ) -> None:
        text = _Joined()
        for number, row in enumerate(rows):
            for column, (written, marks) in enumerate(row):
                if column:
                    text.add(" │ ", "mark")
                text.take(written, marks if number else [(0, len(written.text), "bold")])
                if column < len(row) - 1:
                    text.add(" " * (sizes[column] - width(written.text)))
            if not number:
                text.add("\n" + "─┼─".join("─" * size for size in sizes), "mark")
            if number < len(rows) - 1:
                text.add("\n")
        self._add("table", text.written, text.marks, lines)

    def _cards(self, rows: list[list[tuple[_Written, list[Mark]]]], lines: list[int]) -> None:
        """Too wide for a grid: the names of the columns, then a row at a time, each value after its column's name."""
        heads = _Joined()
        for column, (written, _) in enumerate(rows[0]):
            if column:
                heads.add(" │ ", "mark")
            heads.take(written, [(0, len(written.text), "bold")])
        self._add("text", heads.written, heads.marks, [lines[0], lines[0] + 1])
        for row in rows[1:]:
            self._containers.append(_Container(BULLET, "  "))
            card = _Joined()
            for column, (written, marks) in enumerate(row):
                if not written.text:
                    continue
                if card.marks:
                    card.add("\n")
                card.add(f"{rows[0][column][0].text}: ", "mark")
                card.take(written, marks)
            self._add("text", card.written, card.marks, None)
            self._containers.pop()
        self._end = max(self._end, lines[1])


class _Joined:
    """Texts joined, with their places and marks."""

    def __init__(self) -> None:
        self.marks: list[Mark] = []
        self._texts: list[str] = []
        self._places: list[int] = []

    @property
    def written(self) -> _Written:
        """All of it."""
        return _Written("".join(self._texts), self._places)

    def add(self, text: str, part: str | None = None) -> None:
        """Add what nobody wrote."""
        marks = [(0, len(text), part)] if part else []
        self.take(_Written(text, [-1] * len(text)), marks)

    def take(self, written: _Written, marks: Sequence[Mark]) -> None:
        """Add a text."""
        offset = len(self._places)
        self.marks += [(first + offset, last + offset, part) for first, last, part in marks]
        self._texts.append(written.text)
        self._places += written.places


def _part(on: Sequence[int]) -> str:
    """The one part to draw for those that are on."""
    _, bold, italic, strike, code, link, address = (bool(count) for count in on)
    chosen: Iterator[str] = (
        name
        for name, holds in (
            ("address", address),
            ("code", code),
            ("link", link),
            ("strike", strike),
            ("bold-italic", bold and italic),
            ("bold", bold),
            ("italic", italic),
        )
        if holds
    )
    return next(chosen, "")
