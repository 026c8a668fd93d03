"""The annotate panel: values by key, notes, undo; nothing is called saved before its commit has completed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

from traceview.model.errors import BadInput, TraceviewError
from traceview.model.labels import LabelRow, LabelValue, Target
from traceview.text.safe import safe_line
from traceview.tui.actions import ACTIONS, keys_of
from traceview.tui.asking import Asking
from traceview.tui.context import AppContext
from traceview.tui.panels.labelling import Labelling, choices_of, digit_value, fitting, panel_lines
from traceview.tui.widgets.lines import Bar, Lines, Pane, Part
from traceview.tui.widgets.safe_input import SafeInput

if TYPE_CHECKING:
    from traceview.annotation import Annotator
    from traceview.annotation.service import Action

RETRY_SECONDS = 5.0
POLL_SECONDS = 0.5
OPENING = frozenset({"value_field", "note", "note_editor", "correction"})
"""Actions that take what is typed next, or read it in an editor."""
LABELLING = OPENING | {
    *(f"value_{digit}" for digit in range(1, 10)),
    *("value_na", "definition_next", "definition_previous", "repeat", "undo", "redo"),
}
WALKING = frozenset({"item_next", "item_previous", "unlabelled_next", "unlabelled_previous"})


@dataclass(slots=True)
class _Save:
    """One write under way. `again` submits it anew after a failure."""

    what: str
    targets: tuple[Target, ...]
    again: Callable[[], Future[Action | None]]
    completes: bool = False
    reads: bool = False
    """Whether the labels of the item are read again afterwards."""


class AnnotatePanel(Asking, Vertical):
    """Labels one target, or several at once.

    A screen calls `show`, offers it every key first (`take_key`), and moves on when it hears `ItemCompleted`.
    From the value that completes an item, or from `hold`, until the next item was painted (`release`), nothing
    can be labelled: keys that would are kept and played then, so that no label lands on an item nobody saw.
    """

    DEFAULT_CSS = """
    AnnotatePanel {
        width: 38; height: 1fr; background: $surface; border-left: solid $panel; display: none;
        & > #panel-title { height: 1; background: $surface; }
        & > #panel-body { height: 1fr; background: $surface; }
        & > #panel-field { display: none; height: 3; border: tall $primary; background: $background; }
        &.-open { display: block; }
        &.-field > #panel-field { display: block; }
        &.-low { width: 1fr; height: 11; border-left: none; border-top: solid $panel; }
    }
    """

    class Committed(Message, bubble=False):
        """A write is on disk."""

        def __init__(self, save: _Save, action: Action | None) -> None:
            super().__init__()
            self.save = save
            self.action = action

    class Refused(Message, bubble=False):
        """A write failed; it is kept and tried again."""

        def __init__(self, save: _Save, error: BaseException) -> None:
            super().__init__()
            self.save = save
            self.error = error

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
        self._targets: tuple[Target, ...] = ()
        self._title = ""
        self._state = Labelling((), context.annotator_name)
        self._saving: list[_Save] = []
        self._unsaved: list[_Save] = []
        self._saved_here = False
        self._waiting_for: int | None = None
        self._ready = False
        self._held = 0
        """Which hold is on; 0 while none is. A release of an older one does nothing."""
        self._holds = 0
        self._kept_keys: list[events.Key] = []
        self._opened_field = False
        """Whether a played key opened a field or a list that the other kept keys are for."""
        self.walk_waits = False
        """Whether the keys that walk the list wait too: where they would lead is not known yet."""
        self._field_for: str | None = None
        self._last_set: tuple[str, LabelValue] | None = None
        self._poll: Timer | None = None
        self._retry: Timer | None = None

    def compose(self) -> ComposeResult:
        """Title, definitions, and a field that shows when it is needed."""
        yield Bar(id="panel-title")
        yield Pane(id="panel-body")
        yield SafeInput(id="panel-field")

    # What the screen tells.

    def show(self, targets: Sequence[Target], title: str, rows: Sequence[LabelRow] | None = None) -> None:
        """Label these targets from now on; `rows` are their current labels if they are known already."""
        if self._field_for is not None and tuple(targets) != self._targets:
            # What is being typed there is about the item before.
            self.action_close_field()
        self._targets = tuple(targets)
        self._title = title
        self._state = Labelling(
            fitting(self.context.definitions, self._targets[0].kind) if self._targets else (),
            self.context.annotator_name,
            self._targets[0].kind if self._targets else "trace",
        )
        self._saved_here = False
        self._ready = False
        self.cancel_asked("labels")
        if rows is not None or len(self._targets) != 1 or self.context.annotator is None:
            self._take(rows or ())
        else:
            self._read_labels()
        self._draw()

    def stay(self) -> None:
        """There is no next item: go on with this one."""
        self._ready = True
        self.release(self._held)

    def hold(self, *, walk_waits: bool = False) -> int:
        """Label nothing until `release` of what this returns: another item is on its way."""
        self._holds += 1
        self._held = self._holds
        self.walk_waits = walk_waits
        return self._held

    def release(self, hold: int) -> None:
        """The item of this hold is on the screen: the keys that waited for it take effect."""
        if hold == self._held:
            self._held = 0
            self.walk_waits = False
            self._play_kept_keys()

    @property
    def waiting(self) -> bool:
        """True while nothing can be labelled, because an item or a write that moves on is on its way."""
        return not self._ready or self._held != 0

    def take_key(self, event: events.Key) -> bool:
        """Keep a key that must wait, or set the choice that has this key of its own; False if it is neither."""
        if event.key == "escape":
            self.drop_kept_keys("")
        elif self.waiting and self._must_wait(event):
            self._kept_keys.append(event)
            return True
        return bool(self.open and event.character and self.press_own_key(event.character))

    def drop_kept_keys(self, why: str) -> None:
        """Forget the keys that wait, and say how many were not taken."""
        count = len(self._kept_keys)
        self._opened_field = False
        self._kept_keys.clear()
        if count and why:
            self._say(f"{why} {count:,} {'key was' if count == 1 else 'keys were'} not taken.", error=True)

    def _must_wait(self, event: events.Key) -> bool:
        registry = getattr(self.app, "registry", ACTIONS)
        waiting = set(LABELLING)
        if self._kept_keys or self.walk_waits or not (self._ready or self._held):
            waiting |= WALKING
        if any(self._opens_field(kept) for kept in self._kept_keys):
            # What follows is text for the field that opens.
            return True
        if self.open and event.character and self._own_choice(event.character) is not None:
            return True
        return event.key in keys_of(registry, waiting)

    def _play_kept_keys(self) -> None:
        """Play the kept keys one by one, each after everything that the one before it caused."""
        if self._kept_keys and not self.waiting and self.is_mounted:
            self.app.call_later(self._play_one_key)

    async def _play_one_key(self) -> None:
        if not self.is_attached:
            # The screen was left meanwhile.
            self._kept_keys.clear()
        if not self._kept_keys or self.waiting:
            return
        if self.app.screen is not self.screen and not self._opened_field:
            self.drop_kept_keys("Another screen opened.")
            return
        key = self._kept_keys.pop(0)
        self._opened_field = self._opened_field or self._opens_field(key)
        await self.app.play_key(key)  # type: ignore[attr-defined]
        if self._kept_keys:
            self._play_kept_keys()
        else:
            self._opened_field = False

    def _opens_field(self, key: events.Key) -> bool:
        return key.key in keys_of(getattr(self.app, "registry", ACTIONS), OPENING)

    @property
    def open(self) -> bool:
        """True while the panel is on the screen."""
        return self.has_class("-open")

    @open.setter
    def open(self, value: bool) -> None:
        self.set_class(value, "-open")
        self._draw()
        self.post_message(self.Toggled())

    @property
    def hides_identity(self) -> bool:
        """True while model, prompt version and other people's labels are hidden."""
        return self._blind and not self._state.complete

    @property
    def state(self) -> Labelling:
        """What is known about the target."""
        return self._state

    @property
    def unsaved(self) -> str | None:
        """What is not on disk yet, None if everything is."""
        waiting = [*self._unsaved, *self._saving]
        return waiting[0].what if waiting else None

    @property
    def status(self) -> Part:
        """Whether everything is on disk, in words."""
        if self._unsaved:
            return (f"✗ NOT SAVED: {self._unsaved[0].what}", "error")
        if self._waiting_for is not None:
            who = f"process {self._waiting_for}" if self._waiting_for else "another process"
            return (f"waiting for {who}", "warning")
        if self._saving:
            return ("saving…", "warning")
        return ("saved ✓", "good") if self._saved_here else ("", None)

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
        found = self._own_choice(key)
        if found is not None:
            self.set_value(*found)
        return found is not None

    def _own_choice(self, key: str) -> tuple[str, LabelValue] | None:
        for definition in self._state.definitions:
            for choice in choices_of(definition):
                if choice.key == key and key in definition.keys.values():
                    return definition.name, choice.value
        return None

    def set_value(self, name: str, value: LabelValue) -> None:
        """Give the targets a value; what is on screen says saved once it is on disk."""
        if not self.can_label():
            return
        was_complete = self._state.complete
        blind = self._blind
        targets = self._targets

        def write(annotator: Annotator) -> Future[Action | None]:
            return annotator.set_value_soon(targets, name, value, blind=blind)  # type: ignore[return-value]

        shown = safe_line(f"{name} = {_word(value)}")
        save = self._submit(shown, write)
        if save is None:
            return
        self._state.own[name] = value
        self._last_set = (name, value)
        if self._state.complete and not was_complete:
            save.completes = True
            self._ready = False
        elif not was_complete:
            self._state.focus_next_open()
        self._draw()

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
    def _blind(self) -> bool:
        """Blind belongs to the app: it holds on every screen and for every item."""
        return bool(getattr(self.app, "blind", self.context.blind))

    def toggle_blind(self) -> None:
        """Hide, or show, the labels of others, the model and the prompt version."""
        self.app.blind = not self._blind  # type: ignore[attr-defined]
        self._say(
            "Blind: labels of others, model and version are hidden." if self._blind else "Blind is off."
        )
        self._draw()
        self.post_message(self.BlindChanged())

    @property
    def own_note(self) -> str:
        """One's own note on the target."""
        return str(self._state.own.get("note") or "")

    @property
    def own_correction(self) -> str:
        """One's own corrected output of the target."""
        return str(self._state.own.get("correction") or "")

    def save_note(self, text: str) -> None:
        """Write the note; an empty one takes it away."""
        self._save_text("note", text)

    def save_correction(self, text: str) -> None:
        """Write the corrected output; an empty one takes it away."""
        self._save_text("correction", text)

    def open_note(self) -> None:
        """A field for the note, in one line."""
        if self.can_label():
            self._open_field("note", " ".join(self.own_note.split()), "note: Enter saves, Esc leaves")

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
            text = "" if value is None else _word(value)
            self._open_field(definition.name, text, f"{safe_line(definition.name)}: Enter sets, Esc leaves")

    # Writing.

    def can_label(self) -> bool:
        """True if something may be written now; otherwise why not is said."""
        if self.context.annotator is None:
            self._say(f"Labels cannot be kept: {self.context.label_sentence}", error=True)
            return False
        if not self._targets:
            self._say("There is no item to label here.", error=True)
            return False
        if self.waiting:
            self._say("The item is not there yet: nothing was set.", error=True)
            return False
        return True

    def _submit_and_read(self, what: str, write: Callable[[Annotator], Future[Action | None]]) -> None:
        """Hand over a write that may change any value of the item; keys wait until its labels were read again."""
        save = self._submit(what, write)
        if save is not None:
            save.reads = True
            self._ready = False

    def _submit(self, what: str, write: Callable[[Annotator], Future[Action | None]]) -> _Save | None:
        """Hand a write to the writer thread; None if it is refused at once."""
        annotator = self.context.annotator
        if annotator is None:
            return None
        save = _Save(what, self._targets, partial(write, annotator))
        return save if self._send(save) else None

    def _send(self, save: _Save) -> bool:
        try:
            future = save.again()
        except TraceviewError as error:
            self._say(str(error), error=True)
            return False
        self._saving.append(save)
        if self._poll is None:
            self._poll = self.set_interval(POLL_SECONDS, self._look_who_holds_the_lock)
        future.add_done_callback(partial(self._finished, save))
        self._draw()
        return True

    def _finished(self, save: _Save, future: Future[Action | None]) -> None:
        """Called by the writer thread after the commit, or its failure."""
        error = future.exception()
        if error is not None:
            self.post_message(self.Refused(save, error))
        else:
            self.post_message(self.Committed(save, future.result()))

    @on(Committed)
    def _on_committed(self, message: Committed) -> None:
        save, action = message.save, message.action
        self._saving.remove(save)
        self._saved_here = True
        self._settle_poll()
        op = "set" if action is None else action.op
        if action is None:
            self._say(f"Nothing to {save.what}." if save.what in ("undo", "redo") else "Nothing changed.")
        else:
            targets = tuple(dict.fromkeys(row.target for row in action.affected))
            self.post_message(self.LabelsChanged(targets, self._sentence(save, action)))
        if save.completes and save.targets == self._targets:
            self._draw()
            self.post_message(self.ItemCompleted(self))
        elif save.targets == self._targets and (save.reads or op in ("undo", "redo")):
            self._read_labels()
        else:
            self._draw()

    def _sentence(self, save: _Save, action: Action) -> str:
        many = len({row.target for row in action.affected})
        if action.op in ("undo", "redo"):
            return replay_sentence(action, self._targets)
        return safe_line(f"saved ✓ {save.what}" + (f" on {many:,} items" if many > 1 else ""))

    @on(Refused)
    def _on_refused(self, message: Refused) -> None:
        save = message.save
        self._saving.remove(save)
        self._settle_poll()
        here = save.targets == self._targets
        if isinstance(message.error, BadInput):
            self._say(str(message.error), error=True)
            if here:
                self.drop_kept_keys("It was refused.")
                self._read_labels()
            return
        self._unsaved.append(save)
        save.completes = False
        if here and not self._ready:
            # The keys that wait were meant for an item that does not come now.
            self.drop_kept_keys("")
            self._ready = True
        self._say(f"NOT SAVED: {save.what}. {message.error} It is kept here and tried again.", error=True)
        self.app.bell()
        if self._retry is None:
            self._retry = self.set_timer(RETRY_SECONDS, self._try_again)
        self._draw()

    def _try_again(self) -> None:
        self._retry = None
        waiting, self._unsaved = self._unsaved, []
        for save in waiting:
            self._send(save)

    def _look_who_holds_the_lock(self) -> None:
        annotator = self.context.annotator
        waiting_for = annotator.store.waiting_for() if annotator is not None and self._saving else None
        if waiting_for != self._waiting_for:
            self._waiting_for = waiting_for
            self._draw()

    def _settle_poll(self) -> None:
        if not self._saving:
            self._waiting_for = None
            if self._poll is not None:
                self._poll.stop()
                self._poll = None

    def _save_text(self, name: str, text: str) -> None:
        if not self.can_label():
            return
        target = self._targets[0]
        if len(self._targets) > 1:
            self._say(f"A {name} belongs to one item; {len(self._targets):,} are marked.", error=True)
            return
        text = text.strip()

        def write(annotator: Annotator) -> Future[Action | None]:
            return (
                annotator.note_soon(target, text)
                if name == "note"
                else annotator.correction_soon(target, text)
            )

        if self._submit(name, write) is not None:
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
        self._ready = True

    def _take(self, rows: Sequence[LabelRow]) -> None:
        self._state.read(rows)
        self._state.focus_next_open()
        self._ready = True
        self._draw()
        self._play_kept_keys()

    # The field.

    def _open_field(self, name: str, text: str, title: str) -> None:
        field = self.query_one("#panel-field", Input)
        self._field_for = name
        field.value = text
        field.border_title = None
        field.placeholder = title
        self.open = True
        self.add_class("-field")
        field.focus()
        field.cursor_position = len(text)

    def action_close_field(self) -> None:
        """Leave the field; what was typed stays until another field opens."""
        self.remove_class("-field")
        self._field_for = None
        self.post_message(self.FieldClosed())

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
        title = self.query_one("#panel-title", Bar)
        if self._unsaved or self._waiting_for is not None:
            title.say([(" ", None), self.status])
        else:
            title.say([(f" {self._title}", "title")], [self.status, (" ", None)])
        body = self.query_one("#panel-body", Lines)
        cells, rows = body.size.width, body.size.height
        if cells > 4:
            body.show(panel_lines(self._state, cells, blind=self.hides_identity, rows=rows or None))


def _word(value: LabelValue) -> str:
    if isinstance(value, bool):
        return "pass" if value else "fail"
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value)


def replay_sentence(action: Action, here: Sequence[Target] = ()) -> str:
    """What an undo took back, or a redo did again, and on which item or how many; `here` needs no name."""
    targets = {row.target for row in action.affected}
    names = ", ".join(dict.fromkeys(f"{row.name} = {_word(row.value)}" for row in action.affected))
    elsewhere = targets.difference(here)
    where = f" on {next(iter(elsewhere)).id}" if len(elsewhere) == 1 else ""
    where = f" on {len(targets):,} items" if len(targets) > 1 else where
    return safe_line(f"{'taken back' if action.op == 'undo' else 'done again'}: {names}{where}")
