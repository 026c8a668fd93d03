"""A line in which words are typed that the lines below must have."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget

from traceview.text.safe import safe_line
from traceview.tui.widgets.lines import Bar

if TYPE_CHECKING:
    from traceview.tui.widgets.filter_field import FilterField

PROMPT = " keep    "


class KeepBar(Horizontal):
    """Hidden while nothing is kept; `edit` opens the field, whose text applies while it is typed."""

    DEFAULT_CSS = """
    KeepBar {
        height: 1;
        background: $surface;
        display: none;
        & #keep-shown { width: 1fr; }
        &.-used { display: block; }
        &.-editing { display: block; }
        &.-editing #keep-shown { width: 9; }
    }
    """

    is_waiting: ClassVar[bool] = False
    """Any words can be kept: Enter never waits."""

    class Changed(Message):
        """Other words are to be kept."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.text = ""
        self.gives_focus_to: Widget | None = None
        self._field: FilterField | None = None

    def compose(self) -> ComposeResult:
        """The words; the field comes when it is needed."""
        yield Bar(id="keep-shown")

    async def edit(self) -> None:
        """Open the field with the cursor behind its text."""
        if self._field is None:
            from traceview.tui.widgets.filter_field import FilterField

            self._field = FilterField(self.text, owner=self)
            await self.mount(self._field)
        self._field.display = True
        self.add_class("-editing")
        self._show()
        self._field.cursor_position = len(self._field.value)
        self.screen.set_focus(self._field)

    @property
    def is_editing(self) -> bool:
        """True while the field is open."""
        return self.has_class("-editing")

    # What the field says.

    def field_changed(self, text: str) -> None:
        """The words were edited."""
        self.text = text
        self.post_message(self.Changed(text))

    def field_entered(self, text: str) -> None:
        """Enter keeps the words."""
        self.field_left()

    def field_left(self) -> None:
        """Esc leaves the field; the words stay."""
        self.remove_class("-editing")
        self.set_class(bool(self.text.strip()), "-used")
        if self._field is not None:
            self._field.display = False
        self._show()
        self.screen.set_focus(self.gives_focus_to)

    def field_wants_completion(self, text: str, cursor: int) -> None:
        """There is nothing to complete in plain words."""

    def _show(self) -> None:
        shown = [] if self.is_editing else [(safe_line(self.text), None)]
        self.query_one("#keep-shown", Bar).say([(PROMPT, "key" if self.is_editing else "dim"), *shown])
