"""What every screen has: questions with a token, title, status line, footer, keys from the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.geometry import Size
from textual.screen import Screen

from traceview.text.safe import safe_line
from traceview.tui.action_words import places_of
from traceview.tui.actions import ACTIONS, Action, Area, actions_for, bindings_for, keys_of
from traceview.tui.asking import Asking
from traceview.tui.context import AppContext
from traceview.tui.panes import FIELD_HINTS, PaneKeys, of_pane, pane_named
from traceview.tui.widgets.footer import KeyFooter
from traceview.tui.widgets.lines import Bar, Lines, Part, line_width, wrapped

if TYPE_CHECKING:
    from traceview.judges.selecting import Chosen
    from traceview.tui.copying import Copies
    from traceview.tui.habits import Habits

ROOT_DEPTH = 2
"""Screens on the stack when a list is shown: a blank one, and the list."""
ALWAYS = 80
"""Actions of this priority stand in the footer before those of the focused pane: opening, going back."""
LEAST_WIDTH = 40
LEAST_HEIGHT = 10
SENTENCE_SECONDS = 6.0


class TraceviewScreen(Asking, Screen[None]):
    """A screen with a context and an area of the action registry.

    A subclass sets `AREA` and `BINDINGS = bindings_for("app", AREA)` and composes its body in `compose_body`,
    between the title (`set_title`) and the status line (`set_status`, `say`) over the footer.
    """

    AREA: ClassVar[Area] = "app"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for("app")]
    HERE: ClassVar[Mapping[str, str]] = {}
    """What the footer calls actions that do something of their own here; they stand in it, whatever their priority."""
    SPLIT: ClassVar[tuple[str, str] | None] = None
    """The selectors of two panes whose shares can be changed; beside each other while `-beside` is set."""
    HORIZONTAL_BREAKPOINTS = [
        (0, "-narrow"),
        (81, "-wide"),
        (140, "-very-wide"),
    ]

    DEFAULT_CSS = """
    TraceviewScreen {
        background: $background;
        layout: vertical;
        & > #title { height: 1; background: $panel; }
        & > #status { height: 1; background: $surface; }
        & > #too-small { display: none; height: 1fr; }
        &.-too-small > * { display: none; }
        &.-too-small > #too-small { display: block; }
    }
    """

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self._status_left: Sequence[Part] = ()
        self._status_right: Sequence[Part] = ()
        self._sentence: tuple[str, str | None] | None = None

    def compose(self) -> ComposeResult:
        """The frame around the body."""
        # Before there are children: a class that is set later has all of them styled once more.
        self.update_classes(self.size_classes(self.app.size), animate=False)
        yield Bar(id="title")
        yield from self.compose_body()
        yield Bar(id="status")
        yield KeyFooter(self.footer_hints(), more=self._help_key, id="footer")
        yield Lines(id="too-small")

    def compose_body(self) -> ComposeResult:
        """The widgets between title and status line."""
        yield from ()

    @property
    def registry(self) -> tuple[Action, ...]:
        """The actions with the user's keys in place."""
        registry: tuple[Action, ...] = getattr(self.app, "registry", ACTIONS)
        return registry

    @property
    def _help_key(self) -> str:
        return self.key_of("help")

    def session_ended(self) -> None:
        """A session that was worked on here is done, and its summary was read."""

    @property
    def blind(self) -> bool:
        """Whether labels of others, models and prompt versions are hidden now."""
        return bool(getattr(self.app, "blind", self.context.blind))

    @property
    def pane_keys(self) -> PaneKeys | None:
        """The pane that has the focus, None if it has no keys of its own."""
        focused = self.focused
        return pane_named(one.id for one in focused.ancestors_with_self) if focused is not None else None

    def key_of(self, action_id: str) -> str:
        """The key of an action, as it is written for people; of several the first."""
        return next(action.keys[0] for action in self.registry if action.id == action_id)

    @property
    def help_panes(self) -> tuple[PaneKeys, ...]:
        """Whose keys the help begins with."""
        pane = self.pane_keys
        return () if pane is None else (pane,)

    def footer_hints(self) -> list[tuple[str, str]]:
        """`(key, title)` of the actions that the footer may show: the focused pane's, then the most useful."""
        focused = self.focused if self.is_mounted else None
        if focused is not None and focused.check_consume_key("a", "a"):
            return list(FIELD_HINTS)  # A field: letters are its text.
        here = {action.id for action in actions_for(("app", self.AREA))}
        actions = [action for action in self.registry if action.id in here]
        # A list is the root: nothing to go back to. The help stands at the end of the line.
        left_out = ("help", "back") if self.AREA == "list" else ("help",)
        shown = [action for action in actions if action.footer_priority and action.id not in left_out]
        shown.sort(key=lambda action: -action.footer_priority)
        pane = self.pane_keys if focused is not None else None
        own = [action for name in self.HERE for action in actions if action.id == name]
        first = [*(of_pane(pane, actions) if pane is not None else ()), *own]
        always = [action for action in shown if action.footer_priority >= ALWAYS]
        ordered = dict.fromkeys((*always, *first, *shown))
        return [(action.keys[0], self.HERE.get(action.id, action.title)) for action in ordered]

    def on_descendant_focus(self) -> None:
        """The footer shows the keys of the pane that has the focus."""
        self.show_hints()

    def show_hints(self) -> None:
        """Show in the footer what the keys do now."""
        for footer in self.query("#footer").results(KeyFooter):
            footer.set_hints(self.footer_hints())

    def copies(self) -> Copies | None:
        """What can be copied of the thing that has the focus, None if nothing can."""
        return None

    def action_copy(self) -> None:
        """Offer what can be copied."""
        from traceview.tui.screens.copy_menu import CopyMenu

        copies = self.copies()
        if copies is None:
            self.say("There is nothing to copy here.")
        else:
            self.app.push_screen(CopyMenu(copies), self._copy)

    def _copy(self, picked: tuple[str, str] | None) -> None:
        from traceview.tui.clipboard import copy

        if picked is not None:
            name, text = picked
            self.say(copy(self.app, text, name))

    def judged(self) -> Sequence[Chosen]:
        """What judges may be run over from here, the likeliest first."""
        return ()

    def action_judge(self) -> None:
        """Have a judge score what is listed, marked or open."""
        from traceview.tui.screens.judge_running import ask_judge

        ask_judge(self, self.judged())

    def more_commands(self) -> list[tuple[str, Callable[[], object]]]:
        """`(area: verb, what runs)` of commands that have no key."""
        return []

    def idle_commands(self) -> list[tuple[str, str]]:
        """`(area: verb, why not)` of commands that cannot run now."""
        return [("share: page of a trace or a conversation", "only on lists or inside of one")]

    def take_key(self, event: events.Key) -> bool:
        """Say where a key works that does nothing on this screen."""
        meant = [action for action in self.registry if event.key in keys_of((action,), (action.id,))]
        here = any({"app", self.AREA}.intersection(action.screens) for action in meant)
        if not meant or here or event.key in self.active_bindings:
            return False
        self.say(f"{meant[0].keys[0]} ({meant[0].title}) works {places_of(meant[0])}.")
        return True

    def set_title(self, left: Sequence[Part], right: Sequence[Part] = ()) -> None:
        """Show what this screen is about; texts must be safe to draw."""
        self.query_one("#title", Bar).say(left, right)

    def set_status(self, left: Sequence[Part], right: Sequence[Part] = ()) -> None:
        """Show what goes on (left) and where labels go (right); a sentence said goes before it for a while."""
        self._status_left, self._status_right = left, right
        self._show_status()

    def say(self, sentence: str, *, error: bool = False) -> None:
        """Put a sentence about what just happened on the status line for some seconds."""
        said = (safe_line(sentence), "error" if error else "accent")
        self._sentence = said
        self._show_status()
        self.set_timer(SENTENCE_SECONDS, lambda: self._forget(said))

    def hint(self, sentence: str) -> None:
        """Put a sentence on the status line until `hint_seen`."""
        self._sentence = (safe_line(sentence), "accent")
        self._show_status()

    def hint_seen(self) -> None:
        """Take the sentence off the status line."""
        if self._sentence is not None:
            self._forget(self._sentence)

    def said_seen(self) -> None:
        """Take what the last action said off the status line, as another key comes; errors stay their seconds."""
        if self._sentence is not None and self._sentence[1] != "error":
            self._forget(self._sentence)

    def answer_failed(self, error: Exception) -> None:
        """An error for people that nobody else took goes to the status line."""
        self.say(f"✗ {error}", error=True)

    def _forget(self, said: tuple[str, str | None]) -> None:
        if self._sentence is said:
            self._sentence = None
            self._show_status()

    def _show_status(self) -> None:
        left = list(self._status_left)
        if self._sentence is not None:
            text, part = self._sentence
            # Not by colour alone.
            marked = f"✗ {text}" if part == "error" and not text.startswith("✗") else text
            left = [(" ", None), (marked, part)]
        runs = getattr(self.app, "runs_told", ())
        for bar in self.query("#status").results(Bar):
            right = [*runs, *self._status_right]
            if self._sentence is not None and line_width(left) + 1 + line_width(right) > bar.size.width:
                # where labels go is said again in a moment; a sentence that is cut is not
                right = [*runs]
            bar.say(left, right)

    def show_status_again(self) -> None:
        """Show how far runs of judges are now."""
        self._show_status()

    def size_classes(self, size: Size) -> dict[str, bool]:
        """Which classes the screen has at a size; also asked before there are any children."""
        widths = sorted(self.HORIZONTAL_BREAKPOINTS or ())
        fitting = [name for least, name in widths if size.width >= least]
        classes = {name: name in fitting[-1:] for _, name in widths}
        classes["-too-small"] = size.width < LEAST_WIDTH or size.height < LEAST_HEIGHT
        return classes

    def on_resize(self, event: events.Resize) -> None:
        """Say so when the terminal is too small to show anything sensible."""
        self.update_classes(self.size_classes(event.size))
        too_small = self.has_class("-too-small")
        self.call_after_refresh(self.share_panes)
        if too_small:
            size = f"{event.size.width}x{event.size.height}"
            quit_key = self.key_of("quit")
            # Where hardly anything fits, the first words say it all.
            told = f"Too small: {size}, needs {LEAST_WIDTH}x{LEAST_HEIGHT}. {quit_key} quits."
            self.query_one("#too-small", Lines).show(wrapped(told, max(1, event.size.width), "title"))

    def action_narrower(self) -> None:
        """Give the focused pane less of the screen."""
        self._step_pane(-1)

    def action_wider(self) -> None:
        """Give the focused pane more of the screen."""
        self._step_pane(1)

    def _step_pane(self, by: int) -> None:
        from traceview.tui.screens.split import step_share

        habits: Habits | None = getattr(self.app, "habits", None)
        if habits is not None:
            self.say(step_share(self, habits, by))

    def share_panes(self) -> None:
        """Give the panes the shares that were chosen for them; to be called when they change places."""
        habits: Habits | None = getattr(self.app, "habits", None) if self.SPLIT is not None else None
        if habits is not None and habits.panes:
            from traceview.tui.screens.split import share_panes

            share_panes(self, habits)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing works on a screen that is not there yet, or no longer: its panes are not."""
        there = self.is_mounted and self in self.app.screen_stack
        return there and super().check_action(action, parameters)

    @property
    def is_on_top(self) -> bool:
        """True while no other screen lies on this one; also asked while the app is being left, without any screen."""
        return self.is_current and self.app.screen is self

    @property
    def is_above_lists(self) -> bool:
        """True while this is the top screen, with a list below to come back to."""
        return self.is_on_top and len(self.app.screen_stack) > ROOT_DEPTH

    def close(self) -> None:
        """Take this screen off, unless something else already has; the lists at the root stay."""
        if self.is_above_lists:
            self.app.pop_screen()

    def action_back(self) -> None:
        """Leave this screen; the lists at the root stay."""
        self.close()
