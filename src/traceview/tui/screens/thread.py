"""One conversation as a person reads it: a thread, or a single trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from traceview.model.labels import Target
from traceview.store.interface import CancelToken
from traceview.tui.actions import Area, bindings_for
from traceview.tui.copying import Copies
from traceview.tui.cursor import ListCursor, Place
from traceview.tui.panels.fact_walk import FactBar
from traceview.tui.screens.routes import Landing, tree_screen
from traceview.tui.screens.talk_heads import talk_facts, talk_title, transcript_text, turn_parts
from traceview.tui.screens.talk_reading import TalkReading
from traceview.tui.turn_blocks import TurnKey
from traceview.tui.widgets.blocks import Block
from traceview.tui.widgets.lines import Bar, Part
from traceview.tui.widgets.span_tree import SpanTree
from traceview.tui.widgets.text_view import TextView

Row = dict[str, Any]


class TranscriptScreen(TalkReading):
    """Turns under dividers; tool calls on one line each until they are unfolded."""

    AREA: ClassVar[Area] = "transcript"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for("app", "transcript")]

    DEFAULT_CSS = """
    TranscriptScreen {
        #facts { height: 1; background: $surface; }
        #talk { height: 1fr; }
    }
    """

    def compose_item(self) -> ComposeResult:
        """Facts of the thread, and what was said."""
        with Vertical():
            yield Bar(id="facts")
            yield TextView(cursor=True, id="talk")
            yield FactBar(id="fact-bar")

    def pane(self) -> SpanTree | TextView:
        """What was said."""
        return self.text_pane()

    # Title and facts.

    @on(TextView.CursorMoved)
    def _on_cursor_moved(self) -> None:
        self._draw_facts()

    def title_parts(self) -> list[Part]:
        """Whose conversation this is."""
        return talk_title(self._talk, self.target)

    def _draw_facts(self) -> None:
        talk = self._talk
        if talk is not None:
            here = turn_parts(talk, self.text_pane().current)
            self.query_one("#facts", Bar).say_facts(talk_facts(talk, self.target), here)

    def first_bad_here(self) -> str | int | None:
        """The span under the cursor in a trace, the turn in a thread."""
        block = self.text_pane().current
        key = block.key if block is not None else None
        if not isinstance(key, TurnKey):
            return None
        return key.span_id if self.target.kind == "trace" else key.number or None

    def go_to_first_bad(self, place: str | int) -> bool:
        """Go to the divider of the turn, or to what the span said first."""
        talk = self._talk
        if talk is None:
            return False
        return self._show_block(talk.block_of("span" if isinstance(place, str) else "turn", place))

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
        self._show_block(talk.block_of("trace", str(place.row["trace_id"])))

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
        self._show_block(talk.block_of("place", wanted))
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
