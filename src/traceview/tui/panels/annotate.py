"""The annotate panel: which target is labelled, and what the keys do to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from textual import events, on
from textual.widgets import Input

from traceview.annotation.asking import fitting
from traceview.annotation.modes import MODE, mode_figures, names_of
from traceview.annotation.notes import earlier_notes
from traceview.annotation.session_again import CONFLICTS
from traceview.annotation.values import format_value, parse_value
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, LabelValue, Target
from traceview.store.interface import CancelToken
from traceview.text.safe import safe_line
from traceview.tui.cursor import ListCursor
from traceview.tui.panels.labelling import Labelling, Offer, digit_value, offers_of, own_choice
from traceview.tui.panels.writing import REPEAT, WritingPanel
from traceview.tui.session_cursor import SessionCursor

if TYPE_CHECKING:
    from traceview.annotation import Annotator
    from traceview.annotation.service import Action


class AnnotatePanel(WritingPanel):
    """Labels one target, or several at once.

    A screen calls `show`, offers it every key first (`take_key`), and moves on when it hears `ItemCompleted`.
    From the value that completes an item, or from `hold`, until the next item was painted (`release`), nothing
    can be labelled: keys that would are kept and played then, so that no label lands on an item nobody saw.
    """

    # What the screen tells.

    def show(
        self,
        targets: Sequence[Target],
        title: str,
        rows: Sequence[LabelRow] | None = None,
        *,
        name: str = "",
        cursor: ListCursor | None = None,
    ) -> None:
        """Label these targets from now on; `rows` are their current labels if they are known already.

        `cursor` may be that of a session, which says what is asked and what counts. `name` is what a person knows the
        item by, safe to draw: fields say whose text is typed.
        """
        if self._field_for is not None and tuple(targets) != self._targets:
            # What is being typed there is about the item before.
            self.action_close_field()
        self._targets = tuple(targets)
        self._title = title
        self._name = name or title
        session = cursor if isinstance(cursor, SessionCursor) and self._targets else None
        self.place = session.session_place if session is not None else None
        self._counted = session.counted if session is not None else None
        fit = fitting(self.context.definitions, self._targets[0].scope) if self._targets else ()
        if session is not None:
            asked = session.asked
            fit = tuple(one for one in fit if one.name in asked)
        self._state = Labelling(
            fit,
            self.context.annotator_name,
            self._targets[0].scope if self._targets else "trace",
            there=bool(self._targets),
            disputed=session is not None and session.work.session.rule.startswith(CONFLICTS),
        )
        self._writes.begin_item()
        self.kept.ready = False
        self.cancel_asked("labels")
        if rows is not None or len(self._targets) != 1 or self.context.annotator is None:
            self._take(rows or ())
        else:
            self._read_labels()
        self._draw()

    def stay(self) -> None:
        """There is no next item: go on with this one."""
        self.kept.ready = True
        self.release(self.kept.held)

    def hold(self, *, walk_waits: bool = False) -> int:
        """Label nothing until `release` of what this returns: another item is on its way."""
        return self.kept.hold(walk_waits=walk_waits)

    def release(self, hold: int) -> None:
        """The item of this hold is on the screen: the keys that waited for it take effect."""
        self.kept.release(hold)

    def take_key(self, event: events.Key) -> bool:
        """Keep a key that must wait, or set the choice that has this key of its own; False if it is neither."""
        if event.key == "escape":
            self.drop_kept_keys("")
        elif self.kept.keep(event):
            return True
        return bool(self.open and event.character and self.press_own_key(event.character))

    def _labels_by(self, character: str) -> bool:
        return self.open and own_choice(self._state.definitions, character) is not None

    # What the keys do.

    def set_digit(self, digit: int) -> None:
        """The value of a digit for the focused definition; several at once for a multi one."""
        if not self.can_label():
            return
        definition = self._state.focused
        if definition is None:
            self._say("No feedback definition fits this target.", error=True)
            return
        value, refusal = digit_value(definition, digit)
        if refusal:
            self._say(refusal, error=True)
        elif definition.multi and digit and isinstance(value, str):
            self._state.picked ^= {value}
            self._draw()
        else:
            self.set_value(definition.name, value)

    def press_own_key(self, key: str) -> bool:
        """Set the choice that has this key of its own; False if none has."""
        found = own_choice(self._state.definitions, key)
        if found is not None:
            self.set_value(*found)
        return found is not None

    def set_value(self, name: str, value: LabelValue) -> None:
        """Give the targets a value; what is on screen says saved once it is on disk."""
        if not self.can_label():
            return
        was_complete = self._state.complete
        targets, blind, place = self._targets, self._blind, self.place

        def write(annotator: Annotator) -> Future[Action | None]:
            return annotator.set_value_soon(  # type: ignore[return-value]
                targets, name, value, blind=blind, place=place
            )

        shown = safe_line(f"{name} = {format_value(value)}")
        save = self._submit(shown, write)
        if save is None:
            return
        self._state.own[name] = value
        if self._state.complete and not was_complete:
            save.completes = True
            self.kept.ready = False
        elif not was_complete:
            self._state.focus_next_open()
        self._draw()

    def offers(self) -> list[Offer]:
        """What a palette can offer here; nothing while there is nothing to label."""
        return list(offers_of(self._state.definitions)) if self._state.there else []

    def take_offer(self, offer: Offer) -> None:
        """Set the value that a palette offered, or ask for one."""
        if not offer.asks:
            self.set_value(offer.name, offer.value)
            return
        names = [definition.name for definition in self._state.definitions]
        self._state.step(names.index(offer.name) - self._state.focus)
        self.open = True
        self.open_value()

    def step_definition(self, by: int) -> None:
        """Focus the next or previous definition."""
        self._state.step(by)
        self._draw()

    def repeat(self) -> None:
        """Give the item every value that it lacks and the one labelled last has."""
        if not self.can_label():
            return
        names = [*(one.name for one in self._state.definitions), MODE]
        lacking = [name for name in names if name not in self._state.own]
        targets, blind, place = self._targets, self._blind, self.place

        def write(annotator: Annotator) -> Future[Action | None]:
            return annotator.repeat_last_soon(targets, lacking, blind=blind, place=place)

        self._submit_and_read(REPEAT, write)

    def undo(self) -> None:
        """Take back the last label action."""
        if self.can_label():
            self._submit_and_read("undo", lambda annotator: annotator.undo_soon())

    def redo(self) -> None:
        """Do again what was taken back."""
        if self.can_label():
            self._submit_and_read("redo", lambda annotator: annotator.redo_soon())

    def open_note(self) -> None:
        """A field for the note, in one line."""
        annotator = self.context.annotator
        if self.can_label() and annotator is not None:
            self._open_note_with(self.own_note)

            def known(token: CancelToken) -> tuple[str, ...]:
                rows = annotator.store.current(name="note", source="human", annotator=annotator.name)
                return earlier_notes(rows)

            self.ask("notes", known, self.offer_notes, failed=lambda error: None)

    @property
    def target(self) -> Target | None:
        """The one item that is labelled; None while there is none, or are several."""
        return self._targets[0] if len(self._targets) == 1 else None

    @property
    def item_name(self) -> str:
        """What a person knows the item by that is labelled."""
        return self._name or ""

    def open_modes(self, then: Callable[[], object]) -> None:
        """A window of failure modes; `then` is called once it is closed. Several targets keep those that they have."""
        annotator = self.context.annotator
        if not self.can_label() or annotator is None:
            then()
            return
        chosen = names_of(self._state.own.get(MODE)) if len(self._targets) == 1 else ()

        def known(token: CancelToken) -> list[tuple[str, int]]:
            rows = annotator.store.current(name=MODE)
            return [(one.mode.name, one.count) for one in mode_figures(rows, self.context.modes)]

        def pick(counts: list[tuple[str, int]]) -> None:
            from traceview.tui.panels.mode_picker import ModePicker

            self.app.push_screen(
                ModePicker(counts, chosen, self._name or ""), partial(self._modes_picked, chosen, then)
            )

        self.ask("modes", known, pick)

    def _modes_picked(
        self, before: tuple[str, ...], then: Callable[[], object], modes: tuple[str, ...] | None
    ) -> None:
        if modes and len(self._targets) > 1:
            self._add_modes(modes)
        elif modes is not None and modes != before:
            self._set_or_clear(MODE, modes or None)
        then()

    def _add_modes(self, modes: tuple[str, ...]) -> None:
        targets, blind = self._targets, self._blind

        def write(annotator: Annotator) -> Future[Action | None]:
            return annotator.add_values_soon(targets, MODE, modes, blind=blind)

        self._submit(safe_line(f"mode {format_value(modes)} added"), write)

    def mark_first_bad(self, place: str | int) -> None:
        """This span or turn is the first that went wrong; marked again, none is."""
        if self.can_label():
            self._set_or_clear("first_bad", None if place == self.first_bad else place)
            self._tell_first_bad()

    def _set_or_clear(self, name: str, value: LabelValue) -> None:
        """Give the targets a value that completes nothing, or take it away."""
        targets, blind, place = self._targets, self._blind, self.place

        def write(annotator: Annotator) -> Future[Action | None]:
            if value is None:
                return annotator.clear_soon(targets, name, place=place)
            return annotator.set_value_soon(  # type: ignore[return-value]
                targets, name, value, blind=blind, place=place
            )

        word = name.replace("_", " ")
        shown = f"{word} marked" if name == "first_bad" else f"{word} = {format_value(value)}"
        if self._submit(safe_line(f"{word} taken off" if value is None else shown), write) is None:
            return
        if value is None:
            self._state.own.pop(name, None)
        else:
            self._state.own[name] = value
        self._draw()

    def open_value(self) -> None:
        """A field or a list for the focused definition; accepts what was picked of a multi one."""
        if not self.can_label():
            return
        definition = self._state.focused
        if definition is None:
            self._say("No feedback definition fits this target.", error=True)
        elif definition.multi and self._state.picked:
            picked = tuple(choice for choice in definition.choices if choice in self._state.picked)
            self.set_value(definition.name, picked)
        elif definition.type == "categorical":
            from traceview.tui.panels.picker import ValuePicker

            picker = ValuePicker(definition, self._state.own.get(definition.name))
            self.app.push_screen(picker, partial(self._picked, definition.name))
        else:
            text = format_value(self._state.own.get(definition.name))
            title = f"{safe_line(definition.name)} of {self._name}"
            self._open_field(definition.name, text, title, "Enter sets, Esc leaves")

    # Typed and picked values.

    @on(Input.Submitted, "#panel-field")
    def _on_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        name = self._field_for
        text = event.value
        if name == "note":
            self.action_close_field()
            self.save_note(text)
        elif name is not None:
            value = self._parsed(name, text)
            if value is not None:
                self.action_close_field()
                self.set_value(name, value)

    def _parsed(self, name: str, text: str) -> LabelValue:
        definition = next((one for one in self._state.definitions if one.name == name), None)
        try:
            return parse_value(name, definition, text)
        except BadInput as error:
            self._say(str(error), error=True)
            return None

    def _picked(self, name: str, value: LabelValue) -> None:
        if value is not None:
            self.set_value(name, value)
