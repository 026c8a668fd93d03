"""A page as Markdown: foreign texts stand in fences that nothing in them can close."""

from __future__ import annotations

import re
from collections.abc import Iterator

from traceview.exports.page.content import Entry, PageContent, Section, SpanEntry

_TICKS = re.compile(r"`+")
_ACTIVE = re.compile(r"([\\`*{}\[\]<>#|~@&!]|(?<![^\W_])_|_(?![^\W_])|\$(?![0-9]))")
"""What marks text up inside a line; what does so only at its beginning never stands there.

An underscore inside a word marks nothing up, and a dollar before a digit begins no formula: none can end it.
"""
_BAR = 20


def to_markdown(page: PageContent, footer: str) -> str:
    """The whole page; `footer` says where it came from and what was redacted."""
    return "\n".join(_lines(page, footer)) + "\n"


def _lines(page: PageContent, footer: str) -> Iterator[str]:
    yield f"# {_escaped(page.title)}"
    yield ""
    for name, value in page.facts:
        yield f"- {_escaped(name)}: {_escaped(value)}"
    if page.labels:
        yield ""
        yield "## Labels"
        yield ""
        for label in page.labels:
            yield f"- {_escaped(label)}"
    if page.conversation:
        yield ""
        yield "## Conversation"
        turn = None
        for entry in page.conversation:
            if entry.turn != turn:
                turn = entry.turn
                earlier = " (earlier in the conversation)" if entry.earlier else ""
                yield ""
                yield f"### Turn {turn}{earlier}"
            yield from _entry(entry)
    for title, spans in page.trees:
        yield ""
        yield f"## Spans of {_escaped(title)}"
        yield ""
        yield from _fenced("\n".join(_tree_line(span) for span in spans), "")
        for span in spans:
            for section in span.sections:
                yield ""
                yield f"#### {_escaped(f'{span.kind} {span.name}')} · {_escaped(section.title)}"
                yield from _section(section)
    yield ""
    yield "---"
    yield ""
    if page.left_out:
        yield _escaped(page.left_out)
        yield ""
    yield _escaped(footer)


def _entry(entry: Entry) -> Iterator[str]:
    within = "in a sub-agent, " if entry.depth else ""
    facts = "".join(f" · {_escaped(fact)}" for fact in entry.facts if fact)
    yield ""
    yield f"**{within}{_escaped(entry.role)}**{facts}"
    if entry.error:
        yield ""
        yield f"✗ error: {_escaped(entry.error)}"
    if entry.text:
        yield ""
        yield from _fenced(entry.text, "text")
    for section in entry.details:
        yield ""
        yield f"{_escaped(section.title)}:"
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    yield ""
    yield from _fenced(section.text, "json" if section.code and section.text[:1] in ("{", "[") else "text")


def _fenced(text: str, language: str) -> Iterator[str]:
    longest = max((len(run[0]) for run in _TICKS.finditer(text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}{language}"
    yield text
    yield fence


def _tree_line(span: SpanEntry) -> str:
    bar = " " * _BAR
    if span.begin is not None and span.length is not None:
        begin = min(_BAR - 1, int(span.begin * _BAR))
        length = max(1, min(_BAR - begin, round(span.length * _BAR)))
        bar = " " * begin + "━" * length + " " * (_BAR - begin - length)
    error = f"  ✗ {span.error}" if span.error else ""
    facts = "  ".join(fact for fact in span.facts if fact)
    return f"|{bar}| {'  ' * span.depth}{span.kind} {span.name}  {facts}{error}"


def _escaped(text: str) -> str:
    """Text that stays text wherever Markdown or HTML in Markdown is rendered."""
    return _ACTIVE.sub(r"\\\1", text)
