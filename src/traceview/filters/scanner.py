"""The words of the filter language: names with their operators, quoted texts, bare values, expressions."""

from __future__ import annotations

import re

from traceview.filters.errors import FilterError
from traceview.filters.values import Chunk

SPACE = re.compile(r"\s+")
FIELD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
KEY = re.compile(r"[^\s()\":=<>~!,]+")
OPERATOR = re.compile(r":(?=[<>])(?:[<>]=?)|[:=~]|!=|!~|[<>]=?")
BARE_VALUE = re.compile(r"[^\s()\",]+")
BARE_WORD = re.compile(r"[^\s()\"]+")
KEYWORD = re.compile(r"(and|or|not)(?=[\s()\"]|$)", re.IGNORECASE)
QUANTIFIED = re.compile(r"([A-Za-z]\w*)\(\s*(\w+)\s*:", re.ASCII | re.IGNORECASE)
QUANTIFIER = re.compile(r"([A-Za-z]\w*)\(\s*span\s*:", re.ASCII | re.IGNORECASE)

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_NUL = "\\u0000"
"""The one character that no command line can hold."""
_QUOTE_STOP = re.compile(r'[\\"]')
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_SLASH_STOP = re.compile(r"[\\/]")


def read_quoted(text: str, position: int) -> tuple[str, int]:
    """The text in the double quotes that open at a position, and the offset behind them. Raises FilterError.

    `\\"`, `\\\\`, `\\n`, `\\r`, `\\t` and `\\u0000` are escapes; any other backslash stands for itself.
    """
    parts: list[str] = []
    offset = position + 1
    while True:
        stop = _QUOTE_STOP.search(text, offset)
        if stop is None:
            raise FilterError("the quote is not closed", text, position)
        parts.append(text[offset : stop.start()])
        if stop[0] == '"':
            return "".join(parts), stop.end()
        following = text[stop.end() : stop.end() + 1]
        if following in _ESCAPES:
            parts.append(_ESCAPES[following])
            offset = stop.end() + 1
        elif text.startswith(_NUL, stop.start()):
            parts.append("\0")
            offset = stop.start() + len(_NUL)
        else:
            parts.append("\\")
            offset = stop.end()


def read_slashed(text: str, position: int) -> tuple[str, int]:
    """The expression in the slashes that open at a position, and the offset behind them. Raises FilterError.

    `\\/` is a slash; every other escape belongs to the expression.
    """
    parts: list[str] = []
    offset = position + 1
    while True:
        stop = _SLASH_STOP.search(text, offset)
        if stop is None:
            raise FilterError("the regular expression is not closed with /", text, position)
        parts.append(text[offset : stop.start()])
        if stop[0] == "/":
            return "".join(parts), stop.end()
        following = text[stop.end() : stop.end() + 1]
        parts.append("/" if following == "/" else "\\" + following)
        offset = stop.end() + 1


def unescape_slashes(pattern: str) -> str:
    """An expression in which `\\/` is a plain slash, as it is kept in the tree."""
    return _ESCAPED.sub(lambda match: "/" if match[0] == "\\/" else match[0], pattern)


def read_chunks(text: str, position: int, bare: re.Pattern[str], joints: str) -> tuple[list[Chunk], int]:
    """The chunks of one value or word from a position on, and the offset behind them. Raises FilterError.

    Quoted and bare chunks stand side by side only where the bare one has one of `joints` (`*`, `@`).
    """
    chunks: list[Chunk] = []
    while position < len(text):
        if text[position] == '"':
            if chunks and (chunks[-1].quoted or chunks[-1].text[-1] not in joints):
                raise FilterError(
                    "there is a quote within a value; put the whole value in quotes", text, position
                )
            piece, end = read_quoted(text, position)
            chunks.append(Chunk(piece, True))
        else:
            match = bare.match(text, position)
            if match is None:
                break
            if chunks and match[0][0] not in joints:
                raise FilterError("a space is missing after the quote", text, position)
            chunks.append(Chunk(match[0], False))
            end = match.end()
        position = end
    if chunks and text[position : position + 1] == "(":
        raise FilterError('there is a parenthesis within a text; put the text in "quotes"', text, position)
    return chunks, position
