"""Templates of prompts as files hold them, and which texts were made from them.

Placeholders are `{x}`, `{{x}}`, `${x}` and `$x`; Jinja's `{% … %}` blocks match anything from their beginning
to their end, and comments `{# … #}` nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from traceview.text.prompt_masks import ANYTHING

LEAST_LITERAL = 16
"""Fewer characters than this that are no placeholders match too much to tell anything."""

_HOLE = "\0"
_TOKENS = re.compile(
    r"\{#.*?#\}|\{%-?\s*(?P<tag>\w+)?.*?%\}|\{\{\{?.*?\}?\}\}|\$\{[^{}\n]*\}|\{[A-Za-z_][^{}\n]*\}|\{\d*\}|"
    r"\$[A-Za-z_]\w*",
    re.DOTALL,
)
_OPENING = ("if", "for", "macro", "call", "filter", "block", "raw", "with", "autoescape", "trans")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?\n---[ \t]*(?:\n|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PromptTemplate:
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
    for token in _TOKENS.finditer(text):
        tag = token.group("tag") or ""
        if depth == 0:
            kept += [text[at : token.start()], "" if token.group().startswith("{#") else _HOLE]
        at = token.end()
        if tag in _OPENING:
            depth += 1
        elif tag.startswith("end"):
            depth = max(0, depth - 1)
    if depth == 0:
        kept.append(text[at:])
    first, *rest = (" ".join(piece.split()) for piece in "".join(kept).split(_HOLE))
    return PromptTemplate((first, *(piece for piece in rest[:-1] if piece), *rest[-1:]))
