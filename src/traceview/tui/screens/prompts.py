"""Prompts: every prompt version with its figures, what it says, and what changed since the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct
from textual import events, on
from textual.binding import BindingType
from textual.widget import Widget

from traceview.model.errors import NotReady, TraceviewError
from traceview.store.buckets import Over
from traceview.store.interface import CancelToken, Engine, Row, SortKey
from traceview.store.prompts import SystemPrompt, system_prompt
from traceview.store.stats import prompt_rows
from traceview.text.safe import safe_line
from traceview.tui.actions import Area, bindings_for
from traceview.tui.context import AppContext
from traceview.tui.figures import (
    SPARK_CELLS,
    Figure,
    GroupLine,
    lines_of,
    number_figures,
    sparkline,
    version_figures,
)
from traceview.tui.prompt_blocks import prompt_blocks
from traceview.tui.screens.group_asking import Found
from traceview.tui.screens.group_frame import GroupScreen
from traceview.tui.widgets.lines import Part
from traceview.tui.widgets.text_view import TextView
from traceview.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from traceview.filters.ast import Node

FIELDS = ("prompt_name", "prompt_version")
AGAIN_SECONDS = 0.5
"""How soon a version is asked for again of which nothing was read so far."""
PREVIEW_PAUSE = 0.15
"""Seconds that the cursor rests on a version before its text is asked for."""
PREVIEW_CALLS = 64
"""The newest calls of a version whose system prompts are read for the preview."""
SPARKED = 500
"""Versions up to which their use over time is asked for too."""
TEXTS_KEPT = 64
HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS


class _Texts(Struct, frozen=True):
    """What a version says, and the version before it."""

    prompt: SystemPrompt
    before: SystemPrompt | None
    reading: bool = False
    """Whether the source was still being read when they were asked for."""


class PromptsScreen(GroupScreen):
    """Prompt versions by name, the newest first, with a pane that shows what the one under the cursor says."""

    AREA: ClassVar[Area] = "prompts"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for("app", "prompts")]
    NOUN = "versions"
    COMMAND = "prompts"
    TAB = "prompts"

    DEFAULT_CSS = """
    PromptsScreen {
        & #preview {
            height: 45%;
            padding: 0 1;
            border-top: solid $divider;
            background: $background;
        }
        &.-narrow #preview { display: none; }
        &.-with-preview #preview { display: block; }
        &.-without-preview #preview { display: none; }
        &.-maximised #preview { display: none; }
    }
    """

    def __init__(self, context: AppContext, filter_text: str = "", sort: SortKey | None = None) -> None:
        super().__init__(context, filter_text, sort)
        self._sparks: dict[str, str] = {}
        self._texts: dict[tuple[int, str], _Texts] = {}
        self._version: tuple[str | None, str | None] | None = None
        self._previewed: tuple[int, str] | None = None

    def beside_rows(self) -> Widget:
        """What the version under the cursor says."""
        return TextView(id="preview")

    @property
    def by(self) -> tuple[str, ...]:
        """Name and version."""
        return FIELDS

    @property
    def described(self) -> list[Part]:
        """Whose traces are counted."""
        if not self.filter_text:
            return [(" of all traces", "dim")]
        return [(" of traces that match ", "dim"), (safe_line(self.filter_text), "accent")]

    @property
    def default_sort(self) -> tuple[str, bool]:
        """By name, the newest version first."""
        return "prompt_name", False

    def ask_engine(self, token: CancelToken) -> Found:
        """Every version."""
        found = self.context.engine.stats(self._node, FIELDS, None, None, token)
        rows = prompt_rows(found.rows)
        return Found(tuple(lines_of(rows, FIELDS)), len(rows), found.traces, found.overlapping)

    def figures(self) -> Sequence[Figure]:
        """Name, version, when it was used, then its figures."""
        rows = [line.row for line in self.found.lines] if self.found else []
        return (*version_figures(self._sparks, FIELDS), *number_figures(rows, scores=not self.blind))

    def stand_on(self, name: str | None, version: str | None) -> None:
        """Put the cursor on a version, now or once it is there."""
        self._version = name, version
        if self.found is not None and self.is_mounted:
            self._find_version()
            self.show_lines()

    def _find_version(self) -> None:
        if self.found is None or self._version is None:
            return
        for line in self.found.lines:
            if (line.row["prompt_name"], line.row["prompt_version"]) == self._version:
                self.wanted = line.key
        self._version = None

    def _take(self, found: Found) -> None:
        self.found = found
        self._find_version()
        super()._take(found)
        if len(found.lines) <= SPARKED and found.lines:
            engine, node, rows = self.context.engine, self._node, [line.row for line in found.lines]
            self.ask(
                "use",
                lambda token: sparks_of(engine, node, rows, token),
                self._show_sparks,
                failed=self._no_sparks,
            )

    def _show_sparks(self, sparks: dict[str, str]) -> None:
        self._sparks.clear()
        self._sparks.update(sparks)
        self.rows.refresh()

    def _no_sparks(self, error: TraceviewError) -> None:
        """Without them the column stays empty until the versions are asked for again."""
        if not isinstance(error, NotReady):
            self.answer_failed(error)

    # Opening.

    def action_same_version(self) -> None:
        """All traces with the version under the cursor."""
        self.action_open()

    # What a version says.

    @on(VirtualList.CursorMoved)
    def show_preview(self, message: VirtualList.CursorMoved) -> None:
        """The preview follows the cursor once it rests."""
        message.stop()
        self.set_timer(PREVIEW_PAUSE, partial(self._show_at_rest, self.rows.cursor))

    def _show_at_rest(self, cursor: int) -> None:
        self.cursor_rests()
        self._show_preview(cursor)

    def _show_preview(self, cursor: int) -> None:
        preview = self.query_one("#preview", TextView)
        line = self.line
        if cursor != self.rows.cursor or not preview.display or not preview.size.width:
            return
        if line is None:
            self._previewed = None
            preview.load([])
            return
        key = self._generation, line.key
        if key == self._previewed:
            return
        before = version_before(line, self.found.lines if self.found else ())
        known = self._texts.get(key)
        self._previewed = key
        if known is not None:
            self._show_texts(key, line, before, known)
            return
        engine, node = self.context.engine, self._node

        def texts(token: CancelToken) -> _Texts:
            def of(row: Row) -> SystemPrompt:
                return system_prompt(engine, row, node, newest=PREVIEW_CALLS, token=token)

            reading = engine.status().phase in ("indexing", "converting")
            return _Texts(of(line.row), of(before.row) if before is not None else None, reading)

        self.ask(
            "prompt",
            texts,
            partial(self._show_texts, key, line, before),
            failed=partial(self._no_texts, key),
        )

    def _show_texts(
        self, key: tuple[int, str], line: GroupLine, before: GroupLine | None, texts: _Texts
    ) -> None:
        if texts.reading and texts.prompt.text is None:
            # not to be kept: the last of the source may come without a new generation
            self.set_timer(AGAIN_SECONDS, partial(self._read_again, key))
        else:
            self._texts[key] = texts
        while len(self._texts) > TEXTS_KEPT:
            self._texts.pop(next(iter(self._texts)))
        if key == self._previewed:
            blocks = prompt_blocks(
                line.row, texts.prompt, before.row if before else None, texts.before, reading=texts.reading
            )
            self.query_one("#preview", TextView).load(blocks)

    def _read_again(self, key: tuple[int, str]) -> None:
        """Ask once more what the version under the cursor says, if it is still the one that is shown."""
        if self._previewed == key:
            self._previewed = None
            self._show_preview(self.rows.cursor)

    def _no_texts(self, key: tuple[int, str], error: TraceviewError) -> None:
        if self._previewed == key:
            self._previewed = None
        if not isinstance(error, NotReady):
            self.answer_failed(error)

    def on_resize(self, event: events.Resize) -> None:
        """A pane that came into sight shows the version under the cursor."""
        super().on_resize(event)
        self.call_after_refresh(self._show_preview, self.rows.cursor)

    def action_preview(self) -> None:
        """Show the preview, or hide it."""
        shown = self.query_one("#preview", TextView).display
        self.set_class(not shown, "-with-preview")
        self.set_class(shown, "-without-preview")
        self.call_after_refresh(self._show_preview, self.rows.cursor)


def version_before(line: GroupLine, lines: Sequence[GroupLine]) -> GroupLine | None:
    """The version of the same prompt that came into use before this one, whichever of them is used longer."""
    name = line.row["prompt_name"]
    earlier = [one for one in lines if one.row["prompt_name"] == name and _came(one) < _came(line)]
    return max(earlier, key=_came, default=None)


def _came(line: GroupLine) -> tuple[int, str]:
    """When a version came into use; its name tells those of one moment apart."""
    return line.row["first_seen_ns"] or 0, line.row["prompt_version"] or ""


def sparks_of(engine: Engine, node: Node | None, rows: Sequence[Row], token: CancelToken) -> dict[str, str]:
    """How much each version was used over the time of all, by its filter."""
    starts = [row["first_seen_ns"] for row in rows if row["first_seen_ns"] is not None]
    ends = [row["last_seen_ns"] for row in rows if row["last_seen_ns"] is not None]
    if not starts or not ends:
        return {}
    first, last = min(starts), max(ends)
    over: Over = "hour" if last - first < 2 * DAY_NS else "day" if last - first < 200 * DAY_NS else "week"
    step = {"hour": HOUR_NS, "day": DAY_NS, "week": 7 * DAY_NS}[over]
    found = [row for row in engine.stats(node, FIELDS, over, None, token).rows if row["start_ns"] is not None]
    if not found:
        return {}
    begin = min(row["start_ns"] for row in found)
    # Days with a change of the clock are not all of one length: the nearest number of stretches counts.
    numbers = [round((row["start_ns"] - begin) / step) for row in found]
    stretches = max(numbers) + 1
    # Never more cells than stretches, so that no cell is empty only because no stretch fell into it.
    cells = min(SPARK_CELLS, stretches)
    counts: dict[tuple[str | None, str | None], list[int]] = {}
    for number, row in zip(numbers, found, strict=True):
        counts.setdefault((row[FIELDS[0]], row[FIELDS[1]]), [0] * cells)[number * cells // stretches] += row[
            "n"
        ]
    sparks: Mapping[tuple[str | None, str | None], str] = {
        key: sparkline(values) for key, values in counts.items()
    }
    return {row["filter"]: sparks.get((row[FIELDS[0]], row[FIELDS[1]]), "") for row in rows}
