"""Prompts and stats beside the two lists: made when first shown, one filter with the list of traces, kept choices."""

from __future__ import annotations

from collections.abc import Iterator
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Literal, get_args

from traceview.store.interface import SortKey
from traceview.tui.rows import versions_of
from traceview.tui.screens.base import ROOT_DEPTH
from traceview.tui.screens.lists import ListScreen
from traceview.tui.state import LastPlace

if TYPE_CHECKING:
    from traceview.tui.app import TraceviewApp
    from traceview.tui.screens.group_frame import GroupScreen

GroupName = Literal["prompts", "stats"]
GROUP_NAMES: tuple[GroupName, ...] = get_args(GroupName)
SCREENS: dict[GroupName, str] = {
    "prompts": "traceview.tui.screens.prompts:PromptsScreen",
    "stats": "traceview.tui.screens.stats:StatsScreen",
}


class GroupRoots:
    """Shows the two screens of groups at the root; their modules are imported when one is first shown."""

    def __init__(self, app: TraceviewApp, place: LastPlace) -> None:
        self._app = app
        self._place = place
        self._made: dict[GroupName, GroupScreen] = {}
        self.shown: GroupName | None = None
        """The one at the root now."""

    @property
    def filter_text(self) -> str | None:
        """The filter of the one at the root."""
        return self._made[self.shown].filter_text if self.shown is not None else None

    def leave(self) -> None:
        """One of the lists takes the root over, with the filter of what it replaces."""
        self.carry_filter()
        self.shown = None

    def screen(self, name: GroupName) -> GroupScreen:
        """A screen of groups, with the choice that was kept."""
        found = self._made.get(name)
        if found is None:
            sort = self._place.stats_sort if name == "stats" else self._place.prompts_sort
            key = SortKey(sort.removeprefix("-"), sort.startswith("-")) if sort else None
            options: dict[str, Any] = {"sort": key, "filter_text": self._app.lists["traces"].filter_text}
            if name == "stats":
                options |= {"by": self._place.stats_by, "over": self._place.stats_over}
            found = self._made[name] = resolve_name(SCREENS[name])(self._app.context, **options)
            self._app.install_screen(found, name)
        return found

    def show(self, name: GroupName) -> None:
        """Close what is open above the root and show groups of what the list in front shows."""
        version = self._version_here()
        self.carry_filter()
        while len(self._app.screen_stack) > ROOT_DEPTH:
            self._app.pop_screen()
        screen = self.screen(name)
        self.shown = name
        self._app.root_level = "traces"
        screen.follow(self._app.lists["traces"].filter_text)
        if version is not None:
            screen.stand_on(*version)
        if len(self._app.screen_stack) < ROOT_DEPTH:
            self._app.push_screen(name)
        elif self._app.screen is not screen:
            self._app.switch_screen(name)

    def carry_filter(self) -> None:
        """The list of traces takes over the filter of what is left: of a group's traces, or of the groups."""
        traces = self._app.lists["traces"]
        for text in self._filters_in_front():
            if text != traces.filter_text:
                if traces.is_mounted:
                    traces.set_filter(text)
                else:
                    traces.filter_text = text
            return

    def _filters_in_front(self) -> Iterator[str]:
        groups = tuple(self._made.values())
        for screen in reversed(self._app.screen_stack):
            if screen in groups or (isinstance(screen, ListScreen) and screen.level == "traces"):
                yield screen.filter_text

    def _version_here(self) -> tuple[str | None, str | None] | None:
        """The prompt version of the trace in front: of the row under the cursor, or of the open trace."""
        for screen in reversed(self._app.screen_stack):
            if isinstance(screen, ListScreen):
                row = screen.rows.row if screen.level == "traces" else None
                versions = versions_of(row) if row is not None else []
                return (versions[0][0] or None, versions[0][1] or None) if versions else None
        return None

    def kept(self) -> dict[str, str]:
        """The choices, as the fields of a `LastPlace`."""
        kept = {
            name: getattr(self._place, name)
            for name in ("stats_by", "stats_over", "stats_sort", "prompts_sort")
        }
        for name, screen in self._made.items():
            sort = screen.sort
            kept[f"{name}_sort"] = f"{'-' if sort.descending else ''}{sort.field}" if sort else ""
            if name == "stats":
                kept |= {"stats_by": ",".join(screen.by), "stats_over": screen.over or ""}
        return kept
