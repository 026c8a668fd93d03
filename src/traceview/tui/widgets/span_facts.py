"""What is known of the spans of one trace before any is drawn: built once, in a worker. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

from traceview.model.span_rows import SpanRows
from traceview.model.tree import build_tree
from traceview.model.tree_folds import Repeat, find_repeats
from traceview.model.tree_times import Interval, critical_path, tree_times
from traceview.model.tree_usage import tree_usage
from traceview.text import human
from traceview.text.safe import safe_line

Row = dict[str, Any]


class SpanFacts:
    """The tree of some span rows with its times, usage, repeats, errors and critical path, all by position.

    Linear in the spans; nothing of it changes afterwards, so it may be built in any thread. The critical path is
    worked out when it is first asked for, or by `find_path`.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows = SpanRows.of(rows)
        self.tree = build_tree(rows)
        self.times = tree_times(self.tree, rows)
        self.usage = tree_usage(self.tree, rows)
        self.repeats = find_repeats(self.tree, rows)
        self.errors = self._leaf_errors()
        """Positions of failed spans without a failing child, in order."""
        ids = rows.column("span_id")
        # Of several spans with one id the first counts.
        self._position: dict[str, int] = dict(zip(reversed(ids), reversed(self.tree.position), strict=True))
        self._own: dict[int, list[Interval]] = {}

    def __len__(self) -> int:
        return len(self.tree)

    def row(self, position: int) -> Row:
        """The span row at a position of the tree."""
        return self.rows[self.tree.rows[position]]

    def passing(self, positions: Iterable[int]) -> list[Row]:
        """The span rows at many positions, for one look at each."""
        return self.rows.passing(self.tree.rows[position] for position in positions)

    def value(self, position: int, name: str) -> Any:
        """One field of the span at a position of the tree."""
        return self.rows.value(self.tree.rows[position], name)

    def position_of(self, span_id: str) -> int | None:
        """Where a span stands, None if the trace has none of that id."""
        return self._position.get(span_id)

    def is_root(self, position: int) -> bool:
        """True for a span without a parent; one whose parent is missing is none."""
        tree = self.tree
        return tree.parent[position] < 0 and position not in tree.orphans and position not in tree.cycles

    def name(self, position: int, with_model: bool = True) -> str:
        """A span's name, safe to draw; without its model, which many tools write into the name."""
        name = safe_line(str(self.value(position, "name") or "(no name)"))
        return self._hidden(name, position, with_model)

    def error(self, position: int, with_model: bool = True) -> str:
        """What a failed span says of its error on one line: type and message, as far as there are any."""
        told = [self.value(position, field) for field in ("error_type", "error_message")]
        said = ": ".join(str(text) for text in told if text)[:400]
        return self._hidden(safe_line(said) or "error", position, with_model)

    def _hidden(self, text: str, position: int, with_model: bool) -> str:
        model = "" if with_model else str(self.value(position, "model") or "")
        return text.replace(model, "…") if model else text

    def has_failed(self, positions: Iterable[int]) -> bool:
        """True if any of these spans failed."""
        return any(self.value(position, "status") == "error" for position in positions)

    def errors_between(self, start: int, stop: int) -> int:
        """How many leaf errors stand from a position up to another."""
        return bisect_left(self.errors, stop) - bisect_left(self.errors, start)

    @cached_property
    def _steps(self) -> dict[int, list[Interval]]:
        """The critical path: when the end of the trace waited for each span."""
        found: dict[int, list[Interval]] = {}
        for step in critical_path(self.tree, self.times):
            found.setdefault(step.position, []).append((step.start_ns, step.end_ns))
        return found

    @cached_property
    def _waited(self) -> list[int]:
        waited = [0] * len(self.tree)
        for position, steps in self._steps.items():
            waited[position] = sum(end - start for start, end in steps)
        return [0, *accumulate(waited)]

    def find_path(self) -> None:
        """Work the critical path out ahead of its first use: some ten milliseconds for many spans."""
        _ = self._waited

    def path_between(self, start: int, stop: int) -> int:
        """Nanoseconds that the end of the trace waited for the spans from a position up to another."""
        return self._waited[stop] - self._waited[start]

    def steps_between(self, start: int, stop: int) -> list[Interval]:
        """When it did."""
        if len(self._steps) < stop - start:
            return [one for at, steps in self._steps.items() if start <= at < stop for one in steps]
        return [one for at in range(start, stop) for one in self._steps.get(at, ())]

    def own_intervals(self, positions: Iterable[int]) -> list[Interval]:
        """When these spans ran and none of their children did."""
        found: list[Interval] = []
        for position in positions:
            own = self._own.get(position)
            if own is None:
                own = self._own[position] = self.times.own_intervals(self.tree, position)
            found += own
        return found

    def first_token(self, position: int, repeat: Repeat | None = None) -> int | None:
        """When the first token of a model call came, None if that is not known, or for several."""
        interval, waited = self.times.interval[position], self.value(position, "ttft_ms")
        if repeat is not None or interval is None or waited is None or waited < 0:
            return None
        at = interval[0] + int(waited * 1e6)
        return at if at <= interval[1] else None

    def oddities(self, position: int) -> list[str]:
        """What is wrong with a span's place or times, in words."""
        tree, times = self.tree, self.times
        said = []
        if position in tree.orphans:
            said.append("parent missing")
        if position in tree.cycles:
            said.append("parents in a ring")
        if position in times.untimed:
            said.append("no times")
        if position in times.endless:
            said.append("no end")
        if position in times.backwards:
            said.append("ends before it starts")
        early, late = times.early.get(position), times.late.get(position)
        if early is not None and early > 0:
            said.append(f"starts {human.duration(early / 1e6)} before its parent")
        elif early is not None:
            said.append(f"starts {human.duration(-early / 1e6)} after its parent ended")
        elif late is not None:
            said.append(f"ends {human.duration(late / 1e6)} after its parent")
        if (early is not None or late is not None) and (other := self._other_service(position)):
            said[-1] += f", in another service ({other})"
        return said

    def _other_service(self, position: int) -> str | None:
        """The service of a span whose parent ran in another one: their clocks may differ."""
        above = self.tree.parent[position]
        if above < 0:
            return None
        own, around = self.value(position, "service"), self.value(above, "service")
        return safe_line(str(own)) if own and around and own != around else None

    def _skews(self) -> list[str]:
        """How far the clocks of services differ at least, where spans start before the parent that called them."""
        found: dict[tuple[str, str], int] = {}
        for position, early in self.times.early.items():
            if early > 0 and (own := self._other_service(position)):
                pair = (safe_line(str(self.value(self.tree.parent[position], "service"))), own)
                found[pair] = max(found.get(pair, 0), early)
        return [
            f"the clock of {own} is at least {human.duration(ns / 1e6)} behind that of {around}"
            for (around, own), ns in sorted(found.items())
        ]

    def warnings(self) -> list[str]:
        """What is wrong with the trace as a whole, one sentence for each kind, none if nothing is."""
        tree, times = self.tree, self.times
        outside = len(times.early.keys() | times.late.keys())
        counted = (
            (len(tree.orphans), "{} whose parent is missing"),
            (self._in_rings(), "{} in a ring of parents"),
            (len(times.untimed), "{} without times"),
            (len(times.backwards), "{} that end before they start"),
            (len(times.endless), "{} without an end"),
            (outside, "{} outside the time of their parent"),
        )
        said: list[str] = []
        for count, words in counted:
            if count:
                said.append(
                    words.format(f"{count:,}" if said else f"{count:,} span{'s' if count != 1 else ''}")
                )
        return said + self._skews()

    @cached_property
    def slowest(self) -> list[int]:
        """Positions of the spans that took time of their own, the slowest first."""
        own = self.times.self_ns
        return sorted((at for at, ns in enumerate(own) if ns > 0), key=lambda at: -own[at])

    @cached_property
    def costliest(self) -> list[int]:
        """Positions of the spans that cost something themselves, the costliest first."""
        own = {at: cost for at, cost in enumerate(self.usage.own_cost) if cost}
        return sorted(own, key=lambda at: -own[at])

    def _in_rings(self) -> int:
        """Spans that are their own ancestors, by what the rows say."""
        count = 0
        for cut in self.tree.cycles:
            parent = self._position.get(self.value(cut, "parent_id"))
            while parent is not None and parent >= 0:
                count += 1
                parent = self.tree.parent[parent] if parent != cut else -1
        return count

    def _leaf_errors(self) -> list[int]:
        place = self.tree.position
        leaves = self.rows.column("leaf_error")
        if any(leaf is not None for leaf in leaves):
            return sorted(place[row] for row, leaf in enumerate(leaves) if leaf)
        failing = sorted(
            place[row] for row, status in enumerate(self.rows.column("status")) if status == "error"
        )
        above = {self.tree.parent[position] for position in failing}
        return [position for position in failing if position not in above]
