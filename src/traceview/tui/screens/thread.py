"""One conversation as a person reads it: a thread, or a single trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input

from traceview.model.labels import Target
from traceview.model.messages import SpanPayload
from traceview.store.interface import CancelToken, Engine
from traceview.store.transcript import transcript
from traceview.text import human
from traceview.tui.actions import Area, bindings_for
from traceview.tui.context import AppContext
from traceview.tui.copying import Copies
from traceview.tui.cursor import ListCursor, Place
from traceview.tui.panels.annotate import AnnotatePanel
from traceview.tui.screens.item import ItemScreen
from traceview.tui.screens.routes import tree_screen
from traceview.tui.span_blocks import one_line
from traceview.tui.turn_blocks import TurnKey, transcript_blocks
from traceview.tui.widgets.blocks import Block
from traceview.tui.widgets.lines import Bar, Part
from traceview.tui.widgets.span_tree import SpanTree
from traceview.tui.widgets.text_view import TextView

Row = dict[str, Any]

FIRST_TRACES = 6
"""Traces read before a thread is shown; then twice as many each time."""


@dataclass
class Conversation:
    """A thread as far as it was read. `blocks` are those of the traces read so far, of `traces` in all."""

    row: Row
    traces: Sequence[Row]
    read: list[tuple[Sequence[Row], Sequence[SpanPayload]]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    same: int = 0
    """Blocks at the start that are the same as before the last reading."""
    turns: int = 0
    blind: bool = False
    maybe_incomplete: bool = False

    @property
    def complete(self) -> bool:
        """True once every trace was read."""
        return len(self.read) >= len(self.traces)

    def read_more(self, engine: Engine, count: int, token: CancelToken) -> None:
        """Read the next traces; called in a worker, by one at a time."""
        wanted = self.traces[len(self.read) : len(self.read) + count]
        details = [engine.trace(str(trace["trace_id"]), token) for trace in wanted]
        # One question for the payloads of all of them: a source is read once instead of once a trace.
        payloads = iter(engine.payloads([span for detail in details for span in detail.spans], token))
        for detail in details:
            self.read.append((detail.spans, list(islice(payloads, len(detail.spans)))))
            self.maybe_incomplete = self.maybe_incomplete or detail.maybe_incomplete
        self.lay_out(self.blind)

    def lay_out(self, blind: bool) -> None:
        """Make the blocks of what was read."""
        turns = transcript(self.read)
        rows = {str(trace["trace_id"]): trace for trace in self.traces}
        before, self.blocks = self.blocks, transcript_blocks(turns, rows, blind=blind)
        self.turns = len({turn.number for turn in turns if turn.number})
        self.blind = blind
        self.same = 0
        for old, new in zip(before, self.blocks, strict=False):
            if old != new:
                break
            self.same += 1


class TranscriptScreen(ItemScreen[Conversation]):
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
        self._talk: Conversation | None = None

    def compose_item(self) -> ComposeResult:
        """Facts of the thread, and what was said."""
        with Vertical():
            yield Bar(id="facts")
            yield TextView(cursor=True, id="talk")

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
            trace = engine.trace(target.id, token)
            talk = Conversation(trace.trace, (trace.trace,))
        talk.blind = self.blind
        talk.read_more(engine, FIRST_TRACES, token)
        return talk

    def show_item(self, item: Conversation) -> None:
        """Put the conversation on the screen and read the rest of it."""
        self._talk = item
        if item.blind != self.panel.hides_identity:
            item.lay_out(self.panel.hides_identity)
        view = self.text_pane()
        view.load(item.blocks)
        if not isinstance(self.focused, Input):
            view.focus()
        self._go_to_wanted()
        self._draw_facts()
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
        self._read_on()

    def _go_to_wanted(self) -> None:
        """Go to the span that was asked for, once it was read."""
        talk, wanted = self._talk, self._wanted_span
        if talk is None:
            return
        if wanted is None:
            if self.target.kind == "trace":
                self._go_to_answer(talk.blocks)
            return
        for index, block in enumerate(talk.blocks):
            if isinstance(block.key, TurnKey) and block.key.span_id == wanted and block.style != "divider":
                self._wanted_span = None
                self.text_pane().go_to_block(index)
                return
        if talk.complete:
            self._wanted_span = None

    def _go_to_answer(self, blocks: Sequence[Block]) -> None:
        """Show the trace's own turn, the last one: what comes before it is the history that it repeats."""
        last = {block.style: index for index, block in enumerate(blocks)}
        if "divider" not in last:
            return
        turn = last["divider"]
        starts = [turn, *(index for index in (last.get("user"),) if index is not None and index > turn)]
        self.text_pane().show_answer(starts, max(last.get("assistant", turn), starts[-1]))

    # Title and facts.

    def title_parts(self) -> list[Part]:
        """Whose conversation this is."""
        talk = self._talk
        name = self.target.id
        if talk is not None and self.target.kind == "trace":
            name = str(talk.row.get("name") or name)
        parts: list[Part] = [
            (" ", None),
            (one_line(name), "title"),
            (f"  transcript of a {self.target.kind}", "dim"),
        ]
        if talk is None:
            parts.append(("  reading…", "dim"))
        elif talk.maybe_incomplete:
            parts.append(("  may be incomplete: earlier spans are not read yet", "warning"))
        return parts

    def _draw_facts(self) -> None:
        talk = self._talk
        if talk is None:
            return
        row = talk.row
        turns = f"{talk.turns:,} turn{'s' if talk.turns != 1 else ''}"
        if not talk.complete:
            turns = f"{turns}, {len(talk.read):,} of {len(talk.traces):,} traces read"
        pairs = [
            ("", turns),
            ("", human.local_time(row.get("start_ns"))),
            ("", human.duration(row.get("duration_ms"))),
            ("tokens ", human.tokens(row.get("input_tokens"), row.get("output_tokens"))),
            ("", human.money(row.get("cost_usd"))),
            ("thread ", one_line(row.get("thread_id"))),
        ]
        if self.target.kind == "trace":
            pairs.append(("trace ", one_line(row.get("trace_id"))))
        line: list[Part] = [(" ", None)]
        for name, value in pairs:
            if value and value != human.ABSENT:
                line += [(name, "dim"), (value, None), ("  ", None)]
        self.query_one("#facts", Bar).say(line)

    @on(AnnotatePanel.BlindChanged)
    @on(AnnotatePanel.LabelsChanged)
    def _on_blind_changed(self) -> None:
        talk = self._talk
        if talk is not None and talk.blind != self.panel.hides_identity and not self.is_asking("more"):
            talk.lay_out(self.panel.hides_identity)
            view = self.text_pane()
            view.replace(talk.same, view.block_count, talk.blocks[talk.same :])

    # Keys.

    def action_open(self) -> None:
        """Unfold the tool call or text under the cursor, else go to the trace of the turn."""
        block = self.text_pane().current
        if block is not None and block.fold is not None:
            self.text_pane().toggle_fold()
        else:
            self.action_transcript()

    def action_fold(self) -> None:
        """Fold or unfold the tool call or text under the cursor."""
        if not self.text_pane().toggle_fold():
            self.say("Nothing folds here.")

    def action_documents_next(self) -> None:
        """The trace of the turn under the cursor, at the next span with documents from there on."""
        self._open_tree(documents=True)

    def action_transcript(self) -> None:
        """The trace of the turn under the cursor, at the span it was read from."""
        self._open_tree()

    def _open_tree(self, *, documents: bool = False) -> None:
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
                documents=documents,
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
                documents=documents,
            )
        )

    def _follow_trace(self, place: Place) -> None:
        """Stand at the trace to which somebody walked from one of its turns."""
        talk = self._talk
        if talk is None:
            return
        for index, block in enumerate(talk.blocks):
            if isinstance(block.key, TurnKey) and block.key.trace_id == str(place.row["trace_id"]):
                self.text_pane().go_to_block(index)
                return

    def action_turn_next(self) -> None:
        """The next turn."""
        self._step(1, lambda block: block.style == "divider", "turn")

    def action_turn_previous(self) -> None:
        """The previous turn."""
        self._step(-1, lambda block: block.style == "divider", "turn")

    def action_error_next(self) -> None:
        """The next error."""
        self._step(1, lambda block: block.style == "error", "error")

    def action_error_previous(self) -> None:
        """The previous error."""
        self._step(-1, lambda block: block.style == "error", "error")

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
        block = self.text_pane().current
        return Copies(
            id=self.target.id,
            what=self.target.kind,
            text=block.text if block is not None else None,
            text_name="text",
            row=self._talk.row if self._talk is not None else None,
            command=self.context.invocation.show(self.target.id, transcript=True),
        )

    def text_for_programs(self) -> tuple[str, str]:
        """The whole conversation as far as it was read."""
        talk = self._talk
        if talk is None:
            return "transcript.txt", ""
        lines = []
        for block in talk.blocks:
            if block.style == "divider":
                lines.append(f"\n── {block.text}  {block.right}".rstrip())
            else:
                lines.append(block.text)
        return "transcript.txt", "\n".join(lines).strip("\n")

    def fetch_answer(self, token: CancelToken) -> str:
        """The last thing the assistant said."""
        talk = self._talk
        turns = transcript(talk.read) if talk is not None else ()
        return next((turn.text for turn in reversed(turns) if turn.role == "assistant"), "")
