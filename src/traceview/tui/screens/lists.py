"""The lists of traces and of threads: sort, marks, going, opening, exports."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from textual import events, on

from traceview.filters.hits import wanted_texts
from traceview.model.labels import Target, TargetKind
from traceview.store.interface import CancelToken
from traceview.tui import listing
from traceview.tui.actions import keys_of
from traceview.tui.cursor import ListCursor, Place
from traceview.tui.marks import Marks
from traceview.tui.rows import Row, is_labelled, row_id
from traceview.tui.screens.routes import Landing, item_screen
from traceview.tui.screens.session_list import SessionList
from traceview.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from traceview.annotation.service import Action
    from traceview.filters.ast import Node
    from traceview.tui.copying import Copies
    from traceview.tui.screens.base import TraceviewScreen

TEXT_KEYS = ("note", "note_editor", "correction", "value_field")
"""Actions behind whose key people type a text at once."""
TEXT_PAUSE = 1.0
"""Seconds without a letter after which letters are keys again where no text can be typed."""


class ListScreen(SessionList):
    """One of the two lists, with everything its keys do."""

    _failed_row: str | None = None
    """The row to which the key for the next error led: it opens at the span that failed."""
    _text_until = 0.0
    """Until when (monotonic seconds) letters are a text that was meant for somewhere else."""

    def take_key(self, event: events.Key) -> bool:
        """Say where a key works that does nothing in a list; a text typed behind it sets off no keys."""
        typed = event.is_printable or event.key == "enter"
        if (
            self.is_asking("session")
            and typed
            and event.key not in keys_of(self.registry, ("quit", "quit_root", "help"))
        ):
            # It is meant for the session that opens in a moment, and would do something else here.
            return True
        now = time.monotonic()
        if event.is_printable and now < self._text_until:
            self._text_until = now + TEXT_PAUSE
            return True
        self._text_until = 0.0
        for action in self.registry:
            if event.key in keys_of((action,), (action.id,)):
                break
        else:
            return False
        if {"app", "list"}.intersection(action.screens):
            return False
        keys = {one.id: one.keys[0] for one in self.registry}
        self.say(
            f"{action.keys[0]} ({action.title}) works inside an item: "
            f"{keys['open']} opens one, {keys['annotate']} annotates it."
        )
        if action.id in TEXT_KEYS:
            self._text_until = now + TEXT_PAUSE
        return True

    # Marks.

    def _set_marks(self, marks: Marks) -> None:
        self.marks = marks
        self.rows.set_marks(marks.__contains__)
        self._show_title()

    def action_mark(self) -> None:
        """Mark the row or take its mark off, and go down."""
        row = self.rows.row
        if row is not None:
            self._set_marks(self.marks.toggled(row_id(self.level, row)))
            self.rows.action_cursor_down()

    def action_mark_all(self) -> None:
        """Mark all that match; with marks, take all off."""
        if self.marks != Marks():
            self._set_marks(Marks())
        elif self.selection is None or self.searched is not None:
            self.say("Still counting: not all that match are known yet.")
        else:
            self._set_marks(Marks(all_but=True))

    # Going.

    def action_error_next(self) -> None:
        """To the next row with an error."""
        self._seek(1, lambda row: row.get("status") == "error" or bool(row.get("errors")), "error")

    def action_error_previous(self) -> None:
        """To the previous row with an error."""
        self._seek(-1, lambda row: row.get("status") == "error" or bool(row.get("errors")), "error")

    def action_unlabelled_next(self) -> None:
        """To the next row without a label of one's own."""
        self._seek(1, self._is_open, "unlabelled row")

    def action_unlabelled_previous(self) -> None:
        """To the previous row without a label of one's own."""
        self._seek(-1, self._is_open, "unlabelled row")

    def _is_open(self, row: Row) -> bool:
        """Whether a required value of one's own is still missing."""
        from traceview.annotation.asking import fitting, required_of

        required = required_of(fitting(self.context.definitions, self.target_kind))
        return not is_labelled(row, self.context.annotator_name, [one.name for one in required])

    def _seek(self, direction: int, accepts: listing.Accepts, what: str) -> None:
        cursor = self.cursor_here()
        if cursor is None:
            return
        where = "below" if direction > 0 else "above"

        def arrived(place: Place | None) -> None:
            if place is None:
                self.say(f"No {what} {where}.")
            else:
                self.rows.put_cursor(place.position)
                self._failed_row = row_id(self.level, place.row) if what == "error" else None

        self.ask("seek", lambda token: cursor.seek(direction, accepts, token), arrived)

    def cursor_here(self, place: Place | None = None) -> ListCursor | None:
        """A walk that begins at the row under the cursor (or at a place); None while it is not known."""
        row = self.rows.row
        if place is None and row is not None:
            place = Place(self.rows.cursor, row)
        if place is None:
            return None
        selection, engine = self.selection, self.context.engine
        if selection is None:
            at_hand = [found for index in range(self.rows.row_count) if (found := self.rows.row_at(index))]

            def first_rows(offset: int, limit: int, token: CancelToken | None) -> list[Row]:
                return at_hand[offset : offset + limit]

            return ListCursor(place, len(at_hand), first_rows, self.follow_place)

        def fetch(offset: int, limit: int, token: CancelToken | None) -> tuple[Row, ...]:
            return engine.rows(selection, offset, limit, token).rows

        return ListCursor(place, len(selection), fetch, self.follow_place)

    # Opening.

    @property
    def target_kind(self) -> TargetKind:
        """What a row of this list is, as labels name it."""
        return "trace" if self.level == "traces" else "thread"

    def target_of(self, row: Row) -> Target:
        """The trace or thread of a row."""
        found = row_id(self.level, row)
        return Target(self.target_kind, found, found if self.level == "traces" else None)

    @on(VirtualList.Opened)
    def action_open(self) -> None:
        """Open the trace as a tree, the thread as a transcript."""
        self._open()

    def action_transcript(self) -> None:
        """Open the transcript."""
        self._open(transcript=True)

    def action_documents_next(self) -> None:
        """Open the trace at its first span with documents."""
        if self.target_kind == "trace":
            self._open(at="documents")
        else:
            self.say("Enter opens the thread; D shows the documents of a turn there.")

    def action_annotate(self) -> None:
        """Open the item with the annotate panel, or label all marked ones."""
        if self.context.annotator is None:
            self.say(self.context.label_sentence, error=True)
        elif self._marked_count():
            self._annotate_marked()
        else:
            self._open(transcript=True, annotate=True)

    def action_mode(self) -> None:
        """Show all failure modes."""
        from traceview.tui.screens.modes import ModesScreen

        if self.context.annotator is None:
            self.say(self.context.label_sentence, error=True)
        else:
            self.app.push_screen(ModesScreen(self.context))

    def _annotate_marked(self) -> None:
        """Find the ids of all marked rows, say how many, and label them in one action."""
        marks, selection, engine = self.marks, self.selection, self.context.engine
        level, kind = self.level, self.target_kind

        def marked(token: CancelToken) -> list[Target]:
            ids = listing.marked_ids(engine, selection, marks, level, token)
            return [Target(kind, found, found if kind == "trace" else None) for found in ids]

        def label(targets: list[Target]) -> None:
            from traceview.tui.screens.bulk import BulkScreen

            self.hint_seen()
            self.app.push_screen(BulkScreen(self.context, targets, f"marked {level}"), self._bulk_done)

        self.say("Finding all that are marked …")
        self.ask("marked", marked, label)

    def _bulk_done(self, written: bool | None) -> None:
        if written:
            self._feel_pulse()

    def _open(
        self,
        *,
        transcript: bool = False,
        annotate: bool = False,
        at: Landing | None = None,
        place: Place | None = None,
    ) -> None:
        """Open the row under the cursor, or the one at a place whose row may not be at hand yet."""
        cursor = self.cursor_here(place)
        if cursor is None:
            self.say("There is nothing to open.")
            return
        target = self.target_of(cursor.place.row)
        if at is None and target.id == self._failed_row:
            at = "error"
        words = next((one.words for one in wanted_texts(self._node) if one.words), None)
        screen = item_screen(
            self.context,
            target,
            cursor,
            transcript=transcript,
            annotate=annotate,
            at=at,
            search=None if annotate or at is not None else words,
        )
        self.app.push_screen(screen)

    # Others.

    def action_undo(self) -> None:
        """Take back one's last label action."""
        self._replay("undo")

    def action_redo(self) -> None:
        """Do again what was taken back."""
        self._replay("redo")

    def _replay(self, what: str) -> None:
        annotator = self.context.annotator
        if annotator is None:
            self.say(self.context.label_sentence, error=True)
            return
        replay = annotator.undo if what == "undo" else annotator.redo

        def told(action: Action | None) -> None:
            from traceview.annotation.replay_words import replay_sentence

            self.say(f"✓ {replay_sentence(action)}" if action is not None else f"There is nothing to {what}.")
            self._feel_pulse()

        self.ask("replay", lambda token: replay(), told)

    # Exports.

    def more_commands(self) -> list[tuple[str, Callable[[], object]]]:
        """Views, a page of the row under the cursor, and exports."""
        from traceview.tui.screens.transitions import show_transitions

        return [
            ("list: mark the near-duplicates of this row", self._mark_alike),
            ("label: where it went wrong first", partial(show_transitions, self)),
            *self.session_commands(),
            *self.view_commands(),
            *self.share_commands(),
            *self.export_commands(self),
        ]

    @property
    def listed(self) -> tuple[Node | None, str]:
        """The filter: its tree, and as it is written."""
        return self._node, self.filter_text

    def _mark_alike(self) -> None:
        """Mark what answers nearly as the row under the cursor, so that all of it is labelled in one action."""
        row, selection, engine, level = self.rows.row, self.selection, self.context.engine, self.level
        if row is None or selection is None or self.searched is not None:
            self.say("Still counting: not all that match are known yet.")
            return
        here = row

        def alike(token: CancelToken) -> tuple[list[str], int]:
            return listing.ids_alike(engine, selection, here, level, token)

        def mark(found: tuple[list[str], int]) -> None:
            ids, of = found
            if len(ids) < 2:
                self.say(f"No other of {of:,} answers nearly the same.")
                return
            self._set_marks(Marks(frozenset(ids)))
            key = self.key_of("annotate")
            self.say(
                f"{len(ids):,} of {of:,} answer nearly the same, and are marked; {key} labels them at once."
            )

        self.ask("alike", alike, mark)

    def share_commands(self) -> list[tuple[str, Callable[[], object]]]:
        """A page of the row under the cursor to send to a colleague."""
        from traceview.tui.screens.share import share_commands

        row = self.rows.row
        target = self.target_of(row) if row is not None else None
        return share_commands(self, target)

    def idle_commands(self) -> list[tuple[str, str]]:
        """Without rows there is nothing to share or to export."""
        if self.rows.row_count:
            return []
        what = self.level.removesuffix("s")
        return [
            (f"share: page of this {what}", f"no {self.level} are shown"),
            (f"export: {self.level} that match", f"no {self.level} match"),
        ]

    def export_commands(self, screen: TraceviewScreen) -> list[tuple[str, Callable[[], object]]]:
        """Exports of what matches and of what is marked, with a label or all; `screen` asks and says how it went."""
        from traceview.tui.screens.export import ask_export

        known = self.selection is not None and self.searched is None
        count = f"{len(self.selection):,} " if known and self.selection is not None else ""
        sets: list[tuple[str, Marks | None]] = []
        if self.rows.row_count:
            sets.append((f"{count}{self.level} that match", None))
        if self._marked_count():
            sets.append((f"{self._marked_count():,} marked {self.level}", self.marks))
        commands: list[tuple[str, Callable[[], object]]] = []
        for what, marks in sets:
            for shown, all_targets in (
                (f"labelled rows of the {what}", False),
                (f"all rows of the {what}", True),
            ):
                run = partial(ask_export, screen, shown, self.target_kind, self._node, marks, all_targets)
                commands.append((f"export: {shown}", run))
        return commands

    def copies(self) -> Copies | None:
        """The row under the cursor; the command line prints the list as it is filtered and sorted."""
        from traceview.tui.copying import Copies

        row = self.rows.row
        target = self.target_of(row) if row is not None else None
        sort = (self.sort.field, self.sort.descending) if self.sort else None
        fields = ("input_preview", "output_preview", "first_input", "last_output")
        texts = [str(row[field]) for field in fields if row.get(field)] if row is not None else []
        return Copies(
            id=target.id if target is not None else None,
            what=self.level.removesuffix("s"),
            text="\n\n".join(texts) or None,
            text_name="text",
            row=row,
            command=self.context.invocation.listing(self.level, self.filter_text, sort),
        )

    def action_refresh(self) -> None:
        """Look at the source and the labels now."""
        engine = self.context.engine
        self.say("Reading what is new …")
        self.ask(
            "pulse", lambda token: listing.pulse(engine, look_at_source=True, again=True), self._refreshed
        )

    def _refreshed(self, found: listing.Pulse) -> None:
        self._show_engine_status(found.status)
        self.reload(first=self.selection is None)
        status = found.status
        if status.message:
            hint = f" · {status.hint}" if status.hint else ""
            self.say(f"{status.message}{hint}", error=status.phase == "failed")
        else:
            self.say("✓ up to date" if status.phase == "ready" else "Reading what is new …")

    def action_maximise(self) -> None:
        """Give the rows the whole screen, or give the preview its place back."""
        self.toggle_class("-maximised")
