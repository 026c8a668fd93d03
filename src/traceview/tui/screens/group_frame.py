"""The frame of a screen of groups of traces: what was found is sorted and narrowed here, and opened as traces."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container
from textual.css.query import NoMatches
from textual.widget import Widget

from traceview.store.interface import SortKey
from traceview.tui.context import AppContext
from traceview.tui.figures import (
    Figure,
    GroupCells,
    GroupLine,
    keeping,
    ordered,
    small_note,
)
from traceview.tui.rows import line_of
from traceview.tui.screens.group_asking import PULSE_SECONDS, GroupAsking
from traceview.tui.screens.group_heads import about_parts, waiting_text
from traceview.tui.screens.list_heads import engine_parts, tab_parts
from traceview.tui.widgets.filter_bar import FilterBar
from traceview.tui.widgets.keep_bar import KeepBar
from traceview.tui.widgets.lines import Bar, Part, line_width
from traceview.tui.widgets.virtual_list import PAGE_ROWS, VirtualList

if TYPE_CHECKING:
    from traceview.store.interface import EngineStatus
    from traceview.tui.copying import Copies


class GroupScreen(GroupAsking):
    """Owns the figures of groups; a subclass says what is asked, which columns there are, and what a group is."""

    NOUN = "groups"
    COMMAND = "stats"
    TAB = "stats"

    DEFAULT_CSS = """
    GroupScreen {
        & #about { height: 1; background: $surface; }
        & #body { height: 1fr; layout: vertical; }
        & #rows { height: 1fr; }
    }
    """

    def __init__(self, context: AppContext, filter_text: str = "", sort: SortKey | None = None) -> None:
        super().__init__(context, filter_text)
        self.sort = sort
        self.wanted: str | None = None
        """The key of the line to stand on once it is there."""
        self._cells = GroupCells()
        self._shown: list[GroupLine] = []

    # What a subclass says.

    @abstractmethod
    def figures(self) -> Sequence[Figure]:
        """The columns of what was found."""

    @property
    def by(self) -> tuple[str, ...]:
        """The fields of the grouping."""
        return ()

    @property
    def over(self) -> str | None:
        """The stretches of time of the grouping."""
        return None

    def beside_rows(self) -> Widget | None:
        """What stands below or beside the rows."""
        return None

    # Building.

    def compose_body(self) -> ComposeResult:
        """Filter, what is counted, words to keep, and the rows."""
        yield FilterBar(self.filter_text, id="filter")
        yield Bar(id="about")
        yield KeepBar(id="keep")
        with Container(id="body"):
            yield VirtualList(_key_of, self._cells, id="rows")
            beside = self.beside_rows()
            if beside is not None:
                yield beside

    def on_mount(self) -> None:
        """Ask for the figures."""
        self.keep_bar.gives_focus_to = self.rows
        self.begin_filter(self.rows)
        self.rows.focus()
        self.say_status(self.context.engine.status())
        self.reload()
        self.set_interval(PULSE_SECONDS, self.feel_pulse)

    @property
    def rows(self) -> VirtualList:
        """The table."""
        return self.query_one("#rows", VirtualList)

    @property
    def keep_bar(self) -> KeepBar:
        """The words that lines must have."""
        return self.query_one("#keep", KeepBar)

    @property
    def line(self) -> GroupLine | None:
        """The line under the cursor."""
        row = self.rows.row
        return row["line"] if row is not None else None

    def footer_hints(self) -> list[tuple[str, str]]:
        """A screen at the root: nothing to go back to."""
        back = {key for action in self.registry if action.id == "back" for key in action.keys}
        return [hint for hint in super().footer_hints() if hint[0] not in back]

    def on_resize(self, event: events.Resize) -> None:
        """Another width has room for other words."""
        super().on_resize(event)
        if self._generation != -1:
            self._show_heads()

    def follow(self, filter_text: str) -> None:
        """Take over the filter of the list of traces."""
        if filter_text != self.filter_text:
            if self.is_mounted:
                self.set_filter(filter_text)
            else:
                self.filter_text = filter_text

    def stand_on(self, name: str | None, version: str | None) -> None:
        """Put the cursor on a prompt version, where lines are versions."""

    # Showing.

    def lines_now(self) -> list[GroupLine]:
        """The lines that are kept, in order."""
        if self.found is None:
            return []
        lines = list(self.found.lines)
        figure = self._sorting
        if figure is not None and self.sort is not None:
            lines = ordered(lines, figure, self.sort.descending, (*self.key_fields, "")[0])
        return keeping(lines, self.key_fields, self.keep_bar.text)

    @property
    def key_fields(self) -> tuple[str, ...]:
        """What names a group: its stretch of time and its fields."""
        return (*((self.over,) if self.over else ()), *self.by)

    @property
    def _sorting(self) -> Figure | None:
        wanted = self.sort.field if self.sort else None
        return next((one for one in self._cells.figures if one.column.sort == wanted), None)

    def show_lines(self, problem: str = "") -> None:
        """Show what was found; the cursor stays on its group, on its line of the window."""
        try:
            rows = self.rows
        except NoMatches:
            return
        before = self.line
        keep = self.wanted or (before.key if before is not None else None)
        offset = rows.cursor - rows.top
        figures = tuple(self.figures())
        self._cells.take(figures, self.found.lines if self.found else ())
        lines = self._shown = self.lines_now()
        default = (self.over, False) if self.over else ("n", True)
        sort = (self.sort.field, self.sort.descending) if self.sort else self.default_sort or default
        rows.set_columns([one.column for one in figures], (sort[0] or "", sort[1]))
        at = next((index for index, line in enumerate(lines) if line.key == keep), None)
        if at is not None and self.found is not None:
            self.wanted = None
        cursor = at if at is not None else min(rows.cursor, max(0, len(lines) - 1))
        pages = {
            start // PAGE_ROWS: [{"line": line} for line in lines[start : start + PAGE_ROWS]]
            for start in range(0, len(lines), PAGE_ROWS)
        }
        rows.show(
            len(lines),
            pages,
            cursor=cursor,
            top=max(0, cursor - offset),
            empty_text=problem or self._empty_text,
        )
        self._show_heads()

    @property
    def default_sort(self) -> tuple[str, bool] | None:
        """What the engine's own order is by, where it is not the largest first."""
        return None

    @property
    def _empty_text(self) -> str:
        if self.is_counting:
            return f"{waiting_text(self._status)} …".capitalize()
        if self._stopped:
            return "Stopped counting; R counts again."
        if self.keep_bar.text.strip():
            return f"No {self.NOUN} have these words."
        return (
            f"No {self.NOUN} of traces that match this filter."
            if self.filter_text
            else f"There are no {self.NOUN}."
        )

    def _show_heads(self) -> None:
        marked: list[Part] = [(" ", None), (line_of(self.context.source_title), "title")]
        self.set_title(marked, tab_parts(self.TAB, self.size.width, marked))
        groups = sum(not line.total for line in self._shown)
        right: list[Part] = []
        if self.is_counting:
            right = [(f"{waiting_text(self._status)} ", "warning")]
        elif self.found is not None:
            of = f" of {self.found.groups:,}" if groups != self.found.groups else ""
            right = [(f"{groups:,}{of}", None), (f" {self.NOUN} ", "dim")]
        self.filter_bar.set_right(right)
        self.query_one("#about", Bar).say(about_parts(self.described, self.found, self.by, self.size.width))
        if self._status is not None:
            self.say_status(self._status)

    @property
    def described(self) -> list[Part]:
        """What the groups are, in words."""
        return []

    def say_status(self, status: EngineStatus) -> None:
        """The engine's status, and why figures are missing."""
        self._status = status
        groups = [line.row for line in self._shown if not line.total]
        note = small_note(groups or [line.row for line in self._shown])
        left = engine_parts(status)
        right: list[Part] = [(f"{line_of(self.context.label_place)} ", "dim")]
        if note:
            told: list[Part] = [(" ", None), (note, "dim"), (" ", None)]
            # Without room for both, the note says more than that all is read.
            narrow = line_width([*told, *left, *right]) > self.app.size.width
            left = told if narrow and status.phase == "ready" else [*told, *left]
        self.set_status(left, right)

    # Sorting, keeping.

    def action_sort(self) -> None:
        """Sort by the next column in sight."""
        rows = self.rows
        fields = [one.column.sort for one in rows.placed if one.column.sort]
        now = self.sort.field if self.sort else None
        following = fields[(fields.index(now) + 1) % len(fields)] if now in fields else fields[0]
        self.sort_by(SortKey(following, descending=following not in self.key_fields))

    def action_sort_reverse(self) -> None:
        """Turn the order round."""
        now = self.sort or SortKey(self.over or "n", descending=self.over is None)
        self.sort_by(SortKey(now.field, not now.descending))

    @on(VirtualList.HeaderClicked)
    def sort_by_header(self, message: VirtualList.HeaderClicked) -> None:
        """Sort by the clicked column; a second click reverses."""
        field = message.column.sort
        if field is not None:
            same = self.sort is not None and self.sort.field == field
            self.sort_by(SortKey(field, not self.sort.descending if same and self.sort else True))

    def sort_by(self, key: SortKey) -> None:
        """Sort the lines that are there."""
        self.sort = key
        self.show_lines()

    async def action_keep(self) -> None:
        """Keep only lines that have some words."""
        await self.keep_bar.edit()

    @on(KeepBar.Changed)
    def keep_changed(self, message: KeepBar.Changed) -> None:
        """Narrow the lines while words are typed."""
        message.stop()
        self.show_lines()

    # Opening, copying.

    @on(VirtualList.Opened)
    def action_open(self) -> None:
        """Open the traces of the group under the cursor; Esc comes back to it."""
        from traceview.tui.screens.opened_list import open_list

        line = self.line
        if line is None:
            self.say("There is nothing to open.")
            return
        names = [str(line.row.get(one) or "(none)") for one in self.key_fields]
        crumb = " › ".join([self.TAB, *([] if line.total else names)])
        open_list(self, crumb, "traces", line.row["filter"])

    def command(self) -> str | None:
        """The command line that prints these figures."""
        return self.context.invocation.groups(self.COMMAND, self.filter_text)

    def copies(self) -> Copies | None:
        """The group under the cursor: the filter of its traces, its figures, and the command line of all groups."""
        from traceview.tui.copying import Copies

        line = self.line
        row = line.row if line is not None else None
        return Copies(
            id=None,
            what="group",
            text=(row["filter"] or None) if row is not None else None,
            text_name="filter",
            row=row,
            command=self.command(),
        )

    def action_maximise(self) -> None:
        """Give the rows the whole screen, or give the preview its place back."""
        self.toggle_class("-maximised")


def _key_of(row: dict[str, Any]) -> str:
    key: str = row["line"].key
    return key
