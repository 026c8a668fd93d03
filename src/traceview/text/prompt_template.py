"""Templates of prompts as files hold them, and which texts were made from them.

Placeholders are `{x}`, `{{x}}`, `${x}` and `$x`; Jinja's `{% … %}` blocks match anything from their beginning
to their end, and comments `{# … #}` nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from traceview.text.prompt_masks import ANYTHING

LEAST_LITERAL = 16
"""Fewer characters than this that are no placeholders match too much to tell anything."""

_HOLE = "\0"
_TOKENS = re.compile(
    r"\{#|\{%|\{\{|\$\{[^{}\n]*+\}|\{[A-Za-z_][^{}\n]*+\}|\{\d*+\}|\$[A-Za-z_]\w*+",
)
_CLOSERS = {"{#": "#}", "{%": "%}", "{{": "}}"}
_TAG = re.compile(r"-?\s*+(\w*+)")
_OPENING = ("if", "for", "macro", "call", "filter", "block", "raw", "with", "autoescape", "trans")
_FRONT_MATTER = re.compile(r"\A---[ \t]*+\n.*?\n---[ \t]*+(?:\n|\Z)", re.DOTALL)


class PromptTemplate(Struct, frozen=True):
    """The literal pieces of a template, blanks put together; between two of them anything may stand."""

    pieces: tuple[str, ...]

    @property
    def literal(self) -> int:
        """How many characters are no placeholders."""
        return sum(map(len, self.pieces))

    def matches(self, text: str) -> bool:
        """Whether a text, its blanks put together, was made from the template. Takes time linear in the text."""
        first, *rest = self.pieces
        if not rest:
            return text == first
        last = rest.pop()
        if not text.startswith(first) or not text.endswith(last):
            return False
        at, end = len(first), len(text) - len(last)
        for piece in rest:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return at <= end


def template_of_form(form: str) -> PromptTemplate:
    """The template of masked prompts (`prompt_masks`), whose `⟨…⟩` stand for anything."""
    first, *rest = (" ".join(piece.split()) for piece in form.split(ANYTHING))
    return PromptTemplate((first, *(piece for piece in rest[:-1] if piece), *rest[-1:]))


def parse_template(text: str) -> PromptTemplate:
    """The template that a file's text is; front matter between `---` lines is none of it."""
    text = _FRONT_MATTER.sub("", text.removeprefix("\ufeff").replace("\r\n", "\n").replace(_HOLE, " "))
    kept: list[str] = []
    at = depth = 0
    for begins, end, tag in _tokens(text):
        if depth == 0:
            kept += [text[at:begins], "" if text.startswith("{#", begins) else _HOLE]
        at = end
        if tag in _OPENING:
            depth += 1
        elif tag.startswith("end"):
            depth = max(0, depth - 1)
    if depth == 0:
        kept.append(text[at:])
    first, *rest = (" ".join(piece.split()) for piece in "".join(kept).split(_HOLE))
    return PromptTemplate((first, *(piece for piece in rest[:-1] if piece), *rest[-1:]))


def _tokens(text: str) -> Iterator[tuple[int, int, str]]:
    """Where each placeholder, block and comment begins and ends, and the tag of a block."""
    at = 0
    never: set[str] = set()
    """What does not come any more: not looked for again."""
    while (token := _TOKENS.search(text, at)) is not None:
        begins, end, tag = token.start(), token.end(), ""
        closer = _CLOSERS.get(token.group())
        if closer is not None:
            found = text.find(closer, end) if closer not in never else -1
            if found < 0:
                never.add(closer)
                at = begins + 1
                continue
            if closer == "%}":
                opened = _TAG.match(text, end, found)
                tag = opened.group(1) if opened is not None else ""
            end = found + len(closer)
            if closer == "}}" and text.startswith("}", end):
                end += 1
        yield begins, end, tag
        at = end
