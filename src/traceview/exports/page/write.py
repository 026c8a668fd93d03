"""Reads a trace or thread, and writes its page: whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from msgspec import Struct

from traceview.exports.page.content import page_content
from traceview.files.atomic import atomic_write
from traceview.files.replaceable import check_replaceable
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, Target
from traceview.store.interface import CancelToken, Engine
from traceview.text.redact import Redactor

PageFormat = Literal["html", "markdown"]
SUFFIXES: dict[str, PageFormat] = {
    ".html": "html",
    ".htm": "html",
    ".md": "markdown",
    ".markdown": "markdown",
}

Labels = Callable[[Sequence[Target]], Sequence[LabelRow]]
"""The current labels of targets."""


class Page(Struct, frozen=True):
    """A page as text, and how many places were redacted, in words."""

    text: str
    redaction: str


def render_page(
    engine: Engine,
    target: Target,
    format: PageFormat,
    *,
    labels: Labels | None = None,
    trees: bool = True,
    redact: bool = True,
    also: Sequence[str] = (),
    token: CancelToken | None = None,
    progress: Callable[[str, int, int], object] | None = None,
) -> Page:
    """The page of a trace or thread (of the trace of a span); labels of it, and of its traces, are on it.

    `trees` adds the span trees, with input and output of every span. `also` are texts redacted besides what
    redaction knows. `progress` is told what is done, and how far it is: how many of how many. Raises BadInput if
    there is no such target, Cancelled if the token is.
    """

    def tell(what: str, done: int, of: int) -> None:
        if token is not None:
            token.check()
        if progress is not None:
            progress(what, done, of)

    if target.kind == "thread":
        thread = engine.thread(target.id, token)
        row, trace_ids = thread.thread, [one["trace_id"] for one in thread.traces]
    else:
        trace_ids = [target.trace_id or target.id]
        row = {}
    traces = []
    for number, trace_id in enumerate(trace_ids):
        tell("reading traces", number, len(trace_ids))
        detail = engine.trace(trace_id, token)
        traces.append((detail, engine.payloads(detail.spans, token)))
    kind = "thread" if target.kind == "thread" else "trace"
    row = row or traces[0][0].trace
    targets = [Target("trace", trace_id, trace_id) for trace_id in trace_ids]
    if target.kind != "trace":
        targets.append(target)
    redactor = Redactor(also)
    content = page_content(
        kind,
        row,
        traces,
        labels(targets) if labels is not None else (),
        trees=trees,
        clean=redactor.text if redact else str,
        told=partial(tell, "writing turns and spans"),
    )
    redaction = redactor.sentence() if redact else "not redacted"
    footer = f"Made by traceview. Names and what no pattern knows are not redacted; {redaction}."
    if not redact:
        footer = "Made by traceview, not redacted."
    if format == "html":
        from traceview.exports.page.html import to_html

        return Page(to_html(content, footer), redaction)
    from traceview.exports.page.markdown import to_markdown

    return Page(to_markdown(content, footer), redaction)


def write_page(path: Path, page: Page, *, force: bool = False) -> Path:
    """Write a page to a file that only its owner may read. Raises BadInput if one exists and not `force`."""
    if path.exists() and not force:
        raise BadInput(f"{path} exists", hint="name another file, or replace it with --force")
    check_replaceable(path)
    try:
        return atomic_write(path, page.text)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror or error}") from error
