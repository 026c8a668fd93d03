"""What the trace and the transcript share: showing an item, moving in it, leaving."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.geometry import Size
from textual.messages import Update
from textual.screen import Screen
from textual.widget import Widget

from traceview.annotation.session_words import passed_words
from traceview.model.errors import TraceviewError
from traceview.model.labels import LabelRow, Target
from traceview.store.interface import CancelToken
from traceview.text import human
from traceview.text.safe import safe_line
from traceview.tui.context import AppContext
from traceview.tui.cursor import ListCursor
from traceview.tui.panels.annotate import AnnotatePanel
from traceview.tui.screens.ahead import Coming, ItemsAhead
from traceview.tui.screens.searching import SearchingScreen
from traceview.tui.screens.walking import WalkingScreen
from traceview.tui.widgets.blocks import Block
from traceview.tui.widgets.lines import Part
from traceview.tui.widgets.safe_input import SafeInput
from traceview.tui.widgets.span_tree import SpanTree
from traceview.tui.widgets.text_view import TextView

if TYPE_CHECKING:
    from traceview.judges.selecting import Chosen

Row = dict[str, Any]
Item = TypeVar("Item")

LOOK_SECONDS = 2.0
"""Between two looks at the files of the source."""
LABELS_SECONDS = 1.0
"""Between two looks at the label file."""
LOW_WIDTH = 110
"""Below this width the annotate panel lies at the bottom instead of at the side."""


class ItemScreen(SearchingScreen, WalkingScreen, Generic[Item]):
    """One item of a list. `Item` is everything that is fetched for it in a worker.

    A subclass composes its panes in `compose_item`, fetches in `fetch_item` (in a worker) and shows in
    `show_item`. The next item of the list is fetched while this one is read.
    """

    first_look_is_all: ClassVar[bool] = True
    """Whether `look_at_item` gives all that `fetch_item` does."""
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
        super().__init__(context, target, cursor)
        self._annotate = annotate
        self.ahead: ItemsAhead[Item] = ItemsAhead(
            self,
            self._target_of,
            self.fetch_item,
            content=lambda: context.engine.status().content,
            spans=lambda row: int(row.get("spans") or 0) if target.kind == "trace" else 0,
        )
        self._asked_item: tuple[Target, Target] | None = None
        """What was asked for last: the item, and what of it is labelled."""
        self._row: Row | None = None
        """The list row of the item that is shown."""
        self._failure: str | None = None
        self._labels_version: int | None = None
        self._source_notice: str | None = None
        """What is wrong with the source since it was read."""

    def compose_body(self) -> ComposeResult:
        """The item, the annotate panel, and the search field."""
        # It is read while its panes are being made; the answer is taken once they stand.
        self._ask_item(self.target)
        with Horizontal(id="body"):
            with Container(id="item"):
                yield from self.compose_item()
            panel = AnnotatePanel(self.context, id="annotate")
            panel.set_class(self.has_class("-low"), "-low", update=False)
            yield panel
        yield SafeInput(id="search", placeholder="search this view", compact=True)

    # What a subclass gives.

    @abstractmethod
    def compose_item(self) -> ComposeResult:
        """The panes of the item."""

    @abstractmethod
    def fetch_item(self, target: Target, token: CancelToken) -> Item:
        """Everything that the first look at an item needs; called in a worker."""

    def look_at_item(self, target: Target, token: CancelToken) -> Item:
        """As much of an item as comes at once; what is missing `show_item` asks for. Called in a worker.

        A screen where that is not everything says so by `first_look_is_all`.
        """
        return self.fetch_item(target, token)

    @abstractmethod
    def row_of(self, item: Item) -> Row:
        """The list row of an item."""

    @abstractmethod
    def show_item(self, item: Item) -> None:
        """Show another item; called on the event loop."""

    @abstractmethod
    def title_parts(self) -> list[Part]:
        """What stands on the left of the title line."""

    @abstractmethod
    def pane(self) -> SpanTree | TextView:
        """The pane that the moving keys move."""

    # Showing items.

    def on_mount(self) -> None:
        """Fetch the item."""
        self.panel.open = self._annotate
        self.set_status([], [(safe_line(self.context.label_sentence), "dim"), (" ", None)])
        self.draw_title()
        self.open_target(self.target)
        self.set_interval(LOOK_SECONDS, self._look_at_source)
        self._look_at_labels()
        self.set_interval(LABELS_SECONDS, self._look_at_labels)

    def _look_at_source(self) -> None:
        """Ask now and then whether the source is still what is shown."""
        if self.is_on_top and not self.is_asking("look"):
            self.ask("look", lambda token: self.context.engine.look_at_source(), self._source_looked_at)

    def _look_at_labels(self) -> None:
        """Ask now and then whether anybody wrote labels: another app of the same person, a colleague, a judge."""
        annotator = self.context.annotator
        if annotator is None or not self.is_on_top or self.is_asking("labels-look"):
            return
        self.ask(
            "labels-look",
            lambda token: annotator.store.data_version(),
            self._labels_looked_at,
            failed=lambda error: None,
        )

    def _labels_looked_at(self, version: int) -> None:
        before, self._labels_version = self._labels_version, version
        if before not in (None, version):
            self.panel.look_again()
            self.labels_changed_elsewhere()

    def definitions_changed(self) -> None:
        """Another wording, or another question, holds from now on."""
        self.open_target(self.target)

    def _source_looked_at(self, notice: str | None) -> None:
        if notice is None and self._source_notice is None:
            return
        self._source_notice = notice
        if not self.is_searching:
            left: list[Part] = [(f" ! {safe_line(notice)}", "warning")] if notice else []
            self.set_status(left, [(safe_line(self.context.label_sentence), "dim"), (" ", None)])

    def judged(self) -> list[Chosen]:
        """The item that is open."""
        from traceview.judges.selecting import Chosen

        return [Chosen(f"this {self.target.kind}", targets=(self.target,))]

    def open_target(self, target: Target) -> None:
        """Show an item, at once if it was fetched ahead."""
        self.target = target
        self._failure = None
        self._hold = self.panel.hold()
        # An answer that is still being fetched for a correction belongs to the item before.
        self.cancel_asked("answer")
        kept = self.ahead.get(target)
        if kept is not None and self.context.annotator is None:
            self.cancel_asked("item")
            self._arrived((kept, ()))
        elif kept is not None:
            # Labels are never those of when it was fetched: somebody else may have written since.
            self._ask_item(target, lambda target, token: kept)
        elif not (self.is_asking("item") and self._asked_item == (target, self.labelled)):
            coming = self.ahead.coming(target) if self.first_look_is_all else None
            self._ask_item(target, partial(self._awaited, coming) if coming is not None else None)

    def _awaited(self, coming: Coming[Item], target: Target, token: CancelToken) -> Item:
        """An item that is being fetched already, else fetched now; called in a worker."""
        item = coming.wait(token)
        return self.look_at_item(target, token) if item is None else item

    def _ask_item(self, target: Target, fetch: Callable[[Target, CancelToken], Item] | None = None) -> None:
        self._asked_item = target, self.labelled
        look = partial(self._fetch, fetch or self.look_at_item, target, self.labelled)
        self.ask("item", look, self._arrived, failed=self._missing)

    def _fetch(
        self,
        fetch: Callable[[Target, CancelToken], Item],
        target: Target,
        labelled: Target,
        token: CancelToken,
    ) -> tuple[Item, tuple[LabelRow, ...]]:
        item = fetch(target, token)
        annotator = self.context.annotator
        return item, annotator.current(labelled) if annotator is not None else ()

    def _arrived(self, found: tuple[Item, tuple[LabelRow, ...]]) -> None:
        item, rows = found
        self._row = self.row_of(item)
        place = f" · {self.cursor.number}" if self.cursor is not None else ""
        self.panel.show(
            [self.labelled],
            f"{self.labelled.scope}{place}",
            rows,
            name=f"{self._item_name()}{place}",
            cursor=self.cursor,
        )
        self.show_item(item)
        self.draw_title()
        self._release_when_painted()
        if self.cursor is not None:
            self.ahead.keep(self.cursor.place, item)
            self.ahead.fetch(self.cursor)

    def _item_name(self) -> str:
        """What a person knows the item by: its name and when it began, as the list says them."""
        if self.cursor is None:
            return safe_line(f"{self.target.kind} {self.target.id}")
        row = self.cursor.place.row if self._row is None else self._row
        name = row.get("name") if self.target.kind == "trace" else self.target.id
        if self.labelled.kind == "span":
            return safe_line(f"{self.labelled.scope} {self.labelled.document or self.labelled.id}")
        started = human.short_time(row.get("start_ns"), time.time_ns())
        return f"{safe_line(str(name or self.target.id))} {started}"

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
            so_far = (
                "" if self.session is None or self.panel.is_blind else passed_words(self.session.work.state)
            )
            told = " · ".join(filter(None, (self.cursor.sentence, safe_line(so_far))))
            right = [(told, "dim"), (" ", None)]
        left = self.title_parts()
        if self._failure is not None:
            left = [(f" {safe_line(self.target.id)}  ", "title"), (f"✗ {self._failure}", "error")]
        self.set_title(left, right)

    # Exports.

    def more_commands(self) -> list[tuple[str, Callable[[], object]]]:
        """Labels of this item, a page of it to share, exports of it, and those of the list it was opened from."""
        from traceview.annotation.session_choosing import Plan
        from traceview.store.targets import LEVELS
        from traceview.tui.marks import Marks
        from traceview.tui.screens.export import ask_export
        from traceview.tui.screens.sessions import session_commands
        from traceview.tui.screens.share import share_commands

        kind, marks = self.target.kind, Marks(frozenset({self.target.id}))
        own = Plan(marked=(self.target.id,), marked_in=LEVELS[kind], blind=self.blind)
        commands: list[tuple[str, Callable[[], object]]] = [
            *self.label_commands(),
            *session_commands(self, own),
            *share_commands(self, self.target),
            (f"export: this {kind}", partial(ask_export, self, f"this {kind}", kind, None, marks, True)),
        ]
        for screen in reversed(self.app.screen_stack[:-1]):
            from_list = getattr(screen, "export_commands", None)
            if from_list is not None:
                return [*commands, *from_list(self)]
        return commands

    def idle_commands(self) -> list[tuple[str, str]]:
        """All of them run."""
        return []

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

    # Labels.

    @on(AnnotatePanel.LabelsChanged)
    def _on_labels_changed(self, event: AnnotatePanel.LabelsChanged) -> None:
        # What the rows of a labelled item say of its scores is no longer true.
        for target in event.targets:
            self.ahead.drop(target)
            if target.trace_id is not None:
                self.ahead.drop(Target("trace", target.trace_id, target.trace_id))
        self.take_action(event.action, event.position)
        about = f" · but {self._source_notice}" if self._source_notice else ""
        self._saved = f"{event.sentence}{about}"
        self.say(self._saved)
        self.draw_title()

    @on(AnnotatePanel.FieldClosed)
    def _on_field_closed(self) -> None:
        if self.panel.typing:
            # It is open again, with a text that could not be saved.
            return
        self.pane().focus()
        self.text_done()

    # Panes.

    def panes(self) -> Sequence[Widget]:
        """The panes of the item that can have the screen for themselves."""
        return (self.pane(),)

    def action_back(self) -> None:
        """Leave the field, give back the maximised pane, or leave the screen."""
        if self.is_searching:
            self.leave_search()
        elif self.has_class("-maximised"):
            self.action_maximise()
        else:
            self.leave(super().action_back)

    def session_ended(self) -> None:
        """Back to where the session was begun, whichever pane has the keys."""
        self.leave(self.close)

    def replace_by(self, screen: Screen[None]) -> None:
        """Show another look at the item in the place of this one, unless this was left meanwhile."""
        if self.is_above_lists:
            self.app.switch_screen(screen)

    def leave(self, then: Callable[[], object]) -> None:
        """Do what closes this screen, once every label is on disk."""
        self.app.leave(then)  # type: ignore[attr-defined]

    def action_maximise(self) -> None:
        """Give the focused pane the whole screen, or give it back."""
        on = not self.has_class("-maximised")
        # The pane that moves may be a part of the one that is shown, below the names of its sections.
        shown = self.pane().ancestors_with_self
        self.set_class(on, "-maximised")
        for pane in self.panes():
            pane.display = not on or pane in shown

    def size_classes(self, size: Size) -> dict[str, bool]:
        """The annotate panel goes to the bottom of a narrow screen."""
        return super().size_classes(size) | {"-low": size.width < LOW_WIDTH}

    @property
    def annotating(self) -> bool:
        """Whether the annotate panel takes room, or will once it is there."""
        return self.panel.open if self.is_mounted else self._annotate

    def on_resize(self, event: events.Resize) -> None:
        """The annotate panel follows the screen."""
        super().on_resize(event)
        self.panel.set_class(self.has_class("-low"), "-low")
