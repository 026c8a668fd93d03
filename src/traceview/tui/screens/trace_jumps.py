"""Keys that go through a trace: errors, the slowest, the costliest, documents; what is measured; folding."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from traceview.model.span_rows import column
from traceview.store.interface import CancelToken
from traceview.text import human
from traceview.tui.screens.trace_search import TraceSearching
from traceview.tui.widgets.span_facts import SpanFacts
from traceview.tui.widgets.span_lines import Measure

Row = dict[str, Any]

MEASURE_SENTENCES: dict[Measure, str] = {
    "wall": "Wall clock: from the start of a span to its end.",
    "self": "Self time: a span's own, in which none of its children ran.",
    "path": "Critical path: » is what the end of the trace waited for, and how long for each.",
}
DOCUMENT_SPANS = 512
"""Payloads that are looked at with one question for documents."""
SAME_SPANS = 1_024
"""Payloads that are compared with one question."""
SAME_KINDS = ("tool", "retriever", "embedding", "reranker")
"""Kinds of spans that are the same call if name and input are the same."""
CALL_FIELDS = ("kind", "name", "tool_name")
"""What calls have in common that may be the same."""
SAME_SECONDS = 0.4
"""Reading begins so long after a trace is shown, so that looking at it comes first."""


class TraceJumps(TraceSearching):
    """Jumps in the tree; each says in the status line where it went."""

    _opens_documents = False
    """The span that is gone to next opens with its documents."""
    _jumped: tuple[Sequence[int], int] = ((), 0)
    """The ranking of the last jump, and how far down it went."""

    def section_to_open(self) -> str | None:
        """The documents if they were asked for."""
        return "Documents" if self._opens_documents else super().section_to_open()

    def follow(self) -> None:
        """Documents that were asked for are shown once."""
        super().follow()
        self._opens_documents = False

    # Errors.

    def action_error_next(self) -> None:
        """The next error."""
        self._go_to_error(1, "No error further down.")

    def action_error_previous(self) -> None:
        """The previous error."""
        self._go_to_error(-1, "No error further up.")

    def show_first_error(self) -> None:
        """Go to the first failing span, if one failed."""
        errors = self.tree_pane.facts.errors
        if errors:
            self.tree_pane.go_to_position(errors[0])
            self._say_error()

    def _go_to_error(self, step: int, none: str) -> None:
        tree = self.tree_pane
        if tree.move_to_error(step):
            self._say_error()
        else:
            self.say(none if tree.facts.errors else "No span of this trace failed.")

    def _say_error(self) -> None:
        tree = self.tree_pane
        position, errors = tree.position or 0, tree.facts.errors
        number = errors.index(position) + 1
        message = tree.facts.error(position, not self.panel.hides_identity)
        self.say(f"error {number:,} of {len(errors):,}: {message}")

    # The slowest and the costliest.

    def action_slowest(self) -> None:
        """The span that took most time of its own; again: the one after it."""
        facts = self.tree_pane.facts
        rank = self._go_down(facts.slowest)
        if rank is None:
            self.say("No span of this trace says how long it took.")
            return
        own = facts.times.self_ns[facts.slowest[rank]]
        whole = facts.times.end_ns - facts.times.start_ns
        said = f"{_nth(rank, 'slowest')} of {len(facts):,}: {human.duration(own / 1e6)} of its own"
        self.say(f"{said}, {_share(own, whole)} of the trace")

    def action_costliest(self) -> None:
        """The span that costs most itself; again: the one after it."""
        facts = self.tree_pane.facts
        rank = self._go_down(facts.costliest)
        if rank is None:
            self.say("No span of this trace says what it cost.")
            return
        own = facts.usage.own_cost[facts.costliest[rank]] or 0.0
        whole = sum(cost for cost in facts.usage.own_cost if cost)
        said = (
            f"{_nth(rank, 'costliest')} of {len(facts.costliest):,} that cost something: {human.money(own)}"
        )
        self.say(f"{said}, {_share(own, whole)} of {human.money(whole)}")

    def _go_down(self, ranked: Sequence[int]) -> int | None:
        """Go to the first of a ranking, or on from where its last jump went; the rank, None if there is none."""
        if not ranked:
            return None
        ranking, rank = self._jumped
        stands = ranking is ranked and ranked[rank] == self.tree_pane.position
        rank = (rank + 1) % len(ranked) if stands else 0
        self._jumped = (ranked, rank)
        self.tree_pane.go_to_position(ranked[rank])
        return rank

    # Documents.

    def action_documents_next(self) -> None:
        """The next span with documents, which the detail shows."""
        facts, here = self.tree_pane.facts, self.tree_pane.position
        if here is None:
            return
        if self._opens_documents:
            # Just opened for its documents: the span it was opened at may have some itself.
            here -= 1
        order = [*range(here + 1, len(facts)), *range(here + 1)]
        self.say("Looking for documents…")
        self.ask(
            "documents", partial(self._find_documents, facts, order), partial(self._documents_found, facts)
        )

    def _find_documents(
        self, facts: SpanFacts, order: Sequence[int], token: CancelToken
    ) -> tuple[int, int] | None:
        """The first of these positions whose span has documents, and how many; called in a worker."""
        for start in range(0, len(order), DOCUMENT_SPANS):
            token.check()
            some = order[start : start + DOCUMENT_SPANS]
            payloads = self.context.engine.payloads(facts.passing(some), token)
            for position, payload in zip(some, payloads, strict=False):
                if payload.documents:
                    return position, len(payload.documents)
        return None

    def _documents_found(self, facts: SpanFacts, found: tuple[int, int] | None) -> None:
        if facts is not self.tree_pane.facts:
            return
        if found is None:
            self._opens_documents = False
            self.say("No span of this trace has documents.")
            return
        position, count = found
        self._opens_documents = True
        self.tree_pane.go_to_position(position)
        self.follow()
        name = facts.name(position, not self.panel.hides_identity)
        self.say(f"{count:,} document{'s' if count != 1 else ''} of {name}")

    # Calls that are the same.

    def find_same(self) -> None:
        """Mark the calls whose name and input an earlier one has, once the trace has been looked at.

        Calls without any time are left alone: nothing says which of them came first.
        """
        facts = self._item_facts
        self._compare(facts, _calls_of_one_name(facts), {}, {}, SAME_SECONDS)

    def _compare(
        self,
        facts: SpanFacts,
        left: Sequence[int],
        first: dict[tuple[Any, ...], int],
        same: dict[int, int],
        delay: float,
    ) -> None:
        if not left:
            return

        def read(token: CancelToken) -> list[tuple[int, tuple[Any, ...]]]:
            some = left[:SAME_SPANS]
            rows = facts.passing(some)
            payloads = self.context.engine.payloads(rows, token)
            return [
                (at, (*_call_of(row), hash(text)))
                for at, row, payload in zip(some, rows, payloads, strict=True)
                if (text := payload.input or payload.input_text)
            ]

        def compare(calls: list[tuple[int, tuple[Any, ...]]]) -> None:
            if facts is not self.tree_pane.facts:
                return
            before = len(same)
            for position, call in calls:
                earlier = first.setdefault(call, position)
                if earlier != position:
                    same[position] = earlier
            if len(same) > before:
                self.tree_pane.mark_same(same)
            self._compare(facts, left[SAME_SPANS:], first, same, 0.0)

        # A payload that cannot be read is said by the detail; nothing is known to be the same then.
        self.ask("same", read, compare, failed=lambda error: None, delay=delay)

    # What is worked out once the trace has been looked at.

    def find_path(self) -> None:
        """Have the critical path ready before it is asked for."""
        facts = self._item_facts
        self.ask("path", lambda token: facts.find_path(), lambda found: None, delay=SAME_SECONDS)

    # What is shown.

    def action_measure(self) -> None:
        """Wall clock, self time, critical path."""
        self.say(MEASURE_SENTENCES[self.tree_pane.next_measure()])

    def action_fold_all(self) -> None:
        """Fold everything below the first two levels."""
        self.tree_pane.fold_all()
        self._say_lines()

    def action_unfold_all(self) -> None:
        """Unfold everything."""
        self.tree_pane.unfold_all()
        self._say_lines()

    def _say_lines(self) -> None:
        tree = self.tree_pane
        self.say(f"{tree.line_count:,} of {len(tree.facts):,} spans shown")


def _calls_of_one_name(facts: SpanFacts) -> list[int]:
    """Positions of the calls that have a time, and the name of another one."""
    fields = (*CALL_FIELDS, "duplicate_of", "start_ns", "end_ns")
    told = zip(facts.tree.position, *(column(facts.rows, name) for name in fields), strict=True)
    named: dict[tuple[Any, ...], list[int]] = {}
    for position, kind, name, tool, same, start, end in told:
        if kind in SAME_KINDS and not same and (start is not None or end is not None):
            named.setdefault((kind, name, tool), []).append(position)
    return sorted(position for positions in named.values() if len(positions) > 1 for position in positions)


def _call_of(row: Row) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in CALL_FIELDS)


def _nth(rank: int, word: str) -> str:
    """`slowest`, `2nd slowest`, `3rd slowest`, `11th slowest`."""
    if not rank:
        return word
    number = rank + 1
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending} {word}"


def _share(part: float, whole: float) -> str:
    """A share as a percentage; no digits it does not have."""
    share = 100 * part / whole if whole else 0.0
    if 0 < share < 0.95:
        return f"{share:.1g} %" if share >= 0.05 else "<0.1 %"
    return f"{share:.0f} %"
