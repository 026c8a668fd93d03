"""What every screen has: questions with a token, a status line, a footer, keys from the registry."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.screen import Screen

from traceview.tui.actions import Action, Area, actions_for, bindings_for
from traceview.tui.asking import Asking
from traceview.tui.context import AppContext


class TraceviewScreen(Asking, Screen[None]):
    """A screen with a context and an area of the action registry.

    A subclass sets `AREA` and `BINDINGS = bindings_for(AREA)`, composes its body, and puts `StatusBar` and
    `KeyFooter` at the bottom.
    """

    AREA: ClassVar[Area] = "app"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for("app")]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (81, "-wide")]

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context

    def footer_actions(self) -> tuple[Action, ...]:
        """The actions that the footer may show, the most useful first."""
        shown = [action for action in actions_for(("app", self.AREA)) if action.footer_priority]
        return tuple(sorted(shown, key=lambda action: -action.footer_priority))

    def say(self, sentence: str) -> None:
        """Put a sentence about what just happened on the status line."""
        self.app.notify(sentence, markup=False)

    def action_back(self) -> None:
        """Leave this screen; the lists at the root stay."""
        if len(self.app.screen_stack) > 2:
            self.app.pop_screen()
