"""What is seen of the annotate panel: title, definitions, the field; open or closed, blind or not."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from traceview.tui.asking import Asking
from traceview.tui.context import AppContext
from traceview.tui.panels.labelling import Labelling, panel_lines
from traceview.tui.panels.note_field import NoteField
from traceview.tui.widgets.lines import Bar, Line, Lines, Pane, wrapped


class PanelFrame(Asking, Vertical):
    """Shows what is known about a target (`state`). `AnnotatePanel` adds the labels: what the keys write."""

    DEFAULT_CSS = """
    PanelFrame {
        width: 38; height: 1fr; background: $surface; border-left: solid $divider; display: none;
        & > #panel-title { height: 1; background: $surface; }
        & > #panel-body { height: 1fr; background: $surface; }
        & > #panel-asked { display: none; height: auto; min-height: 1; max-height: 3; background: $surface; }
        & > #panel-field { display: none; height: 3; border: tall $primary; background: $background; }
        &.-open { display: block; }
        & > #panel-offers { display: none; height: auto; max-height: 3; background: $surface; }
        &.-field > #panel-field { display: block; }
        &.-field > #panel-asked { display: block; }
        &.-low { width: 1fr; height: 11; border-left: none; border-top: solid $divider; }
    }
    """

    class Said(Message):
        """Something for the status line."""

        def __init__(self, sentence: str, error: bool = False) -> None:
            super().__init__()
            self.sentence = sentence
            self.error = error

    class BlindChanged(Message):
        """Blind was turned on or off."""

    class Toggled(Message):
        """The panel was opened or closed."""

    class FieldClosed(Message):
        """The field was left; the focus belongs to the screen again."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close_field", show=False)]

    def __init__(self, context: AppContext, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.context = context
        self._state = Labelling((), context.annotator_name, known=False)
        self._field_for: str | None = None
        self._asked_for = ""

    def compose(self) -> ComposeResult:
        """Title, definitions, and a field that shows when it is needed."""
        yield Bar(id="panel-title")
        yield Pane(id="panel-body")
        yield Pane(id="panel-asked")
        yield NoteField(id="panel-field")
        yield Pane(id="panel-offers")

    @abstractmethod
    def title_line(self) -> tuple[Line, Line]:
        """What stands on the left and on the right over the definitions."""

    @property
    def state(self) -> Labelling:
        """What is known about the target."""
        return self._state

    @property
    def open(self) -> bool:
        """True while the panel is on the screen."""
        return self.has_class("-open")

    @open.setter
    def open(self, value: bool) -> None:
        self.set_class(value, "-open")
        self._draw()
        self.post_message(self.Toggled())

    # Blind.

    @property
    def hides_identity(self) -> bool:
        """True while model, prompt version and other people's labels are hidden."""
        return self._blind and not self._state.complete

    @property
    def _blind(self) -> bool:
        """Blind belongs to the app: it holds on every screen and for every item."""
        return bool(getattr(self.app, "blind", self.context.blind))

    @property
    def is_blind(self) -> bool:
        """Whether blind is on."""
        return self._blind

    def toggle_blind(self) -> None:
        """Hide, or show, the labels of others, the model and the prompt version."""
        self.app.blind = not self._blind  # type: ignore[attr-defined]
        self._say(
            "Blind: labels of others, model and version are hidden." if self._blind else "Blind is off."
        )
        self._draw()
        self.post_message(self.BlindChanged())

    # The field.

    @property
    def typing(self) -> bool:
        """True while the field is open."""
        return self._field_for is not None

    def _open_field(self, name: str, text: str, title: str, hint: str) -> None:
        """Open the field under a title that says what is typed there, with a hint while it is empty."""
        field = self.query_one(NoteField)
        field.offer(())
        self._field_for = name
        field.value = text
        field.placeholder = hint
        self._asked_for = title
        self.add_class("-field")
        self.open = True
        self.screen.set_focus(field)
        field.cursor_position = len(text)

    def offer_notes(self, earlier: Sequence[str]) -> None:
        """Complete the note that is being written from these."""
        if self._field_for == "note":
            self.query_one(NoteField).offer(earlier)
            self._show_offered()

    @on(Input.Changed, "#panel-field")
    def _on_typed(self, event: Input.Changed) -> None:
        event.stop()
        self._show_offered()

    def _show_offered(self) -> None:
        offered = self.query_one(NoteField).offered(self.size.width) if self.typing else []
        shown = self.query_one("#panel-offers", Lines)
        shown.display = bool(offered)
        shown.styles.height = len(offered)
        shown.show(offered)

    def action_close_field(self) -> None:
        """Leave the field; what was typed stays until another field opens."""
        self.remove_class("-field")
        self._field_for = None
        self._show_offered()
        self.post_message(self.FieldClosed())

    # Drawing.

    def _say(self, sentence: str, *, error: bool = False) -> None:
        self.post_message(self.Said(sentence, error))

    def on_resize(self) -> None:
        """Lay the lines out for the new size."""
        self._draw()

    @on(Pane.Resized)
    def _on_body_resized(self, event: Pane.Resized) -> None:
        """The field came or went: there is another number of lines for the definitions."""
        event.stop()
        self._draw()

    def _draw(self) -> None:
        if not self.is_mounted or not self.open:
            return
        self.query_one("#panel-title", Bar).say(*self.title_line())
        if self._field_for is not None:
            asked = wrapped(self._asked_for, max(8, self.size.width - 2), "title", 3)
            shown = self.query_one("#panel-asked", Lines)
            shown.styles.height = len(asked)
            shown.show([[(" ", None), *line] for line in asked])
        body = self.query_one("#panel-body", Lines)
        cells, rows = body.size.width, body.size.height
        if cells > 4:
            body.show(panel_lines(self._state, cells, blind=self.hides_identity, rows=rows or None))
