"""The app: two lists at the root, everything else above them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from textual import events
from textual.binding import BindingType
from textual.css.query import NoMatches

from traceview.tui.actions import Action, bindings, keymap, keys_of, rebound
from traceview.tui.collecting import LOOK_SECONDS, Collector
from traceview.tui.context import AppContext
from traceview.tui.definition_watch import DEFINITIONS_SECONDS, DefinitionWatch
from traceview.tui.drafts import Drafts
from traceview.tui.group_roots import GROUP_NAMES, GroupName, GroupRoots
from traceview.tui.habits import Habits, keep_habits, read_habits
from traceview.tui.judging_app import JudgingApp
from traceview.tui.leaving import Leaving
from traceview.tui.rows import ListLevel
from traceview.tui.screens.base import LEAST_HEIGHT, LEAST_WIDTH, ROOT_DEPTH, TraceviewScreen
from traceview.tui.screens.lists import ListScreen
from traceview.tui.state import LastPlace, keep_place, kept_sort, read_place
from traceview.tui.themes import chosen
from traceview.tui.warming import WARM_AFTER, warm

if TYPE_CHECKING:
    from traceview.filters.ast import Node
    from traceview.tui.commands import Command

LEVELS: tuple[ListLevel, ...] = ("traces", "threads")
SEEN_ANYWHERE = ("quit", "quit_root", "help", "help_f1", "suspend")
"""Actions that need no room: the others are not done where nothing of them is seen."""
HUNG_UP = 128 + 1
"""The exit code when the terminal was closed, as for SIGHUP."""


class TraceviewApp(JudgingApp):
    """Owns the two lists and what works everywhere: switching, help, palette, theme, leaving."""

    TITLE = "traceview"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("quit", call="quit"),
        *bindings("palette", call="palette"),
        *bindings("suspend", call="suspend"),
    ]

    def __init__(self, context: AppContext) -> None:
        self.registry: tuple[Action, ...] = rebound(context.keys)
        super().__init__(ascii_signs=context.ascii_signs)
        self.context = context
        self._collector = Collector()
        place = read_place(context.state_file)
        if context.begins_session:
            # Annotating goes through everything that was asked for, not through where somebody looked last.
            place = LastPlace()
        if context.initial_filter and context.initial_screen is None and place.screen != "traces":
            # A filter that was typed is one of traces, wherever somebody looked last.
            place = replace(place, screen="traces", filter="", sort="", row="", other="")
        self._restored = bool((place.filter and not context.initial_filter) or place.sort)
        """Whether the list begins with a filter or an order of another day."""
        self.theme = chosen(context.theme, no_color=self.no_color)
        self._habits: Habits | None = None
        self._hinting: TraceviewScreen | None = None
        if context.keys:
            self.set_keymap(keymap(self.registry))
        self.root_level: ListLevel = self._first_level(place)
        self.blind = context.blind
        """Whether labels of others, models and prompt versions are hidden until one's own label is saved."""
        self.drafts = Drafts()
        """Notes and corrections that could not be saved."""
        self._definitions = DefinitionWatch(self, context)
        self._leaving = Leaving(self)
        self.lists: dict[ListLevel, ListScreen] = {level: self._list_screen(level, place) for level in LEVELS}
        self.groups = GroupRoots(self, place)
        wanted = context.initial_screen or place.screen
        self._first_group: GroupName | None = next((name for name in GROUP_NAMES if name == wanted), None)

    @property
    def habits(self) -> Habits:
        """What the user did before, read when it is first asked for."""
        if self._habits is None:
            self._habits = read_habits(self._state_folder)
        return self._habits

    @property
    def _state_folder(self) -> Path | None:
        return self.context.state_file.parent if self.context.state_file is not None else None

    def keep_habits(self) -> str | None:
        """Write what was learned about the user; a sentence if that was not possible."""
        return keep_habits(self._state_folder, self._habits) if self._habits is not None else None

    def _first_level(self, place: LastPlace) -> ListLevel:
        wanted = self.context.initial_screen or place.screen
        return "threads" if wanted == "threads" else "traces"

    def _list_screen(self, level: ListLevel, place: LastPlace) -> ListScreen:
        """A list as it was left; a filter given at start wins over the kept one."""
        given = self.context.initial_filter
        preview = {"on": True, "off": False}.get(place.preview)
        if level != self.root_level:
            return ListScreen(self.context, level, filter_text=place.other, preview=preview)
        at_groups = place.screen in GROUP_NAMES
        here = place if place.screen == level or (at_groups and level == "traces") else LastPlace()
        sort = kept_sort(level, here.sort, here.descending)
        return ListScreen(
            self.context,
            level,
            filter_text=given or here.filter,
            sort=sort,
            row=here.row or None,
            preview=preview,
        )

    def on_mount(self) -> None:
        """Show the first list, and say what must be said once."""
        self._collector.begin()
        self.set_interval(LOOK_SECONDS, self._collector.look)
        self._definitions.look()
        self.set_interval(DEFINITIONS_SECONDS, self._definitions.look)
        for level, screen in self.lists.items():
            self.install_screen(screen, level)
        if self._first_group is not None:
            self.groups.show(self._first_group)
        else:
            self.push_screen(self.root_level)
        for notice in self.context.notices:
            self.notify(notice, markup=False, timeout=10)
        self._leave_on_signals()
        self.set_timer(WARM_AFTER, self._warm)
        if not self.context.begins_session:
            self.call_after_refresh(self._give_first_hint)
        if self._restored:
            self.call_after_refresh(self._say_restored)

    def _warm(self) -> None:
        """Make later screens ready, once what is in front has what it asked for: its rows come first."""
        screen = self.screen_stack[-1] if self.screen_stack else None
        if screen is None:
            # The app is being left.
            return
        if isinstance(screen, TraceviewScreen) and screen.is_asking_any:
            self.set_timer(WARM_AFTER, self._warm)
        else:
            warm(self)

    def on_unmount(self) -> None:
        """Let the collector look at everything again, so that nothing outlives the app."""
        self._collector.end()

    def _say_restored(self) -> None:
        """Say once that what is shown was chosen another day, and how it goes away."""
        screen = self.screen
        if isinstance(screen, ListScreen):
            if screen.filter_text:
                screen.let_back_clear()
            way = "Esc clears the filter." if screen.filter_text else "s chooses another order."
            screen.say(f"The view of last time: {way}")

    def _give_first_hint(self) -> None:
        """Say which keys to begin with, once per user, until any key does what it does."""
        screen = self.screen
        if self.habits.hint_seen or not isinstance(screen, TraceviewScreen):
            return
        keys = {action.id: action.keys[0] for action in self.registry}
        shown = f"{keys['open']} opens, {keys['back']} goes back, {keys['help']} shows all keys."
        screen.hint(f"New here? {shown}")
        self._hinting = screen

    async def on_event(self, event: events.Event) -> None:
        """Any key or click ends the first hint, and does what it does besides.

        Where the screen shows nothing but that it has no room, nothing is done blindly.
        """
        if isinstance(event, events.Key | events.Paste | events.MouseDown) and self._blind_to(event):
            return
        if isinstance(event, events.Key):
            self._collector.key_came()
            self.key_came()
        if self._hinting is not None and isinstance(event, events.Key | events.MouseDown):
            self._hinting.hint_seen()
            self._hinting = None
            self.habits.hint_seen = True
        elif isinstance(event, events.Key) and self.screen_stack:
            top = self.screen_stack[-1]
            if isinstance(top, TraceviewScreen):
                top.said_seen()
        await super().on_event(event)

    def _blind_to(self, event: events.Event) -> bool:
        """Whether a key would do something that nobody could see."""
        screen = self.screen_stack[-1] if self.screen_stack else None
        if not isinstance(screen, TraceviewScreen):
            below = next(
                (one for one in reversed(self.screen_stack) if isinstance(one, TraceviewScreen)), None
            )
            if below is None or type(screen).__name__ == "HelpScreen":
                return False
        small = self.size.width < LEAST_WIDTH or self.size.height < LEAST_HEIGHT
        if not small:
            return False
        return not isinstance(event, events.Key) or event.key not in keys_of(self.registry, SEEN_ANYWHERE)

    def _leave_on_signals(self) -> None:
        """Give the terminal back before ending on a signal; what was called saved is on disk already."""
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None:
                # Windows has no such handlers, and only the main thread may set them.
                with suppress(NotImplementedError, RuntimeError, ValueError):
                    loop.add_signal_handler(number, partial(self.exit, return_code=128 + number))

    def terminal_closed(self) -> None:
        """Leave as on a hang-up: nobody is there any more; the labels that wait are written on the way out."""
        self.exit(return_code=HUNG_UP)

    def on_key(self, event: events.Key) -> None:
        """Give a key to the field that took the focus while the key was on its way here.

        A field keeps the keys that it knows, so one that gets this far was typed before it opened.
        """
        focused = self.focused
        if focused is not None and focused.check_consume_key(event.key, event.character):
            event.prevent_default()
            focused.post_message(events.Key(event.key, event.character))
        elif self._screen_takes(event):
            event.prevent_default()

    def _screen_takes(self, event: events.Key) -> bool:
        """Whether the screen has a use for a key before its bindings have: it may have to wait for an item."""
        take: Callable[[events.Key], bool] | None = getattr(self.screen, "take_key", None)
        return take is not None and self.screen.is_mounted and take(event)

    async def play_key(self, event: events.Key) -> None:
        """Do what a kept key would have done; runs in the app's own queue, where keys are handled."""
        focused = self.focused
        typed = focused is not None and focused.check_consume_key(event.key, event.character)
        if not typed and (self._screen_takes(event) or await self._check_bindings(event.key)):
            return
        if focused is not None:
            focused.post_message(events.Key(event.key, event.character))

    # What works everywhere.

    def action_show_traces(self) -> None:
        """The list of traces."""
        self.show_list("traces")

    def action_show_threads(self) -> None:
        """The list of threads."""
        self.show_list("threads")

    def action_show_prompts(self) -> None:
        """Every prompt version with its figures."""
        self.leave(lambda: self.groups.show("prompts"))

    def action_show_stats(self) -> None:
        """Figures of groups of traces."""
        self.leave(lambda: self.groups.show("stats"))

    def show_list(self, level: ListLevel, then: Callable[[], object] = lambda: None) -> None:
        """Close what is open above the lists and show one of them, then do something there."""

        def show() -> None:
            self._show_list(level)
            then()

        self.leave(show)

    def _show_list(self, level: ListLevel) -> None:
        self.groups.leave()
        while len(self.screen_stack) > ROOT_DEPTH:
            self.pop_screen()
        self.root_level = level
        if len(self.screen_stack) < ROOT_DEPTH:
            self.push_screen(level)
        elif self.screen is not self.lists[level]:
            self.switch_screen(level)

    @property
    def listed(self) -> tuple[Node | None, str]:
        """The filter of the list at the root."""
        return self.lists[self.root_level].listed

    def leave(self, then: Callable[[], object]) -> None:
        """Do what closes a screen or the app, once every label is on disk."""
        self._leaving.leave(then)

    async def action_quit(self) -> None:
        """Quit, from anywhere."""
        self.quit_asking(self._leaving.quit)

    def action_suspend(self) -> None:
        """Give the terminal back to the shell once the open transaction is on disk."""
        annotator = self.context.annotator
        with annotator.store.suspended() if annotator is not None else nullcontext():
            self.action_suspend_process()

    def action_quit_root(self) -> None:
        """Quit from a list; elsewhere say how."""
        if len(self.screen_stack) == ROOT_DEPTH:
            self.quit_asking(self._leaving.quit)
        elif isinstance(self.screen, TraceviewScreen):
            keys = {action.id: action.keys[0] for action in self.registry}
            self.screen.say(f"{keys['back']} goes back to the list, {keys['quit']} quits.")

    def action_help(self) -> None:
        """Show what the keys do on this screen."""
        from traceview.tui.screens.help import HelpScreen

        screen = self.screen
        if isinstance(screen, TraceviewScreen):
            self.push_screen(HelpScreen(self.registry, screen.AREA, self.context, screen.help_panes))

    def action_help_filters(self) -> None:
        """Show how filters are written."""
        from traceview.tui.screens.help import HelpScreen

        screen = self.screen
        if isinstance(screen, TraceviewScreen):
            self.push_screen(HelpScreen(self.registry, screen.AREA, self.context, at_filters=True))

    async def action_palette(self) -> None:
        """Show all commands by name."""
        from traceview.tui.screens.palette import PaletteScreen

        screen = self.screen
        if isinstance(screen, TraceviewScreen):
            palette = PaletteScreen(screen, self.habits.recent)
            await self.push_screen(palette, lambda _: self._run_command(palette.chosen))

    def _run_command(self, command: Command | None) -> None:
        if command is not None:
            self.habits.used(command.title)
            self.call_later(command.run)

    def place(self) -> LastPlace:
        """Where the user is now, to come back to."""
        screen = self.lists[self.root_level]
        other = next(one for level, one in self.lists.items() if level != self.root_level)
        return LastPlace(
            screen=self.groups.shown or self.root_level,
            filter=screen.filter_text if self.groups.filter_text is None else self.groups.filter_text,
            sort=screen.sort.field if screen.sort else "",
            descending=screen.sort.descending if screen.sort else False,
            row=screen.last_row or "",
            **self.groups.kept(),
            preview={True: "on", False: "off", None: ""}[screen.preview_wanted],
            other=other.filter_text,
        )

    # Leaving by accident.

    def _handle_exception(self, error: Exception) -> None:
        """Leave with the error itself, not with the worker that met it."""
        if self._exit and isinstance(error, NoMatches):
            # A screen that was still being built when the user left: its parts are gone already.
            return
        super()._handle_exception(getattr(error, "error", error))

    def _fatal_error(self) -> None:
        """Give the terminal back without printing; `run_app` raises what happened."""
        self._close_messages_no_wait()

    @property
    def crash(self) -> Exception | None:
        """What ended the app, None if the user did."""
        return self._exception


def run_app(context: AppContext) -> int:
    """Run the app until the user quits; the exit code. Raises what crashed it, with the terminal restored."""
    app = TraceviewApp(context)
    app.run()
    app.end_runs()
    if app.crash is not None:
        raise app.crash
    for problem in (keep_place(context.state_file, app.place()), app.keep_habits()):
        if problem is not None:
            import sys

            sys.stderr.write(f"traceview: {problem}\n")
    return app.return_code or 0
