"""Shows made-up hostile texts in every widget and on every screen, and looks at what would reach the terminal.

Usage: python -m benchmarks.hostile [--texts 10000] [--seed 1]

Every text is drawn by every widget that draws foreign text, and written into a file of traces which the whole app
is led through. A character is a fault if it acts and is not part of a sequence that the app itself writes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rich.console import Console
from textual.app import App, ComposeResult
from textual.driver import Driver
from textual.drivers.headless_driver import HeadlessDriver
from textual.pilot import Pilot
from textual.widget import Widget

from traceview.annotation import Annotator
from traceview.definitions.project import load_project
from traceview.exports.page.write import PageFormat, render_page
from traceview.model.errors import BadInput
from traceview.model.labels import Target
from traceview.model.messages import Document, Message, Part
from traceview.store.interface import ListQuery
from traceview.store.labels.store import LabelStore
from traceview.store.open import open_engine
from traceview.store.turns import Turn
from traceview.tui import painting
from traceview.tui.app import TraceviewApp
from traceview.tui.context import AppContext
from traceview.tui.document_blocks import documents_blocks
from traceview.tui.json_blocks import json_blocks
from traceview.tui.list_cells import RowCells
from traceview.tui.list_columns import shown_columns
from traceview.tui.message_diff import message_diff_blocks
from traceview.tui.rows import preview_lines
from traceview.tui.span_blocks import value_blocks
from traceview.tui.themes import DEFAULT_VARIABLES, THEMES
from traceview.tui.turn_blocks import transcript_blocks
from traceview.tui.widgets.blocks import Block, foreign
from traceview.tui.widgets.filter_bar import FilterBar, Problem
from traceview.tui.widgets.lines import Bar
from traceview.tui.widgets.safe_input import SafeInput
from traceview.tui.widgets.scroll_lines import ScrollLines
from traceview.tui.widgets.span_tree import SpanTree
from traceview.tui.widgets.text_view import TextView
from traceview.tui.widgets.virtual_list import VirtualList

PIECES = (
    "[/", "[/]", "[bold red]", "[@click=app.quit]x[/]", "[link=file:///etc]", "\\[", "{0.__class__}", "%s", "$x",
    "\x1b", "\x1b[2J", "\x1b[31m", "\x1b[?1049l", "\x1b]0;title\x07", "\x1b]52;c;aGk=\x1b\\", "\x1bP1$q\x1b\\",
    "\x1b[6n", "\x9b2J", "\x9d0;t\x9c", "\x90q\x9c", "\x84", "\x85", "\x0e", "\x0f", "\x08\x08", "\r", "\r\n", "\n",
    "\n\n", "\t", "\x00", "\x07", "\x0b\x0c", "\x7f", "\u202e", "\u202d", "\u2066", "\u2069", "\u200f", "\u061c",
    "\u2028", "\u2029", "\u200b", "\ufeff", "\u00ad", "\U000e0041", "\ufff9", "\ud800", "\udfff", "\udc9b",
    "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "👍🏽", "\u200d\u200d", "\ufe0f", "a" + "\u0301" * 60, "\u0e49" * 30, "漢字かな", "ﷺ",
    "한국어", "שלום", "مرحبا", "क्षि", "𒐫", "```", "# ", "* ", "> ", "| a | b |\n|---|---|\n", "[a](javascript:x)",
    "![x](data:image/png;base64,AAAA)", "<b>", "&#27;", '{"a": [1, "', '"}', "[1, [2, [", "]]", "- [ ] ", "$$", "`",
    " " * 50, "word ", "https://example.com/a?b=c ", "12,345.67 ", "2026-11-01T10:00:00Z ", "x" * 300,
)  # fmt: skip
"""What texts are made of: markup, terminal sequences, directions, joiners, wide letters, Markdown, JSON."""

ACTS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
OWN = re.compile(
    "\x1b\\[[0-9;]*[mHBCXMLr]|\x1b\\[\\?[0-9]+[hl]|\x1b\\][0-9]+;[a-z]*\x07|\x1b\\[6n"  # colours, places, modes
)
STYLES = (
    "text", "heading", "divider", "meta", "json", "user", "assistant", "system", "tool", "reasoning", "error", "note",
)  # fmt: skip
FORMATS: tuple[PageFormat, ...] = ("html", "markdown")
SPANS_PER_TRACE = 6
LINES_EACH = 160
"""Lines of the blocks of a text that are drawn."""
TEXTS_PER_SPAN = 10


def texts(count: int, seed: int = 1) -> Iterator[str]:
    """So many hostile texts, the same ones for a seed; one in a thousand is a line of a million characters."""
    chance = random.Random(seed)
    for number in range(count):
        pieces = chance.choices(PIECES, k=chance.choice((1, 2, 4, 8, 20)))
        if chance.random() < 0.3:
            pieces += [chr(chance.randrange(0x110000)) for _ in range(chance.randrange(8))]
            chance.shuffle(pieces)
        text = "".join(pieces)
        if number % 1000 == 999:
            text = (text.replace("\n", " ") + "x") * (1_000_000 // (len(text) + 1))
        yield text


def faults(written: str) -> set[str]:
    """The characters that act among what is written, beyond the app's own sequences."""
    return set(ACTS.findall(OWN.sub("", written)))


class Bench(App[None]):
    """One of every widget that draws foreign text."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = RowCells("ann")
        self.cells.fields = ("name", "start", "status", "input", "output", "models", "thread")
        self.rows = VirtualList(lambda row: str(row["trace_id"]), self.cells, id="rows")
        self.rows.set_columns(shown_columns("traces", self.cells.fields), None)
        self.spans = SpanTree(id="tree")
        self.view = TextView(cursor=True, id="view")
        self.lines = ScrollLines(id="lines")
        self.bar = FilterBar(id="bar")
        self.field = SafeInput(id="field")
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    CSS = "#rows, #tree, #lines { height: 12; } #view { height: 40; }"

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our colours."""
        return DEFAULT_VARIABLES

    def compose(self) -> ComposeResult:
        """All of them."""
        yield from (self.rows, self.spans, self.view, self.lines, self.bar, self.field)


def drawn(widget: Widget, console: Console) -> str:
    """What a widget would write."""
    return "".join(widget.render_line(y).render(console) for y in range(widget.size.height))


def row_of(text: str, number: int) -> dict[str, Any]:
    """A row of a list all of whose words are a text."""
    return {
        "trace_id": f"{number}{text}", "thread_id": text, "name": text, "start_ns": 1_793_527_200_000_000_000,
        "end_ns": None, "duration_ms": 4.0, "spans": 2, "errors": 1, "leaf_errors": 1, "status": text,
        "input_tokens": 1, "output_tokens": 2, "cost_usd": 0.1, "models": [text], "prompt_versions": [text],
        "input_preview": text, "output_preview": text, "first_input": text, "last_output": text,
        "scores": {text: {"human": {text: text}, "judge": {text: [text]}}},
    }  # fmt: skip


def span_of(text: str, number: int) -> dict[str, Any]:
    """A span all of whose words are a text."""
    start = 1_793_527_200_000_000_000 + number * 1000
    return {
        "span_id": f"{number}{text}", "parent_id": None if not number % 9 else text, "trace_id": text, "name": text,
        "kind": text if number % 2 else "tool", "start_ns": start, "end_ns": start + 5_000_000, "duration_ms": 5.0,
        "status": "error" if number % 3 else text, "error_type": text, "error_message": text, "model": text,
    }  # fmt: skip


def blocks_of(text: str) -> list[Block]:
    """A text in every kind of block: as it is, as JSON, styled, in a conversation, as a document, as a difference."""
    safe = foreign(text)
    blocks = [
        Block(safe, style, label=foreign(text[:9]).replace("\n", " "), fold="fold")  # type: ignore[arg-type]
        for style in STYLES
        if style != "divider"
    ]
    blocks += value_blocks({text[:200]: text, "in": [text[:500]]})
    blocks += (
        json_blocks(json.dumps({text[:200]: [text[:2000], {"x": text[:100]}]}, ensure_ascii=False)) or []
    )
    said = [
        Turn("user", text, "t", "s", 1),
        Turn("assistant", text, "t", "s", 1, model=text),
        Turn("tool", text, "t", "s", 1, tool=text, arguments={text: text}, result=text),
    ]
    blocks += transcript_blocks(said, {"t": row_of(text, 0)})
    document = Document(id=text, text=text, score=0.5, metadata={text: text})
    blocks += documents_blocks((document,), text)
    before = Message("user", (Part("text", text),))
    after = Message("user", (Part("text", text[::-1]),))
    return blocks + message_diff_blocks((before,), (before, after), "earlier")


async def widgets(given: Sequence[str], console: Console) -> tuple[int, set[str]]:
    """Draw every text in every widget; characters written, and what of them acts."""
    bench, written, found = Bench(), 0, set[str]()

    def take(widget: Widget) -> None:
        nonlocal written
        data = drawn(widget, console)
        written += len(data)
        found.update(faults(data))

    async with bench.run_test(size=(100, 90)) as pilot:
        await pilot.pause()
        for start in range(0, len(given), 11):
            some = given[start : start + 11]
            bench.rows.show(len(some), {0: [row_of(text, n) for n, text in enumerate(some)]})
            take(bench.rows)
            bench.spans.load([span_of(text, n) for n, text in enumerate(some)])
            take(bench.spans)
        for number, text in enumerate(given):
            for level in ("traces", "threads"):
                bench.lines.show(preview_lines(level, row_of(text, 0), 98, 12, (text, text)))  # type: ignore[arg-type]
                take(bench.lines)
            bench.field.value = text[:2000]
            bench.bar.set_text(text[:2000])
            bench.bar.show_error(Problem(text[:2000], 0, text[:2000]))
            bench.view.load(blocks_of(text))
            for folded in (False, True):
                bench.view.fold_all(folded)
                for top in range(0, min(bench.view.line_count, LINES_EACH), bench.view.size.height):
                    bench.view.scroll_to(y=top, animate=False, force=True)
                    take(bench.view)
            for one in (bench.field, *bench.bar.query(Bar)):
                take(one)
            if number % 20 == 0:
                await pilot.pause()
    return written, found


def pages(path: Path) -> tuple[int, int]:
    """The shared page of every trace of a file, in both formats: how many, and their bytes in UTF-8.

    Raises ValueError on a page that holds what acts.
    """
    made, written = 0, 0
    engine = open_engine((str(path),))
    try:
        engine.wait_ready()
        query = ListQuery("traces")
        for row in engine.rows(engine.select(query), 0, 1_000_000).rows:
            trace_id = str(row["trace_id"])
            for form in FORMATS:
                page = render_page(
                    engine, Target("trace", trace_id, trace_id), form, redact=bool(made % 3)
                ).text
                made += 1
                written += len(page.encode("utf-8"))
                if found := ACTS.findall(page.replace("\n", "")):
                    raise ValueError(f"the shared page of {trace_id} holds {set(found)!r}")
    finally:
        engine.close()
    return made, written


class Capture(HeadlessDriver):
    """A terminal of which only what is written to it exists."""

    written: list[str]

    @property
    def is_headless(self) -> bool:
        """False: the app is to write."""
        return False

    def write(self, data: str) -> None:
        """Keep it."""
        self.written.append(data)


class CapturedApp(TraceviewApp):
    """The app, writing into a list."""

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self.captured: list[str] = []

    def _build_driver(
        self, headless: bool, inline: bool, mouse: bool, size: tuple[int, int] | None
    ) -> Driver:
        driver = Capture(self, debug=False, mouse=mouse, size=size)
        driver.written = self.captured
        return driver


def write_traces(path: Path, given: Sequence[str]) -> int:
    """Write OTLP lines whose spans hold the texts, bytes that are no UTF-8 among them; the number of traces."""
    per_trace = SPANS_PER_TRACE * TEXTS_PER_SPAN
    traces = max(1, len(given) // per_trace)
    with path.open("wb") as file:
        for number in range(traces):
            of_trace = given[number * per_trace : (number + 1) * per_trace]
            for place in range(SPANS_PER_TRACE):
                own = of_trace[place * TEXTS_PER_SPAN : (place + 1) * TEXTS_PER_SPAN]
                if own:
                    line = json.dumps(_otlp(number, place, own), ensure_ascii=bool(number % 2))
                    # Lone surrogates become bytes that no decoder takes; escaped ones stay in the JSON.
                    file.write(line.encode("utf-8", "surrogatepass") + b"\n")
    return traces


def _otlp(number: int, place: int, own: Sequence[str]) -> dict[str, Any]:
    kinds = ("AGENT", "LLM", "TOOL", "RETRIEVER", "LLM", own[0][:20])
    text = [own[at % len(own)] for at in range(TEXTS_PER_SPAN)]
    attributes = {
        "openinference.span.kind": kinds[place], "session.id": f"s{number // 3}", "input.value": text[0],
        "output.value": text[1], "llm.model_name": text[2][:80], "tool.name": text[3][:80], "tool.parameters": text[4],
        "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": text[5],
        "llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.content": text[6],
        "retrieval.documents.0.document.content": text[7], "retrieval.documents.0.document.id": text[8][:40],
        "llm.prompt_template.version": text[2][:30], "prompt.name": text[3][:30], text[9][:60]: text[9],
    }  # fmt: skip
    begin = 1_793_527_200_000_000_000 + number * 60_000_000_000 + place * 1_000_000
    span = {
        "traceId": f"{number + 1:032x}", "spanId": f"{number * 100 + place + 1:016x}",
        "parentSpanId": f"{number * 100 + 1:016x}" if place else "", "name": text[9][:300],
        "startTimeUnixNano": str(begin), "endTimeUnixNano": str(begin + 90_000_000),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
        "status": {"code": 2, "message": text[8][:500]} if place % 2 else {"code": 1},
    }  # fmt: skip
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


LIST_TOUR = ("j", "p", "p", "|", "escape", "s", "escape", "V", "escape", "x", "y", "escape", "?", "escape")
TRACE_TOUR = (
    "j",
    "tab",
    "right",
    "-",
    "right",
    "+",
    "right",
    "~",
    "i",
    "i",
    "escape",
    "right",
    "m",
    "m",
    "T",
)
TALK_TOUR = ("t", "j", "+", "}", "M", "i", "escape", "a", "b", "escape")


async def whole_app(path: Path, folder: Path, given: Sequence[str], items: int) -> tuple[int, int, set[str]]:
    """Lead the app through a file; keys pressed, characters written, what of them acts."""
    project = load_project(None, [path])
    store = LabelStore.open(folder / "hostile.labels.db")
    engine = open_engine((str(path),), labels=store)
    engine.wait_ready()
    keys = 0
    try:
        annotator = Annotator(store, project.definitions, "tester@example.com")
        context = AppContext(
            engine,
            annotator,
            project.definitions,
            given[0],
            given[1][:500],
            given[2][:500],
            notices=(given[3],),
        )
        app = CapturedApp(context)
        app.captured = []
        # The screens are judged, not the last guard before the terminal.
        guard = patch.object(painting, "_ACTS", re.compile("(?!)"))
        with guard:
            async with app.run_test(size=(120, 40)) as pilot:

                async def press(*wanted: str) -> None:
                    nonlocal keys
                    for key in wanted:
                        await pilot.press(key)
                        keys += 1
                        await _calm(pilot)

                for screen in ("f3", "f2"):
                    await press(screen, *LIST_TOUR)
                for screen in ("f4", "f6"):
                    await press(screen, "j", "j", "|", "escape")
                await press("f2", "g")
                for number in range(items):
                    await press("enter", *TRACE_TOUR, *TALK_TOUR, "escape", "escape", "escape")
                    await press("f2", "f")
                    app.post_message(_paste(given[(number * 7) % len(given)][:300]))
                    await press("a", "tab", "escape", "f")
                    await press("ctrl+a", "ctrl+k", "enter", ":")
                    app.post_message(_paste(given[(number * 5) % len(given)][:300]))
                    await press("escape", "j")
                data = "".join(app.captured)
        return keys, len(data), faults(data)
    finally:
        engine.close()
        store.close()


def _paste(text: str) -> Any:
    from textual.events import Paste

    return Paste(text)


async def _calm(pilot: Pilot[Any]) -> None:
    await pilot.pause(0.01)


def run(count: int, seed: int, items: int) -> list[str]:
    """All of it; what was done in words. Raises ValueError where something that acts is written."""
    given = list(texts(count, seed))
    console = Console(force_terminal=True, color_system="truecolor")
    said = []
    begin = time.perf_counter()
    written, found = asyncio.run(widgets(given, console))
    if found:
        raise ValueError(f"widgets write {found!r}")
    said.append(f"{count:,} texts in every widget: {written:,} characters, none that acts")
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        for name in ("CACHE", "CONFIG", "STATE", "DATA"):
            os.environ.setdefault(f"TRACEVIEW_{name}_DIR", str(folder / name.lower()))
        path = folder / "hostile.jsonl"
        traces = write_traces(path, given)
        made, written = pages(path)
        said.append(f"{made:,} shared pages of them: {written:,} bytes, none that acts")
        try:
            keys, written, found = asyncio.run(whole_app(path, folder, given, items))
        except BadInput as error:
            raise ValueError(error.message) from error
    if found:
        raise ValueError(f"the app writes {found!r}")
    said.append(
        f"the app on {traces:,} traces of them: {keys:,} keys, {written:,} characters written, none that acts"
    )
    said.append(f"{time.perf_counter() - begin:.0f} s")
    return said


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--items", type=int, default=10, help="traces that the app is led through")
    options = parser.parse_args()
    print("\n".join(run(options.texts, options.seed, options.items)))


if __name__ == "__main__":
    main()
