"""What a tree shows: branches that are folded, and repeated siblings that stand in one line."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from traceview.model.span_rows import column
from traceview.model.tree import Tree
from traceview.model.tree_times import children

RUN_LEAST = 4
"""So many siblings of one name and kind in a row stand in one line."""
LOOP_LEAST = 5
"""So many rounds of a loop (a model call, a tool, a model call, ...) stand in one line: fewer are read one by one."""
LOOP_LONGEST = 4
"""Siblings in one round of a loop, at most."""


class Repeat(Struct, frozen=True):
    """Siblings that repeat: the positions from `start` to `stop` (with all below them) are `times` rounds.

    `members` are the siblings themselves, the first `period` of them one round.
    """

    start: int
    stop: int
    period: int
    times: int
    members: tuple[int, ...]


def find_repeats(tree: Tree, spans: Sequence[Mapping[str, Any]]) -> list[Repeat]:
    """Repeated siblings of a tree of span rows, by their start; linear in the spans."""
    known: dict[Hashable, int] = {}
    told = zip(*(column(spans, field) for field in ("name", "kind", "tool_name")), strict=True)
    numbers = [known.setdefault(key, len(known)) for key in told]
    keys = [numbers[row] for row in tree.rows]
    found: list[Repeat] = []
    parents = [-1] + [position for position, size in enumerate(tree.size) if size > RUN_LEAST]
    for parent in parents:
        siblings = children(tree, parent)
        if len(siblings) < RUN_LEAST:
            continue
        names = [keys[position] for position in siblings]
        if len(set(names)) == len(names):
            continue
        for first, period, times in repeated_runs(names):
            members = tuple(siblings[first : first + period * times])
            found.append(Repeat(members[0], members[-1] + tree.size[members[-1]], period, times, members))
    found.sort(key=lambda repeat: repeat.start)
    return found


def repeated_runs(keys: Sequence[int]) -> list[tuple[int, int, int]]:
    """Where a sequence repeats itself: (first index, length of one round, whole rounds), without overlaps."""
    best: dict[int, tuple[int, int, int]] = {}
    """By the index where it begins: length, length of a round, rounds."""
    for period in range(1, LOOP_LONGEST + 1):
        least = RUN_LEAST if period == 1 else LOOP_LEAST
        pairs = zip(keys, keys[period:], strict=False)
        after, same = -1, 0
        for index in reversed([at for at, (one, other) in enumerate(pairs) if one == other]):
            same = same + 1 if index + 1 == after else 1
            after = index
            times = 1 + same // period
            if times >= least and times * period > best.get(index, (0,))[0]:
                best[index] = (times * period, period, times)
    found = []
    over = 0
    for index in sorted(best):
        if index >= over:
            length, period, times = best[index]
            found.append((index, period, times))
            over = index + length
    return found


class Folds:
    """Which branches and repeats of a tree are folded, and the lines that are left.

    Every position is either in `lines` or inside the fold of exactly one line. Repeats are folded at first, branches
    are not. Nothing here depends on what is shown where.
    """

    def __init__(self, tree: Tree, repeats: Iterable[Repeat] = ()) -> None:
        self.tree = tree
        self.repeats = {repeat.start: repeat for repeat in repeats}
        self._member = {member: start for start, repeat in self.repeats.items() for member in repeat.members}
        self.branches: set[int] = set()
        self.closed: set[int] = set(self.repeats)
        self.lines: list[int] = []
        self._list()

    def repeat_at(self, position: int) -> Repeat | None:
        """The repeat that the line of a position stands for, None if it stands for its span."""
        return self.repeats[position] if position in self.closed else None

    def is_folded(self, position: int) -> bool:
        """True if the line of a position hides others."""
        return position in self.closed or position in self.branches

    def hidden(self, position: int) -> int:
        """Spans that the line of a position hides."""
        return self._stop(position) - position - 1

    def line_of(self, position: int) -> int:
        """The line that shows a position, or in whose fold it is."""
        return max(0, bisect_right(self.lines, position) - 1)

    def member_of(self, position: int) -> Repeat | None:
        """The repeat that a position is a sibling of, open or folded."""
        start = self._member.get(position)
        return self.repeats[start] if start is not None else None

    def toggle(self, position: int) -> int | None:
        """Fold or unfold the line of a position; a leaf folds the repeat it is in, else its parent.

        Returns the position whose line takes the cursor, None if there is nothing to fold.
        """
        if position in self.closed:
            self.closed.remove(position)
        elif self.tree.size[position] > 1:
            self.branches.symmetric_difference_update({position})
        else:
            repeat = self.member_of(position)
            if repeat is not None:
                position = repeat.start
                self.closed.add(position)
            else:
                position = self.tree.parent[position]
                if position < 0:
                    return None
                self.branches.add(position)
        self._list()
        return position

    def reveal(self, position: int) -> bool:
        """Unfold what hides a span itself; True if anything did."""
        hiding = self.branches.intersection(self.tree.ancestors(position))
        inside = self.closed.intersection(
            self._member[one] for one in (position, *self.tree.ancestors(position)) if one in self._member
        )
        if not hiding and not inside:
            return False
        self.branches -= hiding
        self.closed -= inside
        self._list()
        return True

    def fold_all(self) -> None:
        """Fold every repeat and every branch below the roots, so that the first two levels are left."""
        depth, size = self.tree.depth, self.tree.size
        self.branches = {
            position for position in range(len(self.tree)) if size[position] > 1 and depth[position]
        }
        self.closed = set(self.repeats)
        self._list()

    def unfold_all(self) -> None:
        """Unfold every branch and every repeat."""
        self.branches, self.closed = set(), set()
        self._list()

    def _stop(self, position: int) -> int:
        if position in self.closed:
            return self.repeats[position].stop
        return position + self.tree.size[position] if position in self.branches else position + 1

    def _list(self) -> None:
        self.lines = visible_lines(
            len(self.tree), {position: self._stop(position) for position in self.branches | self.closed}
        )


def visible_lines(count: int, stops: Mapping[int, int]) -> list[int]:
    """Positions that are shown of so many, if after each position of `stops` all up to its stop are hidden."""
    shown: list[int] = []
    at = 0
    for fold in sorted(stops):
        if fold < at:
            continue
        shown.extend(range(at, fold + 1))
        at = stops[fold]
    shown.extend(range(at, count))
    return shown
