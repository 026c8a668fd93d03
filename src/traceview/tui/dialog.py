"""What the windows over a screen share: a frame in the middle, Esc leaves."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.await_complete import AwaitComplete
from textual.binding import BindingType
from textual.screen import ModalScreen

from traceview.tui.actions import bindings

Result = TypeVar("Result")


class Window(ModalScreen[Result]):
    """A screen over another one that closes once, and whose keys work while it is there."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing works on a window that is not there yet, or no longer."""
        there = self.is_mounted and self in self.app.screen_stack
        return there and super().check_action(action, parameters)

    def dismiss(self, result: Result | None = None) -> AwaitComplete:
        """Close with a result; a second Enter must not close the screen below."""
        return super().dismiss(result) if self.is_active else AwaitComplete()


class Dialog(Window[Result]):
    """A window over a screen; its body is one container with the id `dialog`."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("back", call="leave")]

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        background: $background 60%;
        & > #dialog {
            width: 84;
            max-width: 94%;
            height: auto;
            max-height: 90%;
            padding: 1 2;
            border: round $primary;
            background: $surface;
        }
    }
    """

    def action_leave(self) -> None:
        """Close the window without a result."""
        self.dismiss(None)
