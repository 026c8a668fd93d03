"""How a list is looked at: sort, columns, saved views, the preview, the marked ones alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual import on

from traceview.store.interface import CancelToken, SortKey
from traceview.tui.list_columns import (
    ATTRIBUTE,
    NEWEST_FIRST,
    SCORE,
    column_of,
    is_measure,
    known_columns,
    score_key,
    title_of,
)
from traceview.tui.looks import Choice
from traceview.tui.screens.list_filter import FilteredList
from traceview.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from traceview.definitions.views import SavedView
    from traceview.tui.panels.column_chooser import Chosen
    from traceview.tui.panels.pick import Pick

CYCLED = 8
"""Up to so many columns `s` goes on to the next one; of more it asks which."""
OFFERED = 500
DEFAULT_SORT = SortKey(NEWEST_FIRST, descending=True)


class LookingList(FilteredList):
    """The keys that change how a list looks. `ListScreen` adds the others."""

    # Sort.

    def _sortable(self) -> list[str]:
        """The columns that are shown, which the list can be sorted by."""
        return [column.sort for column in self._columns.shown(blind=self.blind) if column.sort]

    def action_sort(self) -> None:
        """Sort by the next time, figure, score or attribute that has room; of many, ask by which column."""
        fields = [field for one in self.rows.placed if (field := one.column.sort) and is_measure(field)]
        now = self.sort or DEFAULT_SORT
        if len(fields) > CYCLED:
            self._pick_sort(self._sortable(), now)
            return
        following = fields[(fields.index(now.field) + 1) % len(fields)] if now.field in fields else fields[0]
        self.sort_by(SortKey(following, descending=True))

    def _pick_sort(self, fields: Sequence[str], now: SortKey) -> None:
        from traceview.tui.panels.pick import Pick, PickScreen

        picks = [
            Pick(
                title_of(self.level, field),
                f"{field}{'  now, Enter reverses' if field == now.field else ''}",
                field,
                field == now.field,
            )
            for field in fields
        ]

        def picked(field: str | None) -> None:
            if field is not None:
                self.sort_by(SortKey(field, not now.descending if field == now.field else True))

        self.app.push_screen(PickScreen(f"Sort {self.level} by", picks), picked)

    def action_sort_reverse(self) -> None:
        """Turn the order round."""
        now = self.sort or DEFAULT_SORT
        self.sort_by(SortKey(now.field, not now.descending))

    @on(VirtualList.HeaderClicked)
    def sort_by_header(self, message: VirtualList.HeaderClicked) -> None:
        """Sort by the clicked column; a second click reverses."""
        field = message.column.sort
        if field is None:
            return
        now = self.sort or DEFAULT_SORT
        self.sort_by(SortKey(field, not now.descending if now.field == field else True))

    def sort_by(self, key: SortKey) -> None:
        """Sort the list; the newest first is the order it has anyway."""
        self.sort = None if key == DEFAULT_SORT else key
        self._show_columns()
        self.reload(top=True)

    # Columns.

    def action_columns(self) -> None:
        """Choose the columns and their order."""
        from traceview.tui.panels.column_chooser import ColumnChooser

        on_now = self._columns.fields()
        offered = (*known_columns(self.level), *self._columns.scores)
        self.app.push_screen(
            ColumnChooser(self.level, on_now, offered, self._columns.default(), self._more_columns),
            partial(self._columns_chosen, on_now),
        )

    def _more_columns(self, offer: Callable[[Sequence[str]], None]) -> None:
        """Offer every attribute that a look into the source finds, and every score."""
        engine = self.context.engine

        def look(token: CancelToken) -> list[str]:
            names = engine.complete("score", "", OFFERED, token)
            keys = engine.complete("attr", "", OFFERED, token)
            return [*(f"{SCORE}{name}" for name in names), *(f"{ATTRIBUTE}{key}" for key in sorted(keys))]

        def found(fields: list[str]) -> None:
            known = {score_key(field)[0] for field in self._columns.scores}
            offer(
                [one for one in fields if not one.startswith(SCORE) or one.removeprefix(SCORE) not in known]
            )

        self.ask("columns", look, found)

    def _columns_chosen(self, before: tuple[str, ...], chosen: Chosen | None) -> None:
        if chosen is None or chosen.on == before:
            return
        looks = self.context.looks
        self._columns.of_view = ()
        off = tuple(field for field in chosen.offered if field.startswith(SCORE) and field not in chosen.on)
        problem = looks.choose(self.level, Choice(chosen.on, off) if chosen.on else None)
        self._columns_changed()
        if problem is not None:
            self.say(problem, error=True)
        elif not chosen.on:
            self.say("The columns are those of the project again.")

    def _columns_changed(self) -> None:
        self._show_columns()
        self.call_after_refresh(self._show_totals_line)
        self.call_after_refresh(self.ask_extras)
        if "unsourced" in self._columns.fields():
            engine = self.context.engine
            self.ask("derive", lambda token: engine.derive("unsourced", token), lambda _: self.reload())

    # Views.

    def action_views(self) -> None:
        """Open a saved view, or save this one."""
        from traceview.tui.panels.pick import PickScreen

        self.app.push_screen(PickScreen("Views", self._view_picks()), self._run)

    def _view_picks(self) -> list[Pick[Callable[[], object]]]:
        from traceview.tui.panels.pick import Pick

        holding = self.view_now("")
        picks: list[Pick[Callable[[], object]]] = [
            Pick(
                name,
                _said(view, self.level),
                partial(self.open_view, view),
                (view.filter, view.sort, view.screen) == (holding.filter, holding.sort, holding.screen),
            )
            for name, view in self.context.looks.views.items()
        ]
        picks += [
            Pick(f"{name} (left out)", said, partial(self.say, said, error=True))
            for name, said in self.context.looks.refused.items()
        ]
        if self.only_marked is not None:
            picks.append(Pick("all, marked or not", "", self.action_only_marked))
        elif self._marked_count():
            picks.append(Pick(f"only the {self._marked_count():,} marked", "", self.action_only_marked))
        picks.append(
            Pick("everything", "no filter, newest first, the list's own columns", self.open_everything)
        )
        picks.append(Pick("save this view as ...", _said(holding, self.level), self.action_save_view))
        return picks

    def view_commands(self) -> list[tuple[str, Callable[[], object]]]:
        """The views for the palette."""
        commands: list[tuple[str, Callable[[], object]]] = [
            (f"view: {name}", partial(self.open_view, view))
            for name, view in self.context.looks.views.items()
        ]
        commands.append(("view: save this view as ...", self.action_save_view))
        if self._marked_count() or self.only_marked is not None:
            shown = "all rows, marked or not" if self.only_marked is not None else "only the marked rows"
            commands.append((f"view: {shown}", self.action_only_marked))
        return commands

    def _run(self, command: Callable[[], object] | None) -> None:
        if command is not None:
            command()

    def open_view(self, view: SavedView) -> None:
        """Show what a view says, on its list."""
        if view.screen != self.level:
            self.app.call_later(self._open_elsewhere, view)
            return
        self.sort = SortKey(view.sort_field, view.descending) if view.sort else None
        self._columns.of_view = view.columns
        self.only_marked = None
        self._columns_changed()
        self.set_filter(view.filter)
        self.say(f"view: {view.name}")

    async def _open_elsewhere(self, view: SavedView) -> None:
        """Show the other list, and the view once that list is there."""
        lists: dict[str, LookingList] = getattr(self.app, "lists", {})
        await self.app.run_action(f"app.show_{view.screen}")
        lists[view.screen].call_after_refresh(lists[view.screen].open_view, view)

    def open_everything(self) -> None:
        """No filter, the newest first, the list's own columns."""
        self.sort = None
        self._columns.of_view = ()
        self.only_marked = None
        self._columns_changed()
        self.set_filter("")

    def view_now(self, name: str) -> SavedView:
        """What is shown, as a view."""
        from traceview.definitions.views import SavedView

        own = self.context.looks.choice(self.level) is not None or self._columns.of_view
        sort = f"{'-' * self.sort.descending}{self.sort.field}" if self.sort is not None else ""
        fields = [field for field in self._columns.fields() if field != "turn_ms"] if own else []
        return SavedView(name, self.filter_text.strip(), sort, tuple(fields), self.level)

    def action_save_view(self) -> None:
        """Ask for a name, and write the view into traceview.toml."""
        from traceview.definitions.views import LONGEST_NAME
        from traceview.tui.panels.name_field import NameScreen

        looks = self.context.looks
        where = looks.project_file
        view = self.view_now("")
        notes = [
            (f"{_said(view, self.level)}  to {where or 'a new traceview.toml in this directory'}", "dim")
        ]
        self.app.push_screen(
            NameScreen("Save this view as", notes, {*looks.views, *looks.refused}, LONGEST_NAME),
            self._save_view,
        )

    def _save_view(self, name: str | None) -> None:
        if name is None:
            return
        view, looks = self.view_now(name), self.context.looks
        self.ask(
            "save view",
            lambda token: looks.save(view, replace=name in looks.views or name in looks.refused),
            lambda path: self.say(f"✓ view {name} saved in {path}"),
        )

    # The preview, and the marked ones.

    def action_preview(self) -> None:
        """Show the preview, or give its room to the rows."""
        self.preview_wanted = self.has_class("-no-preview")
        if not self.preview_wanted and self.preview.has_focus:
            self.rows.focus()
        self._show_or_hide_preview()
        self.call_after_refresh(self._show_totals_line)

    def action_only_marked(self) -> None:
        """Show the marked rows alone, or all again."""
        if self.only_marked is None and not self._marked_count():
            self.say("Nothing is marked.")
            return
        self.only_marked = self.marks if self.only_marked is None else None
        self.reload()


def _said(view: SavedView, level: str) -> str:
    """What a view shows, in a line."""
    parts = [view.filter or "no filter"]
    if view.sort:
        parts.append(f"{column_of(view.screen, view.sort_field).title} {'▼' if view.descending else '▲'}")
    if view.columns:
        parts.append(f"{len(view.columns)} columns")
    if view.screen != level:
        parts.append(view.screen)
    return " · ".join(parts)
