"""One conversation as a person reads it: a thread, or a single trace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input

from traceview.model.labels import Target
from traceview.store.interface import CancelToken
from traceview.tui.actions import Area, bindings_for
from traceview.tui.context import AppContext
from traceview.tui.conversation import Conversation
from traceview.tui.copying import Copies
from traceview.tui.cursor import ListCursor, Place
from traceview.tui.panels.annotate import AnnotatePanel
from traceview.tui.panels.fact_walk import FactBar
from traceview.tui.screens.routes import Landing, tree_screen
from traceview.tui.screens.talk_facts import TalkFacts
from traceview.tui.screens.talk_heads import talk_facts, talk_title, transcript_text, turn_parts
from traceview.tui.turn_blocks import TurnKey
from traceview.tui.widgets.blocks import Block
from traceview.tui.widgets.lines import Bar, Part
from traceview.tui.widgets.span_tree import SpanTree
from traceview.tui.widgets.text_view import TextView

Row = dict[str, Any]

FIRST_TRACES = 6
"""Traces read before a thread is shown; then twice as many each time."""
MOST_TURNS = 50
"""Turns over which a thread that was left is not kept ready."""


class TranscriptScreen(TalkFacts[Conversation]):
    """Turns under dividers; tool calls on one line each until they are unfolded."""

    AREA: ClassVar[Area] = "transcript"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for("app", "transcript")]

    DEFAULT_CSS = """
    TranscriptScreen {
        #facts { height: 1; background: $surface; }
        #talk { height: 1fr; }
    }
    """

    def __init__(
        self,
        context: AppContext,
        target: Target,
        cursor: ListCursor | None,
        *,
        annotate: bool = False,
        span_id: str | None = None,
    ) -> None:
        super().__init__(context, target, cursor, annotate=annotate)
        self._wanted_span = span_id
        self._left_at: TurnKey | None = None
        self._as_written = False
        self._talk: Conversation | None = None

    def compose_item(self) -> ComposeResult:
        """Facts of the thread, and what was said."""
        with Vertical():
            yield Bar(id="facts")
            yield TextView(cursor=True, id="talk")
            yield FactBar(id="fact-bar")

    def text_pane(self) -> TextView:
        """What was said."""
        return self.query_one("#talk", TextView)

    def pane(self) -> SpanTree | TextView:
        """What was said."""
        return self.text_pane()

    # The item.

    def fetch_item(self, target: Target, token: CancelToken) -> Conversation:
        """The thread's row and its first traces."""
        engine = self.context.engine
        if target.kind == "thread":
            detail = engine.thread(target.id, token)
            talk = Conversation(detail.thread, detail.traces)
        else:
            trace = engine.trace(target.id, token, self.starts.get(target.id))
            talk = Conversation(trace.trace, (trace.trace,))
        talk.blind, talk.as_written = self.blind, self._as_written
        talk.read_more(engine, FIRST_TRACES, token)
        return talk

    def row_of(self, item: Conversation) -> Row:
        """The row of its thread or trace."""
        return item.row

    def show_item(self, item: Conversation) -> None:
        """Put the conversation on the screen and read the rest of it."""
        self._talk = item
        self._left_at = self.context.reading_places.get(self.target)
        hides, first_bad = self.panel.hides_identity, self.panel.first_bad
        if (hides and not item.blind) or first_bad != item.first_bad:
            # Before anything is painted: a blind annotator sees no model for a moment.
            item.first_bad = first_bad
            item.lay_out(hides, item.as_written)
        view = self.text_pane()
        view.load(item.blocks)
        if not isinstance(self.focused, Input):
            view.focus()
        self._go_to_wanted()
        if self._begins_with_search:
            self._begins_with_search = False
            view.search(self._search_text)
        self._draw_facts()
        self._follow_looks()
        self._read_on()

    def _read_on(self) -> None:
        talk = self._talk
        if talk is None or talk.complete:
            return

        def read(token: CancelToken) -> Conversation:
            talk.read_more(self.context.engine, max(FIRST_TRACES, len(talk.read)), token)
            return talk

        self.ask("more", read, self._more_arrived)

    def _more_arrived(self, talk: Conversation) -> None:
        if talk is not self._talk:
            return
        view = self.text_pane()
        view.replace(talk.same, view.block_count, talk.blocks[talk.same :])
        self._go_to_wanted()
        self._draw_facts()
        self._follow_looks()
        self._read_on()

    def _follow_looks(self) -> None:
        """Make the blocks again, in a worker, if what may be seen or how answers are shown has changed."""
        talk, blind, as_written = self._talk, self.panel.hides_identity, self._as_written
        first_bad = self.panel.first_bad
        wanted = (blind, as_written, first_bad)
        if talk is None or (talk.blind, talk.as_written, talk.first_bad) == wanted or self.is_asking("more"):
            return

        def lay_out(token: CancelToken) -> Conversation:
            talk.first_bad = first_bad
            talk.lay_out(blind, as_written)
            return talk

        # Reading on waits for it, since both make the blocks.
        self.ask("more", lay_out, self._looks_arrived)

    def _looks_arrived(self, talk: Conversation) -> None:
        if talk is not self._talk:
            return
        view = self.text_pane()
        here = view.current
        view.load(talk.blocks)
        if here is not None and isinstance(here.key, TurnKey):
            self._go_to(here.key)
        self._draw_facts()
        self._follow_looks()
        self._read_on()

    def _go_to_wanted(self) -> None:
        """Go to the span that was asked for once it was read, else to where this was left."""
        talk, wanted, left = self._talk, self._wanted_span, self._left_at
        if talk is None:
            return
        if wanted is None:
            if left is not None:
                if self._go_to(left) or talk.complete:
                    self._left_at = None
            elif self.target.kind == "trace":
                self._go_to_answer(talk)
            return
        if left is not None and left.span_id == wanted and self._go_to(left):
            self._wanted_span = self._left_at = None
            return
        told = talk.first_span(wanted)
        if told is None and not talk.complete:
            return
        self._wanted_span = self._left_at = None
        self._show_block(talk.block_where(lambda key: key.span_id == told and not key.inner, divider=False))

    def _go_to(self, key: TurnKey) -> bool:
        """Go to the block of a key, or of the same text; False if it is not there."""
        return self._talk is not None and self._show_block(self._talk.block_where(lambda one: one == key))

    def _show_block(self, index: int | None) -> bool:
        if index is not None:
            self.text_pane().go_to_block(index)
        return index is not None

    def _keep_place(self) -> None:
        """Remember where the reader stands, for the next look at the same item."""
        block = self.text_pane().current
        if block is not None and isinstance(block.key, TurnKey):
            self.context.reading_places[self.target] = block.key

    def open_target(self, target: Target) -> None:
        """Show another item; where this one was left is remembered."""
        if self._talk is not None and target != self.target:
            self._keep_place()
            # One that is still being read, or is long to lay out, is read again on the way back.
            if self.is_asking("more") or self._talk.turns > MOST_TURNS:
                self.ahead.drop(self.target)
        super().open_target(target)

    def leave(self, then: Callable[[], object]) -> None:
        """Leave, and remember where the reader stood."""
        if self._talk is not None:
            self._keep_place()
        super().leave(then)

    @on(TextView.CursorMoved)
    def _on_cursor_moved(self) -> None:
        self._draw_facts()

    def _go_to_answer(self, talk: Conversation) -> None:
        """Show the trace's own turn, the last one: what comes before it is the history that it repeats."""
        found = talk.last_turn
        if found is not None:
            self.text_pane().show_answer(*found)

    # Title and facts.

    def title_parts(self) -> list[Part]:
        """Whose conversation this is."""
        return talk_title(self._talk, self.target)

    def _draw_facts(self) -> None:
        talk = self._talk
        if talk is not None:
            here = turn_parts(talk, self.text_pane().current)
            self.query_one("#facts", Bar).say_facts(talk_facts(talk, self.target), here)

    @on(AnnotatePanel.BlindChanged)
    @on(AnnotatePanel.LabelsChanged)
    def _on_blind_changed(self) -> None:
        self._follow_looks()

    def first_bad_here(self) -> str | int | None:
        """The span under the cursor in a trace, the turn in a thread."""
        block = self.text_pane().current
        key = block.key if block is not None else None
        if not isinstance(key, TurnKey):
            return None
        return key.span_id if self.target.kind == "trace" else key.number or None

    def show_first_bad(self, place: str | int | None) -> None:
        """Mark it where it is told."""
        self._follow_looks()

    # Keys.

    def action_open(self) -> None:
        """Go to where a fact came from; unfold the tool call or text under the cursor; else go to its trace."""
        if self.open_origin():
            return
        block = self.text_pane().current
        if block is not None and block.fold is not None:
            self.text_pane().toggle_fold()
        else:
            self.action_transcript()

    def action_back(self) -> None:
        """Leave the walk through facts, or what else there is to leave."""
        if self.is_searching or not self.end_facts():
            super().action_back()

    def spans_of(self, trace_id: str) -> Sequence[Row] | None:
        """The spans of a trace that was read."""
        read = self._talk.read if self._talk is not None else ()
        return next((spans for spans in read if spans and str(spans[0]["trace_id"]) == trace_id), None)

    def action_fold(self) -> None:
        """Fold or unfold the tool call or text under the cursor."""
        if not self.text_pane().toggle_fold():
            self.say("Nothing folds here.")

    def action_documents_next(self) -> None:
        """The trace of the turn under the cursor, at the next span with documents from there on."""
        self._open_tree(at="documents")

    def action_transcript(self) -> None:
        """The trace of the turn under the cursor, at the span it was read from."""
        self._open_tree()

    def _open_tree(self, *, at: Landing | None = None) -> None:
        talk, block = self._talk, self.text_pane().current
        if talk is None:
            return
        key = block.key if block is not None and isinstance(block.key, TurnKey) else None
        if self.target.kind == "trace":
            span_id = key.span_id if key is not None else None
            screen = tree_screen(
                self.context,
                self.target,
                self.cursor,
                annotate=self.panel.open,
                span_id=span_id,
                replaces_transcript=True,
                at=at,
            )
            self.leave(lambda: self.replace_by(screen))
            return
        if key is None:
            self.say("There is no trace here.")
            return
        traces = talk.traces
        position = next((n for n, row in enumerate(traces) if str(row["trace_id"]) == key.trace_id), 0)
        cursor = ListCursor(
            Place(position, traces[position]),
            len(traces),
            lambda offset, limit, token: traces[offset : offset + limit],
            self._follow_trace,
        )
        self.app.push_screen(
            tree_screen(
                self.context,
                Target("trace", key.trace_id, key.trace_id),
                cursor,
                span_id=key.span_id,
                from_transcript=True,
                at=at,
            )
        )

    def _follow_trace(self, place: Place) -> None:
        """Stand at the trace to which somebody walked from one of its turns."""
        talk = self._talk
        if talk is None:
            return
        self._show_block(talk.block_where(lambda key: key.trace_id == str(place.row["trace_id"])))

    def action_turn_next(self) -> None:
        """The next turn."""
        self._step(1, lambda block: block.style == "divider", "turn")

    def action_turn_previous(self) -> None:
        """The previous turn."""
        self._step(-1, lambda block: block.style == "divider", "turn")

    def action_error_next(self) -> None:
        """The next error."""
        self._step(1, is_error, "error")

    def action_error_previous(self) -> None:
        """The previous error."""
        self._step(-1, is_error, "error")

    def action_question_first(self) -> None:
        """The first thing the user said."""
        self._go_to_role("user", last=False)

    def action_answer_last(self) -> None:
        """The last thing the assistant said."""
        self._go_to_role("assistant", last=True)

    def _go_to_role(self, role: str, *, last: bool) -> None:
        talk = self._talk
        if talk is None:
            return
        found = [
            at for at, turn in enumerate(talk.said) if turn.role == role and not turn.within and turn.text
        ]
        if not found:
            self.say("The user said nothing." if role == "user" else "Nothing was answered.")
            return
        wanted = found[-1 if last else 0]
        self._show_block(talk.block_where(lambda key: key.at == wanted))
        if last and not talk.complete:
            self.say("The last answer of what was read so far.")

    def action_as_written(self) -> None:
        """Show answers as they were written, or styled."""
        self._as_written = not self._as_written
        self.say("Answers as they were written." if self._as_written else "Answers styled.")
        self._follow_looks()

    def action_fold_all(self) -> None:
        """Fold everything that folds."""
        if not self.text_pane().fold_all(True):
            self.say("Nothing to fold.")

    def action_unfold_all(self) -> None:
        """Unfold everything."""
        if not self.text_pane().fold_all(False):
            self.say("Nothing to unfold.")

    def _step(self, by: int, accepts: Any, what: str) -> None:
        view = self.text_pane()
        index = (view.block_index or 0) + by
        while 0 <= index < view.block_count:
            if accepts(view.block(index)):
                view.go_to_block(index)
                return
            index += by
        self.say(f"No {what} further {'down' if by > 0 else 'up'}.")

    def copies(self) -> Copies | None:
        """The conversation, and the text under the cursor."""
        block, talk = self.text_pane().current, self._talk
        text = block.text if block is not None else None
        key = block.key if block is not None else None
        if talk is not None and isinstance(key, TurnKey):
            # All that was said, as it was written, not the paragraph under the cursor.
            text = talk.whole_text(key) or text
        return Copies(
            id=self.target.id,
            what=self.target.kind,
            text=text,
            text_name="text",
            row=self._talk.row if self._talk is not None else None,
            command=self.context.invocation.show(self.target.id, transcript=True),
        )

    def text_for_programs(self) -> tuple[str, str]:
        """The whole conversation as far as it was read."""
        talk = self._talk
        if talk is None:
            return "transcript.txt", ""
        return "transcript.txt", transcript_text(talk.blocks)

    def fetch_answer(self, token: CancelToken) -> str:
        """The last thing the assistant said."""
        talk = self._talk
        turns = talk.said if talk is not None else ()
        return next(
            (turn.text for turn in reversed(turns) if turn.role == "assistant" and not turn.within), ""
        )


def is_error(block: Block) -> bool:
    """True for the line of what failed, not for what is shown while it is open."""
    return block.style == "error" and not (isinstance(block.key, TurnKey) and block.key.inner)
