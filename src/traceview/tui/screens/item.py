"""What the trace and the transcript share: walking the list, annotating, searching, copying, other programs."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.messages import Update
from textual.widget import Widget
from textual.widgets import Input

from traceview.model.errors import BadInput, TraceviewError
from traceview.model.labels import LabelRow, Target
from traceview.store.interface import CancelToken
from traceview.text.safe import safe_line
from traceview.tui.actions import label_hints
from traceview.tui.context import AppContext
from traceview.tui.cursor import ListCursor, Place
from traceview.tui.external import edit_text, page_text
from traceview.tui.panels.annotate import AnnotatePanel
from traceview.tui.panels.labelling import fitting, required_of
from traceview.tui.rows import is_labelled
from traceview.tui.screens.base import TraceviewScreen
from traceview.tui.widgets.blocks import Block
from traceview.tui.widgets.footer import KeyFooter
from traceview.tui.widgets.lines import Part
from traceview.tui.widgets.safe_input import SafeInput
from traceview.tui.widgets.span_tree import SpanTree
from traceview.tui.widgets.text_view import TextView

Row = dict[str, Any]
Item = TypeVar("Item")

ITEMS_KEPT = 4
AHEAD_SECONDS = 0.05
LOW_WIDTH = 110
"""Below this width the annotate panel lies at the bottom instead of at the side."""


class ItemScreen(TraceviewScreen, Generic[Item]):
    """One item of a list. `Item` is everything that is fetched for it in a worker.

    A subclass composes its panes in `compose_item`, fetches in `fetch_item` (in a worker) and shows in
    `show_item`. The next item of the list is fetched while this one is read.
    """

    DEFAULT_CSS = """
    ItemScreen {
        & > #body { height: 1fr; }
        & > #body > #item { width: 1fr; height: 1fr; }
        & > #search {
            display: none; height: 1; border: none; padding: 0 1; background: $panel;
        }
        &.-searching > #search { display: block; }
        &.-low > #body { layout: vertical; }
    }
    """

    def __init__(
        self, context: AppContext, target: Target, cursor: ListCursor | None, *, annotate: bool = False
    ) -> None:
        super().__init__(context)
        self.target = target
        self.cursor = cursor
        self._annotate = annotate
        self._items: OrderedDict[str, tuple[Item, tuple[LabelRow, ...]]] = OrderedDict()
        self._search_text = ""
        self._failure: str | None = None
        self._hold = 0

    def compose_body(self) -> ComposeResult:
        """The item, the annotate panel, and the search field."""
        with Horizontal(id="body"):
            with Container(id="item"):
                yield from self.compose_item()
            yield AnnotatePanel(self.context, id="annotate")
        yield SafeInput(id="search", placeholder="search this view", compact=True)

    # What a subclass gives.

    @abstractmethod
    def compose_item(self) -> ComposeResult:
        """The panes of the item."""

    @abstractmethod
    def fetch_item(self, target: Target, token: CancelToken) -> Item:
        """Everything that the first look at an item needs; called in a worker."""

    def look_at_item(self, target: Target, token: CancelToken) -> Item:
        """As much of an item as comes at once; what is missing `show_item` asks for. Called in a worker."""
        return self.fetch_item(target, token)

    @abstractmethod
    def show_item(self, item: Item) -> None:
        """Show another item; called on the event loop."""

    @abstractmethod
    def title_parts(self) -> list[Part]:
        """What stands on the left of the title line."""

    @abstractmethod
    def pane(self) -> SpanTree | TextView:
        """The pane that the moving keys move."""

    @abstractmethod
    def text_pane(self) -> TextView:
        """The pane that is searched."""

    @abstractmethod
    def text_for_programs(self) -> tuple[str, str]:
        """A file name and the text that pager, editor and clipboard get."""

    @property
    def panel(self) -> AnnotatePanel:
        """The annotate panel."""
        return self.query_one(AnnotatePanel)

    # Showing items.

    def on_mount(self) -> None:
        """Fetch the item."""
        self.panel.open = self._annotate
        self.set_status([], [(self.context.label_sentence, "dim"), (" ", None)])
        self.draw_title()
        self.open_target(self.target)

    def open_target(self, target: Target) -> None:
        """Show an item, at once if it was fetched ahead."""
        self.target = target
        self._failure = None
        self._hold = self.panel.hold()
        # An answer that is still being fetched for a correction belongs to the item before.
        self.cancel_asked("answer")
        kept = self._items.get(target.id)
        if kept is not None:
            self.cancel_asked("item")
            self._arrived(kept)
        else:
            look = partial(self._fetch, self.look_at_item, target)
            self.ask("item", look, self._arrived, failed=self._missing)

    def _fetch(
        self, fetch: Callable[[Target, CancelToken], Item], target: Target, token: CancelToken
    ) -> tuple[Item, tuple[LabelRow, ...]]:
        item = fetch(target, token)
        annotator = self.context.annotator
        return item, annotator.current(target) if annotator is not None else ()

    def _arrived(self, found: tuple[Item, tuple[LabelRow, ...]]) -> None:
        item, rows = found
        self._items.pop(self.target.id, None)
        place = f" · {self.cursor.sentence}" if self.cursor is not None else ""
        self.panel.show([self.target], f"{self.target.kind}{place}", rows)
        self.show_item(item)
        self.draw_title()
        self._release_when_painted()
        self._fetch_ahead()

    def _release_when_painted(self) -> None:
        """Let keys label the item once it is on the screen, in the frame that shows all of its panes."""
        for widget in (self.query_one("#title"), *self.panes(), self.text_pane()):
            self.post_message(Update(widget))
        self.call_after_refresh(self.panel.release, self._hold)

    def _missing(self, error: TraceviewError) -> None:
        self._failure = safe_line(str(error).replace("\n", " "))
        # What was shown before is another item: no label may land on it.
        self.panel.drop_kept_keys("The item cannot be read.")
        self.panel.show((), "not read", ())
        self.panel.release(self._hold)
        self.show_missing(self._failure)
        self.draw_title()

    def show_missing(self, sentence: str) -> None:
        """Show why there is nothing to show, in the place of the item before."""
        self.text_pane().load([Block(f"✗ {sentence}", "error", gap=1)])

    def draw_title(self) -> None:
        """Say again what this is and where it stands in its list."""
        right: list[Part] = []
        if self.cursor is not None:
            right = [(self.cursor.sentence, "dim"), (" ", None)]
        left = self.title_parts()
        if self._failure is not None:
            left = [(f" {safe_line(self.target.id)}  ", "title"), (f"✗ {self._failure}", "error")]
        self.set_title(left, right)

    def _target_of(self, row: Row) -> Target:
        if self.target.kind == "thread":
            return Target("thread", str(row["thread_id"]))
        trace_id = str(row["trace_id"])
        return Target("trace", trace_id, trace_id)

    def _fetch_ahead(self) -> None:
        """Have the next items of the list ready before anybody asks."""
        cursor = self.cursor
        if cursor is None:
            return
        known = set(self._items)

        def ahead(token: CancelToken) -> list[tuple[str, tuple[Item, tuple[LabelRow, ...]]]]:
            found = []
            for delta in (1, 2):
                place = cursor.peek(delta, token)
                if place is not None:
                    target = self._target_of(place.row)
                    if target.id not in known:
                        found.append((target.id, self._fetch(self.fetch_item, target, token)))
            return found

        self.ask("ahead", ahead, self._keep_ahead, failed=lambda error: None, delay=AHEAD_SECONDS)

    def _keep_ahead(self, found: list[tuple[str, tuple[Item, tuple[LabelRow, ...]]]]) -> None:
        self._items.update(found)
        while len(self._items) > ITEMS_KEPT:
            self._items.popitem(last=False)

    # Walking the list.

    def action_item_next(self) -> None:
        """The next item of the list."""
        self._walk(1)

    def action_item_previous(self) -> None:
        """The previous item of the list."""
        self._walk(-1)

    def action_unlabelled_next(self) -> None:
        """The next item without a label of one's own."""
        self._seek(1)

    def action_unlabelled_previous(self) -> None:
        """The previous item without a label of one's own."""
        self._seek(-1)

    def _walk(self, delta: int) -> None:
        cursor = self.cursor
        if cursor is None:
            self._no_list()
            return
        self._hold = self.panel.hold(walk_waits=True)
        self.ask(
            "walk",
            lambda token: cursor.peek(delta, token),
            partial(self._walked, delta),
            failed=self._walk_failed,
        )

    def _seek(self, direction: int) -> None:
        cursor = self.cursor
        if cursor is None:
            self._no_list()
            return
        annotator = self.context.annotator
        me = self.context.annotator_name
        required = [one.name for one in required_of(fitting(self.context.definitions, self.target.kind))]

        def unlabelled(row: Row) -> bool:
            if is_labelled(row, me, required):
                return False
            if annotator is None:
                return True
            rows = annotator.current(self._target_of(row))
            own = {one.name for one in rows if one.source == "human" and one.annotator == me}
            return not (own.issuperset(required) if required else own)

        self._hold = self.panel.hold()
        self.ask(
            "walk",
            lambda token: cursor.seek(direction, unlabelled, token),
            partial(self._walked, direction),
            failed=self._walk_failed,
        )

    def _walk_failed(self, error: TraceviewError) -> None:
        self.answer_failed(error)
        self.panel.drop_kept_keys("There is no next item.")
        self.panel.stay()

    def _no_list(self) -> None:
        self.panel.drop_kept_keys("There is no next item.")
        self.panel.stay()
        self.say("This was not opened from a list.")

    def _walked(self, delta: int, place: Place | None) -> None:
        cursor = self.cursor
        if cursor is None or place is None:
            sentence = "The last item of the list." if delta > 0 else "The first item of the list."
            self.say(sentence)
            self.panel.drop_kept_keys(sentence)
            self.panel.stay()
            return
        cursor.move(place)
        self.open_target(self._target_of(place.row))

    # Moving.

    def action_cursor_down(self) -> None:
        """One line down."""
        self.pane().move(1)

    def action_cursor_up(self) -> None:
        """One line up."""
        self.pane().move(-1)

    def action_half_down(self) -> None:
        """Half a page down."""
        self.pane().move_page(0.5)

    def action_half_up(self) -> None:
        """Half a page up."""
        self.pane().move_page(-0.5)

    def action_page_down(self) -> None:
        """A page down."""
        self.pane().move_page(1)

    def action_page_up(self) -> None:
        """A page up."""
        self.pane().move_page(-1)

    def action_cursor_top(self) -> None:
        """To the first line."""
        self.pane().move_to_start()

    def action_cursor_bottom(self) -> None:
        """To the last line."""
        self.pane().move_to_end()

    # Searching.

    def action_search(self) -> None:
        """Open the search field."""
        self.begin_search()
        self.add_class("-searching")
        self.query_one("#search", Input).focus()

    @on(Input.Changed, "#search")
    def _on_search_changed(self, event: Input.Changed) -> None:
        self._search_text = event.value
        self.search_for(event.value)

    @on(Input.Submitted, "#search")
    def _on_search_submitted(self, event: Input.Submitted) -> None:
        self._leave_search()

    @on(TextView.Searched)
    def _on_searched(self, event: TextView.Searched) -> None:
        if self.searched_pane() is event.view:
            self.tell_search(event.sentence)

    def begin_search(self) -> None:
        """A search is about to begin from here."""

    def searched_pane(self) -> SpanTree | TextView:
        """The pane that is searched, and in which `n` and `N` go on."""
        return self.text_pane()

    def search_for(self, text: str) -> None:
        """Search for a text while it is typed."""
        self.searched_pane().search(text)

    def tell_search(self, sentence: str) -> None:
        """Say how many hits there are."""
        if self._search_text:
            self.set_status(
                [
                    (" search ", "dim"),
                    (safe_line(self._search_text), "accent"),
                    (f"  {sentence}", None),
                ],
                self._status_right,
            )
        else:
            self.set_status([], self._status_right)

    def _leave_search(self) -> None:
        self.remove_class("-searching")
        self.searched_pane().focus()

    def action_hit_next(self) -> None:
        """The next hit."""
        self._go_to_hit(1)

    def action_hit_previous(self) -> None:
        """The previous hit."""
        self._go_to_hit(-1)

    def _go_to_hit(self, step: int) -> None:
        if not self._search_text:
            self.say("Nothing is searched for: / begins a search.")
        elif not self.searched_pane().go_to_hit(step):
            self.say("No hit.")

    # Annotating.

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

    def action_note(self) -> None:
        """Write a note in one line."""
        self.panel.open = True
        self.panel.open_note()

    def action_note_editor(self) -> None:
        """Write the note in an editor."""
        self._edit(self.panel.own_note, "note.md", self.panel.save_note)

    def action_correction(self) -> None:
        """Write the corrected output in an editor, beginning with what was answered."""
        if not self.panel.can_label():
            return
        kept = self.panel.own_correction
        if kept:
            self._edit(kept, "correction.md", self.panel.save_correction)
        else:
            edit = partial(self._edit, name="correction.md", save=self.panel.save_correction)
            self.ask("answer", self.fetch_answer, edit)

    @abstractmethod
    def fetch_answer(self, token: CancelToken) -> str:
        """The answer as the trace has it, where a correction begins; called in a worker."""

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

    def footer_hints(self) -> list[tuple[str, str]]:
        """While the annotate panel is open, the keys that label come first."""
        hints = super().footer_hints()
        if not (self.is_mounted and self.panel.open):
            return hints
        first = label_hints(self.registry)
        shown = {key for key, _ in first}
        return [*first, *(hint for hint in hints if hint[0] not in shown)]

    @on(AnnotatePanel.Toggled)
    def _on_panel_toggled(self) -> None:
        self.query_one(KeyFooter).set_hints(self.footer_hints())

    def take_key(self, event: events.Key) -> bool:
        """Keys that choices have of their own, and those that wait for the item that is on its way."""
        return self.panel.take_key(event)

    @on(AnnotatePanel.ItemCompleted)
    def _on_item_completed(self) -> None:
        if self.cursor is None:
            self.panel.drop_kept_keys("This was not opened from a list.")
            self.panel.stay()
        else:
            self._walk(1)

    @on(AnnotatePanel.LabelsChanged)
    def _on_labels_changed(self, event: AnnotatePanel.LabelsChanged) -> None:
        for target in event.targets:
            self._items.pop(target.id, None)
        self.say(event.sentence)
        self.draw_title()

    @on(AnnotatePanel.Said)
    def _on_panel_said(self, event: AnnotatePanel.Said) -> None:
        self.say(event.sentence, error=event.error)

    @on(AnnotatePanel.FieldClosed)
    def _on_field_closed(self) -> None:
        self.pane().focus()

    # Other programs.

    def action_pager(self) -> None:
        """Show the text in $PAGER."""
        name, text = self.text_for_programs()
        with self._saying_errors():
            page_text(self.app, text, name, self._writes_held())

    def action_editor(self) -> None:
        """Show the text in $EDITOR; nothing is taken back from it."""
        name, text = self.text_for_programs()
        with self._saying_errors():
            edit_text(self.app, text, name, self._writes_held())

    def _edit(self, text: str, name: str, save: Callable[[str], None]) -> None:
        if not self.panel.can_label():
            return
        with self._saying_errors():
            edited = edit_text(self.app, text, name, self._writes_held())
            if edited is None:
                self.say("Nothing was changed.")
            else:
                save(edited)

    def _writes_held(self) -> contextlib.AbstractContextManager[object] | None:
        annotator = self.context.annotator
        return annotator.store.suspended() if annotator is not None else None

    @contextlib.contextmanager
    def _saying_errors(self) -> Any:
        try:
            yield
        except BadInput as error:
            self.say(str(error), error=True)

    # Panes.

    def panes(self) -> Sequence[Widget]:
        """The panes of the item that can have the screen for themselves."""
        return (self.pane(),)

    def action_back(self) -> None:
        """Leave the field, give back the maximised pane, or leave the screen."""
        if self.has_class("-searching"):
            self._leave_search()
        elif self.has_class("-maximised"):
            self.action_maximise()
        else:
            self.leave(super().action_back)

    @property
    def unsaved(self) -> str | None:
        """The label that is not on disk yet, None if all are."""
        return self.panel.unsaved if self.is_mounted else None

    def replace_by(self, screen: ItemScreen[Any]) -> None:
        """Show another look at the item in the place of this one, unless this was left meanwhile."""
        if self.is_above_lists:
            self.app.switch_screen(screen)

    def leave(self, then: Callable[[], object]) -> None:
        """Do what closes this screen, once every label is on disk."""
        self.app.leave(then)  # type: ignore[attr-defined]

    def action_maximise(self) -> None:
        """Give the focused pane the whole screen, or give it back."""
        on = not self.has_class("-maximised")
        shown = self.pane()
        self.set_class(on, "-maximised")
        for pane in self.panes():
            pane.display = not on or pane is shown

    def on_resize(self, event: events.Resize) -> None:
        """The annotate panel goes to the bottom of a narrow screen."""
        super().on_resize(event)
        low = event.size.width < LOW_WIDTH
        self.set_class(low, "-low")
        self.panel.set_class(low, "-low")
