"""Screens with an annotate panel: the keys that label, and what the panel says."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable
from functools import partial

from textual import events, on

from traceview.model.errors import TraceviewError
from traceview.model.labels import Target
from traceview.store.interface import CancelToken
from traceview.text.safe import safe_line
from traceview.tui.actions import label_hints
from traceview.tui.panels.annotate import AnnotatePanel
from traceview.tui.panes import FIELD_HINTS, LABELLING, PaneKeys
from traceview.tui.screens.programs import ProgramsScreen
from traceview.tui.widgets.footer import KeyFooter

LONGEST_FILE_NAME = 80
"""Characters of the name of a file that is edited."""


class AnnotatingScreen(ProgramsScreen):
    """Hands the keys that label to the panel; a subclass composes it, and says when another item is shown."""

    @property
    def panel(self) -> AnnotatePanel:
        """The annotate panel."""
        return self.query_one(AnnotatePanel)

    @property
    def unsaved(self) -> str | None:
        """The label that is not on disk yet, None if all are."""
        return self.panel.unsaved if self.is_mounted else None

    def action_annotate(self) -> None:
        """Open the annotate panel, or close it."""
        self.panel.open = not self.panel.open

    def action_set_value(self, digit: int) -> None:
        """Set a value of the focused definition."""
        if self._with_panel():
            self.panel.set_digit(digit)

    def action_definition_next(self) -> None:
        """Focus the next definition."""
        if self._with_panel():
            self.panel.step_definition(1)

    def action_definition_previous(self) -> None:
        """Focus the previous definition."""
        if self._with_panel():
            self.panel.step_definition(-1)

    def action_value_field(self) -> None:
        """Open a field or a list for the value."""
        if self._with_panel():
            self.panel.open_value()

    def action_mode(self) -> None:
        """Pick failure modes of the item."""
        self.panel.open = True
        self.panel.open_modes(self.text_done)

    def action_first_bad(self) -> None:
        """Mark what is under the cursor as the first that went wrong."""
        place = self.first_bad_here()
        if place is None:
            self.say("There is no span or turn under the cursor.")
        else:
            self.panel.mark_first_bad(place)

    @abstractmethod
    def first_bad_here(self) -> str | int | None:
        """The span (its id) or the turn (its number) under the cursor; None if there is none."""

    def action_first_bad_go(self) -> None:
        """Go to what is marked as the first that went wrong; from there to the next mark."""
        marks = self.panel.first_bad_marks
        places = list(marks)
        if not places:
            key = self.key_of("first_bad")
            self.say(f"Nothing is marked as the first that went wrong: {key} marks what is under the cursor.")
            return
        here = self.first_bad_here()
        place = places[(places.index(here) + 1) % len(places)] if here in marks else places[0]
        went = self.go_to_first_bad(place)
        who = safe_line(marks[place])
        self.say(
            f"First bad, as {who} marked it."
            if went
            else f"What {who} marked as first bad is not shown here."
        )

    @abstractmethod
    def go_to_first_bad(self, place: str | int) -> bool:
        """Put the cursor on this span (its id) or turn (its number); False if it is not here."""

    @abstractmethod
    def show_first_bad(self, place: str | int | None) -> None:
        """Show which span or turn is marked as the first bad one."""

    @on(AnnotatePanel.FirstBadMarked)
    def _on_first_bad_marked(self, event: AnnotatePanel.FirstBadMarked) -> None:
        self.show_first_bad(event.place)

    def action_note(self) -> None:
        """Write a note in one line."""
        self.panel.open = True
        self.panel.open_note()

    def action_note_editor(self) -> None:
        """Write the note in an editor."""
        self._edit(self.panel.own_note, "note", self.panel.save_note)

    def action_correction(self) -> None:
        """Write the corrected output in an editor, beginning with what was answered."""
        if not self.panel.can_label():
            self.text_done()
            return
        kept = self.panel.own_correction
        if kept:
            self._edit(kept, "correction", self.panel.save_correction)
        else:
            edit = partial(self._edit, what="correction", save=self.panel.save_correction)
            self.ask("answer", self.fetch_answer, edit, failed=self._no_answer)

    def _no_answer(self, error: TraceviewError) -> None:
        self.answer_failed(error)
        self.text_done()

    def _edit(self, text: str, what: str, save: Callable[[str], None]) -> None:
        if self.panel.can_label():
            # An editor shows the name of its file: it says whose text this is.
            about = re.sub(r"[^A-Za-z0-9]+", "-", f"{what} of {self.panel.item_name}").strip("-")
            self.edit_text(text, f"{about[:LONGEST_FILE_NAME]}.md", save)
        self.text_done()

    def text_done(self) -> None:
        """A note or a correction was written, or was left."""

    @abstractmethod
    def fetch_answer(self, token: CancelToken) -> str:
        """The answer as the trace has it, where a correction begins; called in a worker."""

    def action_dataset_add(self) -> None:
        """Add what is labelled to a data set."""
        from traceview.tui.screens.adding import add_to_dataset

        add_to_dataset(self, self.item_to_add())

    @abstractmethod
    def item_to_add(self) -> Target | None:
        """What a data set can hold of what is shown; None while there is nothing."""

    def action_repeat(self) -> None:
        """Set again what was set last."""
        if self._with_panel():
            self.panel.repeat()

    def action_undo(self) -> None:
        """Take back the last label action."""
        self.panel.undo()

    def action_redo(self) -> None:
        """Do again what was taken back."""
        self.panel.redo()

    def action_blind(self) -> None:
        """Turn blind on or off."""
        self.panel.toggle_blind()

    def _with_panel(self) -> bool:
        """True if the panel was open; otherwise it is now, and the key has done only that."""
        if self.panel.open:
            return True
        self.panel.open = True
        self.say("The annotate panel is open: its keys set values now.")
        return False

    def label_commands(self) -> list[tuple[str, Callable[[], object]]]:
        """Every value of every definition that fits what is open, and what was said before."""
        from traceview.tui.screens.label_history import show_history

        panel = self.panel
        offers = [(f"label: {offer.words}", partial(panel.take_offer, offer)) for offer in panel.offers()]
        return [*offers, ("label: history of this item", partial(show_history, self))]

    @property
    def help_panes(self) -> tuple[PaneKeys, ...]:
        """While the annotate panel is open, the keys that label come first."""
        panes = super().help_panes
        return (LABELLING, *panes) if self.is_mounted and self.panel.open else panes

    def footer_hints(self) -> list[tuple[str, str]]:
        """While the annotate panel is open, the keys that label come first."""
        hints = super().footer_hints()
        if not (self.is_mounted and self.panel.open) or hints == list(FIELD_HINTS):
            return hints
        first = label_hints(self.registry)
        shown = {key for key, _ in first}
        return [*first, *(hint for hint in hints if hint[0] not in shown)]

    @on(AnnotatePanel.Toggled)
    def _on_panel_toggled(self) -> None:
        self.query_one(KeyFooter).set_hints(self.footer_hints())

    def take_key(self, event: events.Key) -> bool:
        """Keys that choices have of their own, and those that wait for the item that is on its way."""
        return self.panel.take_key(event) or super().take_key(event)

    @on(AnnotatePanel.Said)
    def _on_panel_said(self, event: AnnotatePanel.Said) -> None:
        self.say(event.sentence, error=event.error)
