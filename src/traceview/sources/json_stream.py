"""One large JSON document read element by element, so that memory holds one element and not the document.

What is an element: each item of a top-level array; each item of a list under one of the keys that hold a page of
records (`{"data": [...]}`); else the whole top-level value. An item of a page that is large itself, because it holds
lists in lists of what is read (the spans of a scope of a resource), is given in parts, each with what stands around
its items. Brackets and quotes are found in blocks of bytes, never one
by one, so that it costs less than parsing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import IO, Any, Literal, NamedTuple

import orjson
from msgspec import Struct
from msgspec.structs import replace

BLOCK = 1 << 16
PART = 1 << 24
"""Bytes of an item of a page from which on it is given in parts."""
LARGEST = 1 << 28
"""An element with more bytes is not read: nothing says that it ever ends."""

_KEY = re.compile(rb'"((?:[^"\\]|\\.){1,100})"\s*:\s*$', re.DOTALL)
_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n\0,"
_LIST = ord("[")
_OF_RECORDS = frozenset(("id", "span_id", "name", "info", "trace"))
"""Keys that tell a record from a page of records."""


class Element(Struct, frozen=True):
    """The text of one element, the line on which it begins, and the number of bytes before it.

    `key` is the key of the page that it stands in. `broken` says why nothing follows, and then the text is only what
    can be shown of it; of an element that is `torn`, because the stream ends, it is all that there is.
    """

    text: bytes
    line: int
    offset: int
    key: str | None = None
    broken: str | None = None
    torn: bool = False


class _Event(NamedTuple):
    """A bracket outside of texts: where it is, how deep it is after it, whether it opens."""

    at: int
    depth: int
    opens: bool


def elements(
    stream: IO[bytes],
    pages: tuple[str, ...] = (),
    on_bytes: Callable[[int], object] | None = None,
    lists: tuple[str, ...] = (),
) -> Iterator[Element]:
    """The elements of all top-level values of a stream; `on_bytes` gets the size of each block.

    `lists` are the keys of lists in lists of an item of a page, between whose items a large one may be parted.
    Raises what reading the stream raises.
    """
    splitter = _Splitter(pages, lists)
    first = True
    while not splitter.ended and (block := stream.read(BLOCK)):
        if on_bytes is not None:
            on_bytes(len(block))
        yield from splitter.feed(block.removeprefix(_BOM) if first else block)
        first = False
    if not splitter.ended:
        yield from splitter.finish()


class _Splitter:
    """Cuts blocks into elements."""

    def __init__(self, pages: tuple[str, ...], lists: tuple[str, ...]) -> None:
        self.ended = False
        self._pages = frozenset(pages)
        self._lists = frozenset(lists)
        self._brackets = _Brackets(3 if pages else 2)
        self._in: Literal["nothing", "array", "object", "page", "rest"] = "nothing"
        """What is open around the elements; `rest` is an object one of whose pages was read."""
        self._key: str | None = None
        self._held = bytearray()
        """The bytes since the last element, or since the beginning of the one that is open."""
        self._part_from = PART
        self._line = 1
        self._offset = 0

    def feed(self, block: bytes) -> Iterator[Element]:
        """The elements that end in this block."""
        begin = len(self._held)
        self._held += block
        cut = 0
        for event in self._brackets.events(block):
            position = begin + event.at
            if event.depth < 0:
                self.ended = True
                yield self._broken(cut, position, "more brackets are closed than opened")
                return
            level = {"array": 1, "page": 2}.get(self._in)
            if level is not None and event.depth == level + 1 and event.opens:
                yield from self._between(cut, position)
                cut = position
            elif level is not None and event.depth == level and not event.opens:
                yield self._element(cut, position + 1)
                cut = position + 1
            elif level is not None and event.depth < level:
                yield from self._between(cut, position)
                self._in, self._key = ("nothing" if event.depth == 0 else "rest"), None
                cut = self._passed(position, position + 1)
            elif self._in == "nothing" and event.opens:
                yield from self._between(cut, position)
                self._in = "array" if self._held[position] == _LIST else "object"
                cut = self._passed(position, position + 1) if self._in == "array" else position
            elif self._in in ("object", "rest") and event.depth == 2 and event.opens:
                key = self._page(cut, position)
                if key is not None:
                    self._in, self._key = "page", key
                    cut = self._passed(cut, position + 1)
            elif self._in == "object" and event.depth == 0:
                yield self._element(cut, position + 1)
                cut, self._in = position + 1, "nothing"
            elif self._in == "rest" and event.depth == 0:
                self._in = "nothing"
                cut = self._passed(cut, position + 1)
        del self._held[:cut]
        if self._in == "page" and len(self._held) >= self._part_from and self._lists:
            yield from self._part()
        if len(self._held) > LARGEST:
            self.ended = True
            yield self._broken(0, len(self._held), f"an element has more than {LARGEST >> 20} MB")

    def finish(self) -> Iterator[Element]:
        """What is left when the stream ends."""
        if self._in != "nothing" or self._held.strip(_SPACE):
            torn = self._broken(0, len(self._held), "the file ends in the middle of a value")
            yield replace(torn, text=bytes(self._held).lstrip(_SPACE), torn=True)

    def _part(self) -> Iterator[Element]:
        """The items of an inner list that ended within what is held, with what stands around them."""
        text = bytes(self._held)
        opened = [0] * 6
        ended = 0
        cut: tuple[int, int, int, int, int] | None = None
        for event in _Brackets(5).events(text):
            if event.opens:
                opened[event.depth] = event.at
                if event.depth == 5 and ended and text[opened[2]] == text[opened[4]] == _LIST:
                    cut = (opened[2], opened[3], opened[4], ended, event.at)
            elif event.depth == 4:
                ended = event.at + 1
            elif event.depth < 4:
                ended = 0
        if cut is None or not all(self._is_list(text, at) for at in (cut[0], cut[2])):
            # one item alone may be that large: no second look at the same bytes
            self._part_from = len(text) + PART
            return
        self._part_from = PART
        outer, holder, inner, end, begin = cut
        yield Element(text[:end] + b"]}]}", self._line, self._offset, self._key)
        around = text[: outer + 1] + text[holder : inner + 1]
        self._line += text.count(b"\n", 0, begin) - around.count(b"\n")
        self._offset += begin - len(around)
        self._held[:begin] = around

    def _is_list(self, text: bytes, at: int) -> bool:
        """Whether the list that begins here is one whose items may be given apart."""
        found = _KEY.search(text, max(0, at - 128), at)
        return found is not None and found[1].decode("utf-8", "replace") in self._lists

    def _element(self, begin: int, end: int) -> Element:
        """What lies between two positions."""
        with memoryview(self._held) as view:
            text = bytes(view[begin:end])
        element = Element(text, self._line, self._offset, self._key)
        self._passed(begin, end)
        return element

    def _between(self, begin: int, end: int) -> Iterator[Element]:
        """What lies between two elements, if it is more than separators."""
        junk = bytes(self._held[begin:end]).strip(_SPACE)
        if junk:
            at = self._held.index(junk, begin)
            self._passed(begin, at)
            yield Element(junk, self._line, self._offset, self._key)
            begin = at
        self._passed(begin, end)

    def _broken(self, begin: int, end: int, why: str) -> Element:
        while begin < end and self._held[begin] in _SPACE:
            begin = self._passed(begin, begin + 1)
        return Element(
            bytes(self._held[begin : min(end, begin + 200)]), self._line, self._offset, self._key, why
        )

    def _passed(self, begin: int, end: int) -> int:
        """Count the bytes between two positions; the second one."""
        self._line += self._held.count(b"\n", begin, end)
        self._offset += end - begin
        return end

    def _page(self, begin: int, position: int) -> str | None:
        """The key of the page that this bracket begins, if it does and the object around it is no record."""
        if self._held[position] != _LIST:
            return None
        found = _KEY.search(self._held, max(begin, position - 128), position)
        key = found[1].decode("utf-8", "replace") if found else ""
        if key not in self._pages:
            return None
        if self._in == "object":
            try:
                before = orjson.loads(bytes(self._held[begin:position]) + b"[]}")
            except orjson.JSONDecodeError:
                return None
            if _OF_RECORDS & before.keys():
                return None
        return key


class _Brackets:
    """Finds the brackets outside of texts that are at most so deep, block by block."""

    def __init__(self, deepest: int) -> None:
        self._deepest = deepest
        self._depth = 0
        self._in_text = False
        self._escaped = False
        """Whether the first byte of the next block is escaped."""

    def events(self, block: bytes) -> Iterator[_Event]:
        """The brackets of a block in their order."""
        import numpy as np

        found = np.frombuffer(block, np.uint8)
        quotes = self._quotes(np, found)
        lowered = found | 0x20  # { and [ differ by this bit only, and so do } and ]
        at = np.flatnonzero((lowered == 0x7B) | (lowered == 0x7D))
        inside = (np.searchsorted(quotes, at) + self._in_text) & 1
        at = at[inside == 0]
        opens = lowered[at] == 0x7B
        depth = np.cumsum(np.where(opens, 1, -1)) + self._depth
        self._in_text = bool((len(quotes) + self._in_text) & 1)
        if len(depth):
            self._depth = int(depth[-1])
        shallow = np.flatnonzero(depth <= self._deepest)
        return map(_Event, at[shallow].tolist(), depth[shallow].tolist(), opens[shallow].tolist())

    def _quotes(self, np: Any, found: Any) -> Any:
        """Where the quotes are that begin or end a text."""
        quotes = found == 0x22
        slashes = np.flatnonzero(found == 0x5C)
        escaped_first, self._escaped = self._escaped, False
        if len(slashes):
            # in a run of backslashes every second one escapes; what follows the run is escaped if the run is odd
            starts = np.flatnonzero(np.diff(slashes, prepend=-2) != 1)
            lengths = np.diff(starts, append=len(slashes))
            after = slashes[starts + lengths - 1] + 1
            if escaped_first and slashes[0] == 0:
                lengths[0] -= 1
            escaped = after[lengths & 1 == 1]
            if len(escaped) and escaped[-1] == len(found):
                self._escaped = True
                escaped = escaped[:-1]
            quotes[escaped] = False
        if escaped_first:
            quotes[0] = False
        return np.flatnonzero(quotes)
