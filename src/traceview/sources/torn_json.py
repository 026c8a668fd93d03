"""What is whole of a JSON text that breaks off: the spans that ended before."""

from __future__ import annotations

import re

_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*)"(\s*:)?|[\[\]{}]', re.DOTALL)
_HOLDERS = frozenset(
    (
        b"resourceSpans", b"resource_spans", b"batches", b"scopeSpans", b"scope_spans", b"data", b"traces",
        b"instrumentationLibrarySpans", b"instrumentation_library_spans", b"spans",
    )
)  # fmt: skip
"""The keys under which requests and traces hold what they consist of, down to their spans."""
_CLOSES = {b"{": b"}", b"[": b"]"}


def whole_spans(text: bytes, key: str | None = None) -> bytes | None:
    """The text up to its last whole span, its open brackets closed; None if there is no span before it breaks off.

    `key` is that of the list in which the text is an item.
    """
    name = key.encode() if key is not None else None
    around: list[tuple[bytes, bytes | None, bool]] = []
    """Each open bracket with the key before it, and whether it and all around it hold spans."""
    end = 0
    closing: list[bytes] = []
    for token in _TOKEN.finditer(text):
        bracket = token[0]
        if bracket[:1] == b'"':
            name = token[1] if token[2] else None
        elif bracket in _CLOSES:
            inside = not around or around[-1][2]
            if around and around[-1][0] == b"[":
                name = around[-1][1]
            around.append((bracket, name, inside and (name is None or name in _HOLDERS)))
            name = None
        elif not around or _CLOSES[around.pop()[0]] != bracket:
            break
        elif around and around[-1][0] == b"[" and around[-1][1] == b"spans" and around[-1][2]:
            end = token.end()
            closing = [_CLOSES[opened] for opened, _, _ in reversed(around)]
    return text[:end] + b"".join(closing) if end else None
