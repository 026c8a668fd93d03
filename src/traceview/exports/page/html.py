"""A page as one HTML file: no script, nothing loaded from anywhere, every foreign text escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from traceview.exports.page.content import Entry, PageContent, Section, SpanEntry

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'none'; form-action 'none'; base-uri 'none'"
_STYLED_LIMIT = 200_000
"""Characters of an answer above which its Markdown is shown as it was written."""


def to_html(page: PageContent, footer: str) -> str:
    """The whole page; `footer` says where it came from and what was redacted."""
    return "\n".join(_lines(page, footer)) + "\n"


def _lines(page: PageContent, footer: str) -> Iterator[str]:
    style = files("traceview.exports.page").joinpath("page.css").read_text(encoding="utf-8")
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="referrer" content="no-referrer">'
    yield f"<title>{escape(page.title)}</title><style>{style}</style></head><body>"
    yield f"<h1>{escape(page.title)}</h1>"
    yield "<dl>"
    for name, value in page.facts:
        yield f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
    yield "</dl>"
    if page.labels:
        yield "<h2>Labels</h2><ul>"
        yield from (f"<li>{escape(label)}</li>" for label in page.labels)
        yield "</ul>"
    if page.conversation:
        yield "<h2>Conversation</h2>"
        yield from _conversation(page.conversation)
    for title, spans in page.trees:
        yield f'<h2>Spans <small>of {escape(title)}</small></h2><div class="tree">'
        yield from (_span(span) for span in spans)
        yield "</div>"
    yield "<footer>"
    if page.left_out:
        yield f"<p>{escape(page.left_out)}</p>"
    yield f"<p>{escape(footer)}</p></footer></body></html>"


def _conversation(entries: tuple[Entry, ...]) -> Iterator[str]:
    markdown = _markdown()
    turn = None
    for entry in entries:
        if entry.turn != turn:
            turn = entry.turn
            earlier = " · earlier in the conversation" if entry.earlier else ""
            yield f'<h3 id="turn-{turn}">turn {turn}{earlier}</h3>'
        facts = " · ".join(escape(fact) for fact in entry.facts if fact)
        yield f'<section class="{escape(entry.role)}" style="margin-left:{min(entry.depth, 8) * 1.5}em">'
        yield f"<header><b>{escape(entry.role)}</b> <small>{facts}</small></header>"
        if entry.error:
            yield f'<p class="error">✗ error: {escape(entry.error)}</p>'
        if entry.text:
            if entry.role == "assistant" and len(entry.text) <= _STYLED_LIMIT:
                yield f'<div class="answer">{markdown.render(entry.text)}</div>'
            else:
                yield f"<pre>{escape(entry.text)}</pre>"
        yield from (_section(section) for section in entry.details)
        yield "</section>"


def _section(section: Section) -> str:
    kind = ' class="code"' if section.code else ""
    return f"<details><summary>{escape(section.title)}</summary><pre{kind}>{escape(section.text)}</pre></details>"


def _span(span: SpanEntry) -> str:
    bar = ""
    if span.begin is not None and span.length is not None:
        left, width = 100 * span.begin, max(0.4, 100 * span.length)
        bar = f'<i style="left:{min(left, 99.6):.2f}%;width:{width:.2f}%"></i>'
    facts = " · ".join(escape(fact) for fact in span.facts if fact)
    error = f' <span class="error">✗ {escape(span.error)}</span>' if span.error else ""
    head = (
        f'<span class="name" style="padding-left:{min(span.depth, 40) * 1.1:.1f}em"><b class="kind">'
        f"{escape(span.kind)}</b> {escape(span.name)}{error} <small>{facts}</small></span>"
        f'<span class="bar">{bar}</span>'
    )
    if not span.sections:
        return f'<div class="span {escape(span.kind)}"><p class="row">{head}</p></div>'
    inner = "".join(_section(section) for section in span.sections)
    return f'<details class="span {escape(span.kind)}"><summary class="row">{head}</summary>{inner}</details>'


def _markdown() -> MarkdownIt:
    """Markdown without raw HTML and without images; the style shows the address beside every link."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
