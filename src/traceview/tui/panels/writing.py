"""The writes of the annotate panel: nothing is called saved before its commit has completed, no typed text is lost."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.message import Message

from traceview.annotation.values import format_value
from traceview.model.errors import BadInput, TraceviewError
from traceview.model.labels import LabelRow, Target
from traceview.model.sessions import SessionPlace
from traceview.text.safe import safe_line
from traceview.tui.context import AppContext
from traceview.tui.drafts import Drafts
from traceview.tui.panels.kept_keys import KeptKeys
from traceview.tui.panels.panel_frame import PanelFrame
from traceview.tui.panels.saving import (
    Committed,
    Refused,
    Save,
    WriteQueue,
    brief,
    saved_sentence,
)
from traceview.tui.widgets.lines import Line

if TYPE_CHECKING:
    from traceview.annotation import Annotator
    from traceview.annotation.service import Action
    from traceview.tui.panels.saving import Write

REPEAT = "repeat"
"""What the write is called that gives an item the values of the one labelled last."""


class WritingPanel(PanelFrame):
    """Writes labels of its targets and reads them again; `AnnotatePanel` adds the keys.

    While a write or a read is under way that decides what the next key means, keys are kept (`kept`).
    """

    class ItemCompleted(Message):
        """The last required value of the target is on disk."""

        def __init__(self, panel: WritingPanel) -> None:
            super().__init__()
            self.panel = panel

    class LabelsChanged(Message):
        """Rows are on disk: those of this action, on these targets; in a session given at a position of it."""

        def __init__(self, action: Action, sentence: str, position: int | None) -> None:
            super().__init__()
            self.action = action
            self.targets = tuple(dict.fromkeys(row.target for row in action.affected))
            self.sentence = sentence
            self.position = position

    class FirstBadMarked(Message):
        """Another span (its id) or turn (its number) is the first bad one of the target now; None: no one is."""

        def __init__(self, place: str | int | None) -> None:
            super().__init__()
            self.place = place

    def __init__(self, context: AppContext, *, id: str | None = None) -> None:
        super().__init__(context, id=id)
        self._first_bad_told: str | int | None = None
        self.place: SessionPlace | None = None
        """Where in a session the target is labelled."""
        self._counted: Callable[[Sequence[LabelRow]], Sequence[LabelRow]] | None = None
        self._targets: tuple[Target, ...] = ()
        self._title = ""
        self._name = ""
        self._writes = WriteQueue(
            self, context.annotator, changed=self._draw, refused=partial(self._say, error=True)
        )
        self.kept = KeptKeys(self, labels=self._labels_by, say=partial(self._say, error=True))
        self._own_drafts = Drafts()

    def title_line(self) -> tuple[Line, Line]:
        """What is labelled and whether it is on disk; only why not, while something hinders it."""
        if self._writes.hindered:
            return [(" ", None), self._writes.status], ()
        return [(f" {self._title}", "title")], [self._writes.status, (" ", None)]

    @abstractmethod
    def _labels_by(self, character: str) -> bool:
        """Whether a character of its own would label now."""

    @property
    def unsaved(self) -> str | None:
        """What is not on disk yet, None if everything is."""
        return self._writes.unsaved

    def drop_kept_keys(self, why: str) -> None:
        """Forget the keys that wait, and say how many were not taken."""
        self.kept.drop(why)

    # Writing.

    def can_label(self) -> bool:
        """True if something may be written now; otherwise why not is said."""
        if self.context.annotator is None:
            self._say(self.context.label_sentence, error=True)
            return False
        if not self._targets:
            self._say("There is no item to label here.", error=True)
            return False
        if self.kept.waiting:
            self._say("The item is not there yet: nothing was set.", error=True)
            return False
        return True

    def _submit_and_read(self, what: str, write: Write) -> None:
        """Hand over a write that may change any value of the item; keys wait until its labels were read again."""
        save = self._submit(what, write)
        if save is not None:
            save.reads = True
            self.kept.ready = False

    def _submit(self, what: str, write: Write, typed: tuple[str, str] | None = None) -> Save | None:
        position = self.place.position if self.place is not None else None
        return self._writes.submit(what, self._targets, write, typed, position)

    @on(Committed)
    def _on_committed(self, message: Committed) -> None:
        save, action = message.save, message.action
        self._writes.committed(save)
        if save.typed is not None:
            self._drafts.saved(save.targets[0], save.typed[0])
        restored = self.context.annotator.store.take_restored() if self.context.annotator else None
        if restored is not None:
            self.app.notify(restored, severity="warning", markup=False, timeout=10)
        op = "set" if action is None else action.op
        if action is None:
            known = save.what in ("undo", "redo", REPEAT)
            self._say(f"Nothing to {save.what}." if known else "Nothing changed.")
        else:
            if save.what == REPEAT:
                self._take_repeated(save, action)
            sentence = saved_sentence(save.what, action, self._targets)
            self.post_message(self.LabelsChanged(action, sentence, save.position))
        if save.completes and save.targets == self._targets:
            self._draw()
            self.post_message(self.ItemCompleted(self))
        elif save.targets == self._targets and (save.reads or op in ("undo", "redo")):
            self._read_labels()
        else:
            self._draw()

    def _take_repeated(self, save: Save, action: Action) -> None:
        """Say what was repeated; the item may be complete by it."""
        given = {row.name: row.value for row in action.rows if row.target == action.rows[0].target}
        save.what = safe_line(", ".join(f"{name} = {format_value(value)}" for name, value in given.items()))
        if save.targets == self._targets:
            was_complete = self._state.complete
            self._state.own |= given
            save.completes = self._state.complete and not was_complete

    @on(Refused)
    def _on_refused(self, message: Refused) -> None:
        save = message.save
        here = save.targets == self._targets
        if isinstance(message.error, BadInput):
            self._writes.given_up(save)
            if here:
                self.drop_kept_keys("It was refused.")
                self._read_labels()
            if save.typed is not None:
                self._keep_text(save.targets, *save.typed, why=brief(message.error))
            else:
                self._say(brief(message.error), error=True)
            return
        self._writes.keep(save)
        save.completes = False
        if here and not self.kept.ready:
            # The keys that wait were meant for an item that does not come now.
            self.drop_kept_keys("")
            self.kept.ready = True
        self._say(f"NOT SAVED: {save.what}. {message.error} It is kept here and tried again.", error=True)
        self.app.bell()
        self._draw()

    # Notes and corrections.

    @property
    def own_note(self) -> str:
        """One's own note on the target; what was typed and is not saved yet comes first."""
        return self._text_of("note")

    @property
    def own_correction(self) -> str:
        """One's own corrected output of the target; what was typed and is not saved yet comes first."""
        return self._text_of("correction")

    def _text_of(self, name: str) -> str:
        target = self._targets[0] if self._targets else None
        draft = self._drafts.text(target, name)
        return draft if draft is not None else str(self._state.own.get(name) or "")

    @property
    def _drafts(self) -> Drafts:
        """Texts that could not be saved; they belong to the app, and come back on every screen."""
        found: Drafts | None = getattr(self.app, "drafts", None)
        return found if found is not None else self._own_drafts

    def save_note(self, text: str) -> None:
        """Write the note; an empty one takes it away."""
        self._save_text("note", text)

    def save_correction(self, text: str) -> None:
        """Write the corrected output; an empty one takes it away."""
        self._save_text("correction", text)

    def _open_note_with(self, text: str) -> None:
        self._open_field("note", " ".join(text.split()), f"note on {self._name}", "Enter saves, Esc leaves")

    def _keep_text(self, targets: tuple[Target, ...], name: str, text: str, *, why: str) -> None:
        """A text could not be saved: have it in its field again, and in a file, and say where it is."""
        if not text.strip() or not targets:
            self._say(why, error=True)
            return
        file = self._drafts.keep(targets[0], name, text)
        again = (
            name == "note"
            and "\n" not in text
            and targets == self._targets
            and self._field_for is None
            and self.screen is self.app.screen
        )
        if again:
            self._open_note_with(text)
        kept = (
            "here"
            if again
            else f"in {file}"
            if file is not None
            else "in memory: write it again when it can be saved"
        )
        self._say(f"{why} · the {name} is kept {kept}", error=True)

    def _save_text(self, name: str, text: str) -> None:
        if not self.can_label():
            self._keep_text(self._targets, name, text, why="The item is not there: nothing was saved")
            return
        target, place, blind = self._targets[0], self.place, self._blind
        if len(self._targets) > 1:
            why = f"A {name} belongs to one item; {len(self._targets):,} are marked."
            self._keep_text(self._targets[:1], name, text, why=why)
            return
        text = text.strip()

        def write(annotator: Annotator) -> Future[Action | None]:
            return (
                annotator.note_soon(target, text, blind=blind, place=place)
                if name == "note"
                else annotator.correction_soon(target, text, blind=blind, place=place)
            )

        if self._submit(name, write, (name, text)) is None:
            self._keep_text((target,), name, text, why=f"the {name} could not be saved")
        else:
            if text:
                self._state.own[name] = text
            else:
                self._state.own.pop(name, None)
            self._draw()

    # Reading.

    def _read_labels(self) -> None:
        annotator = self.context.annotator
        if annotator is None or len(self._targets) != 1:
            self._take(())
            return
        target = self._targets[0]
        self.ask("labels", lambda token: annotator.current(target), self._take, failed=self._not_read)

    def look_again(self) -> None:
        """Take up what others wrote on the target meanwhile, and oneself elsewhere; what is being done here stays."""
        annotator = self.context.annotator
        if annotator is None or len(self._targets) != 1 or self.kept.waiting or self.is_asking("labels"):
            return
        target = self._targets[0]

        def seen(rows: Sequence[LabelRow]) -> None:
            if self.kept.waiting or self._targets != (target,) or self._writes.unsaved is not None:
                return
            counted = rows if self._counted is None else self._counted(rows)
            if self._state.differs(counted):
                self._take(rows)

        self.ask("labels-again", lambda token: annotator.current(target), seen, failed=lambda error: None)

    def _not_read(self, error: TraceviewError) -> None:
        self._say(str(error), error=True)
        self.drop_kept_keys("")
        self.kept.ready = True

    @property
    def first_bad(self) -> str | int | None:
        """The span or turn of the target that one marked oneself as the first bad one."""
        place = self._state.own.get("first_bad")
        return place if isinstance(place, str | int) else None

    @property
    def first_bad_marks(self) -> dict[str | int, str]:
        """Every span or turn that is marked as the first bad one, one's own first, and who marked it."""
        marks: dict[str | int, str] = {}
        if self.first_bad is not None:
            marks[self.first_bad] = "you"
        for row in () if self.hides_identity else self._state.others:
            if row.name == "first_bad" and isinstance(row.value, str | int):
                marks.setdefault(row.value, row.annotator)
        return marks

    def _tell_first_bad(self) -> None:
        if self.first_bad != self._first_bad_told:
            self._first_bad_told = self.first_bad
            self.post_message(self.FirstBadMarked(self.first_bad))

    def _take(self, rows: Sequence[LabelRow]) -> None:
        self._state.read(rows if self._counted is None else self._counted(rows))
        self._tell_first_bad()
        self._state.focus_next_open()
        self.kept.ready = True
        self._draw()
        self.kept.play()
