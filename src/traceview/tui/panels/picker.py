"""A list of the choices of a definition, for those that have no digit."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from traceview.model.definitions import FeedbackDefinition
from traceview.model.labels import NOT_APPLICABLE, LabelValue
from traceview.text.safe import safe_line
from traceview.tui.dialog import Window


class ValuePicker(Window[LabelValue]):
    """Gives back the picked choice (a tuple for a multi definition), or None if it was left."""

    DEFAULT_CSS = """
    ValuePicker {
        align: center middle;
        & > Vertical {
            width: 60; max-width: 90%; height: auto; max-height: 80%;
            border: round $primary; background: $surface; padding: 0 1;
        }
        OptionList { height: auto; max-height: 20; border: none; background: $surface; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,h", "leave", show=False),
        Binding("j", "down", show=False),
        Binding("k", "up", show=False),
        Binding("space", "pick", show=False),
    ]

    def __init__(self, definition: FeedbackDefinition, value: LabelValue) -> None:
        super().__init__()
        self._definition = definition
        self._values: list[LabelValue] = list(definition.choices)
        if definition.allow_na:
            self._values.append(NOT_APPLICABLE)
        self._picked: set[LabelValue] = set(value) if isinstance(value, tuple) else {value}

    def compose(self) -> ComposeResult:
        """The choices, the current one marked."""
        how = "Space picks, Enter accepts" if self._definition.multi else "Enter accepts"
        with Vertical():
            yield Static(Content(f"{safe_line(self._definition.name)}  ({how})"))
            yield OptionList(*(Option(self._label(value)) for value in self._values))

    def on_mount(self) -> None:
        """Begin at the current value."""
        options = self.query_one(OptionList)
        options.highlighted = next((n for n, value in enumerate(self._values) if value in self._picked), 0)

    def _label(self, value: LabelValue) -> Content:
        mark = "●" if value in self._picked else "○"
        return Content(f"{mark} {safe_line(str(value))}")

    def action_down(self) -> None:
        """One choice down."""
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """One choice up."""
        self.query_one(OptionList).action_cursor_up()

    def action_pick(self) -> None:
        """Pick or unpick the choice, of a multi definition."""
        options = self.query_one(OptionList)
        index = options.highlighted
        if self._definition.multi and index is not None and self._values[index] != NOT_APPLICABLE:
            value = self._values[index]
            self._picked ^= {value}
            options.replace_option_prompt_at_index(index, self._label(self._values[index]))

    def action_leave(self) -> None:
        """Back without a value."""
        self.dismiss(None)

    @on(OptionList.OptionSelected)
    def _on_selected(self, event: OptionList.OptionSelected) -> None:
        value = self._values[event.option_index]
        if self._definition.multi and value != NOT_APPLICABLE:
            picked = tuple(choice for choice in self._definition.choices if choice in self._picked)
            self.dismiss(picked or (str(value),))
        else:
            self.dismiss(value)
