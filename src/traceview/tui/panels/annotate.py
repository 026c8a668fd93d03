"""The annotate panel: values by key, notes, undo; nothing is called saved before its commit has completed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from textual import events, on
from textual.message import Message
from textual.widgets import Input

from traceview.model.errors import BadInput, TraceviewError
from traceview.model.labels import LabelRow, LabelValue, Target
from traceview.text.safe import safe_line
from traceview.tui.context import AppContext
from traceview.tui.drafts import Drafts
from traceview.tui.panels.kept_keys import KeptKeys
from traceview.tui.panels.labelling import Labelling, Offer, digit_value, fitting, offers_of, own_choice
from traceview.tui.panels.panel_frame import PanelFrame
from traceview.tui.panels.saving import (
    Committed,
    Refused,
    Save,
    WriteQueue,
    brief,
    saved_sentence,
    value_word,
)
from traceview.tui.widgets.lines import Line

if TYPE_CHECKING:
    from traceview.annotation import Annotator
    from traceview.annotation.service import Action
    from traceview.tui.panels.saving import Write


class AnnotatePanel(PanelFrame):
    """Labels one target, or several at once.

    A screen calls `show`, offers it every key first (`take_key`), and moves on when it hears `ItemCompleted`.
    From the value that completes an item, or from `hold`, until the next item was painted (`release`), nothing
    can be labelled: keys that would are kept and played then, so that no label lands on an item nobody saw.
    """

    class ItemCompleted(Message):
        """The last required value of the target is on disk."""

        def __init__(self, panel: AnnotatePanel) -> None:
            super().__init__()
            self.panel = panel

    class LabelsChanged(Message):
        """Rows are on disk: those of this action, on these targets."""

        def __init__(self, targets: Sequence[Target], sentence: str) -> None:
            super().__init__()
            self.targets = tuple(targets)
            self.sentence = sentence

    def __init__(self, context: AppContext, *, id: str | None = None) -> None:
        super().__init__(context, id=id)
        self._targets: tuple[Target, ...] = ()
        self._title = ""
        self._name = ""
        self._writes = WriteQueue(
            self, context.annotator, changed=self._draw, refused=partial(self._say, error=True)
        )
        self.kept = KeptKeys(self, labels=self._labels_by, say=partial(self._say, error=True))
        self._last_set: tuple[str, LabelValue] | None = None
        self._own_drafts = Drafts()

    def title_line(self) -> tuple[Line, Line]:
        """What is labelled and whether it is on disk; only why not, while something hinders it."""
        if self._writes.hindered:
            return [(" ", None), self._writes.status], ()
        return [(f" {self._title}", "title")], [self._writes.status, (" ", None)]

    # What the screen tells.

    def show(
        self,
        targets: Sequence[Target],
        title: str,
        rows: Sequence[LabelRow] | None = None,
        *,
        name: str = "",
    ) -> None:
        """Label these targets from now on; `rows` are their current labels if they are known already.

        `name` is what a person knows the item by, safe to draw: fields say whose text is typed.
        """
        if self._field_for is not None and tuple(targets) != self._targets:
            # What is being typed there is about the item before.
            self.action_close_field()
        self._targets = tuple(targets)
        self._title = title
        self._name = name or title
        self._state = Labelling(
            fitting(self.context.definitions, self._targets[0].kind) if self._targets else (),
            self.context.annotator_name,
            self._targets[0].kind if self._targets else "trace",
            there=bool(self._targets),
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

    def drop_kept_keys(self, why: str) -> None:
        """Forget the keys that wait, and say how many were not taken."""
        self.kept.drop(why)

    def _labels_by(self, character: str) -> bool:
        return self.open and own_choice(self._state.definitions, character) is not None

    @property
    def unsaved(self) -> str | None:
        """What is not on disk yet, None if everything is."""
        return self._writes.unsaved

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
        blind = self._blind
        targets = self._targets

        def write(annotator: Annotator) -> Future[Action | None]:
            return annotator.set_value_soon(targets, name, value, blind=blind)  # type: ignore[return-value]

        shown = safe_line(f"{name} = {value_word(value)}")
        save = self._submit(shown, write)
        if save is None:
            return
        self._state.own[name] = value
        self._last_set = (name, value)
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
        """Set again the value that was set last."""
        if not self.can_label():
            return
        if self._last_set is not None:
            name, value = self._last_set
            if any(definition.name == name for definition in self._state.definitions):
                self.set_value(name, value)
                return
            self._say(f"{safe_line(name)} does not fit this target.", error=True)
            return
        targets = self._targets
        self._submit_and_read("the last labels again", lambda annotator: annotator.repeat_last_soon(targets))

    def undo(self) -> None:
        """Take back the last label action."""
        if self.can_label():
            self._submit_and_read("undo", lambda annotator: annotator.undo_soon())

    def redo(self) -> None:
        """Do again what was taken back."""
        if self.can_label():
            self._submit_and_read("redo", lambda annotator: annotator.redo_soon())

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

    def open_note(self) -> None:
        """A field for the note, in one line."""
        if self.can_label():
            self._open_note_with(self.own_note)

    def _open_note_with(self, text: str) -> None:
        self._open_field("note", " ".join(text.split()), f"note on {self._name}", "Enter saves, Esc leaves")

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
            value = self._state.own.get(definition.name)
            text = "" if value is None else value_word(value)
            title = f"{safe_line(definition.name)} of {self._name}"
            self._open_field(definition.name, text, title, "Enter sets, Esc leaves")

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
        return self._writes.submit(what, self._targets, write, typed)

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
            self._say(f"Nothing to {save.what}." if save.what in ("undo", "redo") else "Nothing changed.")
        else:
            targets = tuple(dict.fromkeys(row.target for row in action.affected))
            self.post_message(self.LabelsChanged(targets, saved_sentence(save.what, action, self._targets)))
        if save.completes and save.targets == self._targets:
            self._draw()
            self.post_message(self.ItemCompleted(self))
        elif save.targets == self._targets and (save.reads or op in ("undo", "redo")):
            self._read_labels()
        else:
            self._draw()

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
        target = self._targets[0]
        if len(self._targets) > 1:
            why = f"A {name} belongs to one item; {len(self._targets):,} are marked."
            self._keep_text(self._targets[:1], name, text, why=why)
            return
        text = text.strip()

        def write(annotator: Annotator) -> Future[Action | None]:
            return (
                annotator.note_soon(target, text)
                if name == "note"
                else annotator.correction_soon(target, text)
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

    def _not_read(self, error: TraceviewError) -> None:
        self._say(str(error), error=True)
        self.drop_kept_keys("")
        self.kept.ready = True

    def _take(self, rows: Sequence[LabelRow]) -> None:
        self._state.read(rows)
        self._state.focus_next_open()
        self.kept.ready = True
        self._draw()
        self.kept.play()

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
        from traceview.annotation.values import parse_value

        definition = next((one for one in self._state.definitions if one.name == name), None)
        try:
            return parse_value(name, definition, text)
        except BadInput as error:
            self._say(str(error), error=True)
            return None

    def _picked(self, name: str, value: LabelValue) -> None:
        if value is not None:
            self.set_value(name, value)
