"""Foreign text made safe to draw: nothing in it can move the cursor, reorder, hide or pose as something else.

Control characters become their pictures (`␛`), everything else that acts or hides becomes its code point
(`⟦U+202E⟧`). Emoji sequences, variation selectors after a visible character and joiners inside the scripts
that need them are kept.
"""

from __future__ import annotations

import re
from unicodedata import category

_NO_LETTER = "\u25cc"
"""The dotted circle, which Unicode draws where a mark has no letter."""
_ALWAYS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1 (single-byte CSI, OSC, NEL)
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiner, fillers, Mongolian marks
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line separators, bidi controls, invisible operators
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"  # fillers, selectors, BOM, annotations
    "\ud800-\udfff"  # lone surrogates: no terminal encoding holds them
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # format controls, tags, selectors
)
_BAD = re.compile(f"[{_ALWAYS}]")
_BAD_OR_SPACE = re.compile(f"[{_ALWAYS}\t\n]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_CRLF = re.compile("\r\n?")

_JOINERS = "\u200c\u200d"
_JOINING_SCRIPTS = (
    (0x0600, 0x08FF),  # Arabic, Syriac, N'Ko
    (0x0900, 0x0DFF),  # scripts of India and Sri Lanka
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1800, 0x18AF),  # Mongolian
)
_IDEOGRAPHS = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))


def safe(text: str) -> str:
    """The text with tabs and newlines kept and everything dangerous visible."""
    if text.isascii() and text.isprintable():
        return text
    return _BAD.sub(_visible, text)


def safe_line(text: str) -> str:
    """The text on one line: newlines become `⏎`, tabs become spaces."""
    if text.isascii() and text.isprintable():
        return text
    if "\r" in text:
        text = _CRLF.sub("\n", text)
    line = _BAD_OR_SPACE.sub(_visible, text)
    # A mark without a letter of its own would join, and widen, whatever is drawn before the line.
    return f"{_NO_LETTER}{line}" if line and category(line[0]).startswith("M") else line


def safe_block(text: str, tab_width: int = 4) -> str:
    """The text with newlines kept (`\\r\\n` becomes one) and each tab as `tab_width` spaces."""
    if text.isascii() and text.isprintable():
        return text
    if "\r\n" in text:
        text = text.replace("\r\n", "\n")
    if "\t" in text:
        text = text.replace("\t", " " * tab_width)
    return _BAD.sub(_visible, text)


def storable(text: str) -> str:
    """A text that every file can hold: halves of characters, as of JSON cut in the middle, become U+FFFD."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def _visible(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    if code < 0x20:
        if char == "\n":
            return "⏎"
        return " " if char == "\t" else chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if char in _JOINERS or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
        text, position = match.string, match.start()
        before = text[position - 1] if position else ""
        after = text[position + 1] if position + 1 < len(text) else ""
        if _harmless(char, before, after):
            return char
    return f"⟦U+{code:04X}⟧"


def _harmless(char: str, before: str, after: str) -> bool:
    """True for a joiner or variation selector that does its proper work between its neighbours."""
    if not before:
        return False
    code, previous = ord(char), ord(before)
    if char in _JOINERS:
        if char == "\u200d" and after and _emoji_part(previous) and _emoji(ord(after)):
            return True
        return _within(previous, _JOINING_SCRIPTS)
    if code >= 0xE0100:
        return _within(previous, _IDEOGRAPHS)
    return before.isprintable() and not before.isspace() and not 0xFE00 <= previous <= 0xFE0F


def _emoji(code: int) -> bool:
    return 0x1F000 <= code <= 0x1FAFF or 0x2190 <= code <= 0x2BFF


def _emoji_part(code: int) -> bool:
    return _emoji(code) or code == 0xFE0F


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)
