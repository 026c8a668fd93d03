"""What Markdown's parser found inside a paragraph, by offsets: what to hide, what to add, what to style.

markdown-it does not say where its inline tokens stand: its rules are wrapped to note it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.parser_inline import RuleFuncInlineType
from markdown_it.rules_inline import (
    StateInline,
    autolink,
    backtick,
    emphasis,
    escape,
    image,
    link,
    strikethrough,
)
from markdown_it.token import Token

from traceview.text.urls import find_urls

INLINE_LIMIT = 20_000
"""Characters of one paragraph up to which it is looked into: the parser's time grows faster than its length."""
NOTES = "notes"
"""The type of the token that carries what was noted; it comes last."""
_LATEX = "()[]"
_NO_BLOCKS = ("reference", "html_block", "lheading")
_NO_INLINES = ("html_inline", "entity")


@dataclass(slots=True)
class Inline:
    """By offsets into a paragraph: ranges to hide, texts to add, ranges with a part.

    `repeated` are the hidden ranges whose words stand beside them.
    """

    hidden: list[tuple[int, int]] = field(default_factory=list)
    added: list[tuple[int, str]] = field(default_factory=list)
    parts: list[tuple[int, int, str]] = field(default_factory=list)
    repeated: list[tuple[int, int]] = field(default_factory=list)


@cache
def parser() -> MarkdownIt:
    """The parser. What would hide words (reference definitions, entities, HTML) stays as it was written."""
    md = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    md.disable([*_NO_BLOCKS, *_NO_INLINES])
    rules = md.inline.ruler
    for name, rule in (("link", link), ("image", image), ("autolink", autolink), ("backticks", backtick)):
        rules.at(name, _noting(name, rule))
    rules.at("escape", _noting("escape", escape))
    rules.at("emphasis", _placing(emphasis.tokenize))
    rules.at("strikethrough", _placing(strikethrough.tokenize))
    md.inline.ruler2.at("fragments_join", _hand_over)
    md.core.ruler.disable(["text_join"])
    parse = md.inline.parse

    def bounded(src: str, md: MarkdownIt, env: Any, tokens: list[Token]) -> list[Token]:
        return parse(src, md, env, tokens) if len(src) <= INLINE_LIMIT else tokens

    md.inline.parse = bounded  # type: ignore[method-assign]
    return md


def _noting(name: str, rule: RuleFuncInlineType) -> RuleFuncInlineType:
    """A rule that notes where what it matched begins and ends."""

    def noting(state: StateInline, silent: bool) -> bool:
        start = state.pos
        label = -1
        if not silent and name in ("link", "image") and state.src[start] in "[!":
            label = state.md.helpers.parseLinkLabel(state, start + (name == "image"), name == "link")
        matched = rule(state, silent)
        if matched and not silent:
            _notes(state).append((name, start, label, state.pos))
        return matched

    return noting


def _placing(rule: RuleFuncInlineType) -> RuleFuncInlineType:
    """A rule for delimiters that gives each of its tokens its place."""

    def placing(state: StateInline, silent: bool) -> bool:
        start = state.pos
        matched = rule(state, silent)
        if matched and not silent:
            position = state.pos
            for token in reversed(state.tokens):
                if position <= start:
                    break
                position -= len(token.content)
                token.meta["at"] = (position, len(token.content))
        return matched

    return placing


def _notes(state: StateInline) -> list[tuple[str, int, int, int]]:
    notes: list[tuple[str, int, int, int]] = state.__dict__.setdefault("noted", [])
    return notes


def _hand_over(state: StateInline) -> None:
    """The last rule: put the notes behind the tokens, which are left apart so that each has its place."""
    state.tokens.append(Token(NOTES, "", 0, meta={NOTES: _notes(state)}))


def inline_of(content: str, children: Sequence[Token]) -> Inline:
    """What to hide, to add and to style in the content of an inline token."""
    found = Inline()
    _delimiters(children, found)
    notes = children[-1].meta[NOTES] if children and children[-1].type == NOTES else ()
    linked: list[tuple[int, int]] = []
    for name, start, label, end in notes:
        _NOTED[name](content, start, label, end, found)
        if name in ("link", "image", "autolink", "backticks"):
            linked.append((start, end))
    taken = sorted(linked)
    for start, end in find_urls(content):
        if not any(first < end and start < last for first, last in taken):
            found.parts.append((start, end, "link"))
    return found


def _delimiters(children: Sequence[Token], found: Inline) -> None:
    opened: list[tuple[str, int]] = []
    for token in children:
        at = token.meta.get("at")
        if at is None:
            continue
        position, size = at
        if token.type == "text":
            if not token.content:
                found.hidden.append((position, position + size))
            continue
        found.hidden.append((position, position + size))
        part = {"strong": "bold", "em": "italic", "s": "strike"}[token.tag]
        if token.nesting > 0:
            opened.append((part, position + size))
        elif opened:
            part, start = opened.pop()
            found.parts.append((start, position, part))


def _link(content: str, start: int, label: int, end: int, found: Inline) -> None:
    found.hidden.append((start, start + 1))
    found.parts.append((start + 1, label, "link"))
    address = content[label + 2 : end - 1].strip()
    if address in (content[start + 1 : label], f"<{content[start + 1 : label]}>"):
        found.hidden.append((label, end))
        found.repeated.append((label, end))
        return
    found.hidden.append((label, label + 1))
    found.added.append((label + 1, " "))
    found.parts.append((label + 1, end, "address"))


def _image(content: str, start: int, label: int, end: int, found: Inline) -> None:
    found.hidden += [(start, start + 2), (label, label + 1)]
    found.added += [(start + 2, "image: "), (label + 1, " ")]
    found.parts += [(start + 2, label, "italic"), (label + 1, end, "address")]


def _autolink(content: str, start: int, label: int, end: int, found: Inline) -> None:
    found.hidden += [(start, start + 1), (end - 1, end)]
    found.parts.append((start + 1, end - 1, "link"))


def _backticks(content: str, start: int, label: int, end: int, found: Inline) -> None:
    size = len(content[start:end]) - len(content[start:end].lstrip("`"))
    if end - start <= 2 * size or content[end - size : end] != "`" * size:
        return  # a run of backticks that nothing closes
    found.hidden += [(start, start + size), (end - size, end)]
    found.parts.append((start + size, end - size, "code"))


def _escape(content: str, start: int, label: int, end: int, found: Inline) -> None:
    escaped = content[start + 1 : start + 2]
    if escaped != "\n" and (escaped in _LATEX or escaped.isalnum() or not escaped.isascii()):
        return
    if escaped in "!\"#$%&'*+,-./:;<=>?@\\^_`{|}~\n":
        found.hidden.append((start, start + 1))


_NOTED: dict[str, Callable[[str, int, int, int, Inline], None]] = {
    "link": _link,
    "image": _image,
    "autolink": _autolink,
    "backticks": _backticks,
    "escape": _escape,
}
