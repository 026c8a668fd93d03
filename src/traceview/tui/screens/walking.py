"""From an item of a list to the next: by key, to what is not labelled yet, and once a label completes one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import events, on

from traceview.annotation.asking import fitting, required_of
from traceview.model.errors import TraceviewError
from traceview.model.labels import Target
from traceview.tui.actions import keys_of
from traceview.tui.context import AppContext
from traceview.tui.cursor import ListCursor, Place
from traceview.tui.panels.annotate import AnnotatePanel
from traceview.tui.rows import is_labelled
from traceview.tui.screens.annotating import AnnotatingScreen
from traceview.tui.session_cursor import SessionCursor

if TYPE_CHECKING:
    from traceview.annotation.service import Action
    from traceview.annotation.session_state import SessionState

Row = dict[str, Any]

TEXTS = ("note", "note_editor", "correction", "mode")
"""Actions that, as the very next key after the screen moved on by itself, are about the item before.

So are those that follow them, each as the very next key once the one before it is done."""


class WalkingScreen(AnnotatingScreen):
    """Stands at one item of a list, None if it was not opened from one; a subclass shows it in `open_target`.

    From the key that leaves an item until the next one was painted nothing is labelled: `_hold` is what the
    subclass lets go of then.
    """

    def __init__(self, context: AppContext, target: Target, cursor: ListCursor | None) -> None:
        super().__init__(context)
        self.target = target
        self.cursor = cursor
        self.starts: dict[str, int | None] = {}
        """When the traces begin that the list named so far, as the engine takes it."""
        self._hold = 0
        self._labelled: Place | None = None
        """The item just labelled, from when the screen moved on by itself until the next key."""
        self._go_on_to: Place | None = None
        """Where the screen goes again once the text about the item just labelled is written."""
        self._saved = ""
        """What the last write says of itself."""
        if cursor is not None:
            self._target_of(cursor.place.row)

    @abstractmethod
    def open_target(self, target: Target) -> None:
        """Show another item."""

    def _target_of(self, row: Row) -> Target:
        if self.target.kind == "thread":
            return Target("thread", str(row["thread_id"]))
        trace_id = str(row["trace_id"])
        self.starts[trace_id] = row.get("start_ns")
        return Target("trace", trace_id, trace_id)

    def item_to_add(self) -> Target | None:
        """The item, or the span of it that is labelled; of a document the trace that it is in."""
        return self.target if self.labelled.document is not None else self.labelled

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

    def take_key(self, event: events.Key) -> bool:
        """Take a text that is begun right after the screen moved on by itself to the item it is about."""
        labelled, self._labelled = self._labelled, None
        if (
            labelled is None
            or self.cursor is None
            or self.panel.kept.waiting
            or event.key not in keys_of(self.registry, TEXTS)
        ):
            return super().take_key(event)
        self._go_on_to = self.cursor.place
        self._hold = self.panel.hold(walk_waits=True)
        self.panel.kept.put_back(event)
        self._walked(-1, labelled)
        self.say("The item just labelled; then on to the next one.")
        return True

    def text_done(self) -> None:
        """Go on to where the screen was before a text about the item just labelled."""
        following, self._go_on_to = self._go_on_to, None
        if following is not None and self.cursor is not None:
            written_about = self.cursor.place
            self._hold = self.panel.hold(walk_waits=True)
            self._walked(1, following)
            # A note behind a failure mode, a correction behind both: they are of one item.
            self._labelled = written_about

    # In a session.

    @property
    def labelled(self) -> Target:
        """What labels are given to: the item, or the span or document of it that a session asks about."""
        session = self.session
        return session.target if session is not None and session.target.kind == "span" else self.target

    @property
    def session(self) -> SessionCursor | None:
        """The place in a session; None if this was opened from a list."""
        return self.cursor if isinstance(self.cursor, SessionCursor) else None

    def take_action(self, action: Action, position: int | None) -> None:
        """Take up what was written; an undo or redo of another item of the session leads to it."""
        session = self.session
        if session is None:
            return
        session.work.take(action, position)
        if action.op not in ("undo", "redo"):
            return
        at = session.work.state.place_of(action.affected)
        if at is not None and at != session.place.position:
            self._hold = self.panel.hold(walk_waits=True)
            self._walked(0, session.at(at))

    def labels_changed_elsewhere(self) -> None:
        """Somebody wrote labels: the session may be further than it was, if it is open in another app too."""
        session = self.session
        if session is None or self.is_asking("session"):
            return
        work = session.work
        steps = work.steps

        def arrived(state: SessionState) -> None:
            if session is not self.cursor:
                return
            if work.take_up(state, steps):
                self.draw_title()
            else:
                self.labels_changed_elsewhere()

        def failed(error: TraceviewError) -> None:
            self.say(f"{error.message}: {error.hint}" if error.hint else error.message, error=True)

        self.ask("session", lambda token: work.read_again(), arrived, failed=failed)

    def action_defer(self) -> None:
        """Put the item at the end of the session, and go on."""
        session = self.session
        if session is None:
            self.say("An item is put off in a session: A in a list begins one.")
            return
        session.defer()
        following = session.next_open()
        if following is None:
            self.say("The last open item: there is nothing to do before it.")
            return
        self._hold = self.panel.hold(walk_waits=True)
        self._walked(1, following)
        self.say(f"Put off to the end: {len(session.work.state.deferred):,} deferred.")

    def _next_of_session(self, session: SessionCursor) -> None:
        """The item is complete: the next open one, a word at a natural stop, or the summary."""
        state = session.work.state
        following = session.next_open()
        if state.take_stop():
            self.app.notify(
                f"{state.done_count:,} of {session.total:,} labelled. A good moment to rest.", timeout=8
            )
        if following is not None:
            self._hold = self.panel.hold(walk_waits=True)
            self._moved_on(following)
            return
        self.panel.drop_kept_keys("The session is done.")
        self.panel.stay()
        self.draw_title()
        from traceview.tui.screens.sessions import show_summary

        show_summary(self, session.work)

    @abstractmethod
    def draw_title(self) -> None:
        """Say again what this is and where it stands in its list."""

    def action_blind(self) -> None:
        """Turn blind on or off; a session keeps it."""
        super().action_blind()
        if self.session is not None:
            self.session.work.set_blind_soon(self.panel.is_blind)

    def _moved_on(self, place: Place | None) -> None:
        """The last required value was saved: the next item comes, and the status says how to go back."""
        before = self.cursor.place if self.cursor is not None else None
        self._walked(1, place)
        if place is None:
            self.say(f"{self._saved} · the last item of the list")
        else:
            self._labelled = before
            keys = {action.id: action.keys[0] for action in self.registry}
            self.say(f"{self._saved} · next item · {keys['item_previous']} goes back")

    def _walk(self, delta: int, then: Callable[[Place | None], None] | None = None) -> None:
        self._go_on_to = None
        cursor = self.cursor
        if cursor is None:
            self._no_list()
            return
        self._hold = self.panel.hold(walk_waits=True)
        walked = then or partial(self._walked, delta)
        if cursor.knows(delta):
            self.cancel_asked("walk")
            walked(cursor.peek(delta))
        else:
            self.ask("walk", lambda token: cursor.peek(delta, token), walked, failed=self._walk_failed)

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

    @on(AnnotatePanel.ItemCompleted)
    def _on_item_completed(self) -> None:
        if self.cursor is None:
            self.panel.drop_kept_keys("This was not opened from a list.")
            self.panel.stay()
        elif self.session is not None:
            self._next_of_session(self.session)
        else:
            self._walk(1, self._moved_on)
