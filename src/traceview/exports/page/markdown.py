"""A page as Markdown: foreign texts stand in fences that nothing in them can close."""

from __future__ import annotations

from collections.abc import Iterator

from traceview.exports.marked import escaped, fenced
from traceview.exports.page.content import Entry, PageContent, Section, SpanEntry

_BAR = 20


def to_markdown(page: PageContent, footer: str) -> str:
    """The whole page; `footer` says where it came from and what was redacted."""
    return "\n".join(_lines(page, footer)) + "\n"


def _lines(page: PageContent, footer: str) -> Iterator[str]:
    yield f"# {escaped(page.title)}"
    yield ""
    for name, value in page.facts:
        yield f"- {escaped(name)}: {escaped(value)}"
    if page.labels:
        yield ""
        yield "## Labels"
        yield ""
        for label in page.labels:
            yield f"- {escaped(label)}"
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
        yield f"## Spans of {escaped(title)}"
        yield ""
        yield from fenced("\n".join(_tree_line(span) for span in spans), "")
        for span in spans:
            for section in span.sections:
                yield ""
                yield f"#### {escaped(f'{span.kind} {span.name}')} · {escaped(section.title)}"
                yield from _section(section)
    yield ""
    yield "---"
    yield ""
    if page.left_out:
        yield escaped(page.left_out)
        yield ""
    yield escaped(footer)


def _entry(entry: Entry) -> Iterator[str]:
    within = "in a sub-agent, " if entry.depth else ""
    facts = "".join(f" · {escaped(fact)}" for fact in entry.facts if fact)
    yield ""
    yield f"**{within}{escaped(entry.role)}**{facts}"
    if entry.error:
        yield ""
        yield f"✗ error: {escaped(entry.error)}"
    if entry.text:
        yield ""
        yield from fenced(entry.text, "text")
    for section in entry.details:
        yield ""
        yield f"{escaped(section.title)}:"
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    yield ""
    yield from fenced(section.text, "json" if section.code and section.text[:1] in ("{", "[") else "text")


def _tree_line(span: SpanEntry) -> str:
    bar = " " * _BAR
    if span.begin is not None and span.length is not None:
        begin = min(_BAR - 1, int(span.begin * _BAR))
        length = max(1, min(_BAR - begin, round(span.length * _BAR)))
        bar = " " * begin + "━" * length + " " * (_BAR - begin - length)
    error = f"  ✗ {span.error}" if span.error else ""
    facts = "  ".join(fact for fact in span.facts if fact)
    return f"|{bar}| {'  ' * span.depth}{span.kind} {span.name}  {facts}{error}"
