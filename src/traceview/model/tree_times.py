"""When the spans of a tree ran: the time that is their own, the path that decides the end, clocks that disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from traceview.model.span_rows import column
from traceview.model.tree import Tree

SKEW_NS = 1_000_000
"""A child may lie this far outside its parent before that is said: writers round to milliseconds."""

Interval = tuple[int, int]


class TreeTimes(Struct, frozen=True):
    """Times of a tree, every list indexed by its positions, nanoseconds since the epoch.

    `interval` is None for a span without a start. A span without an end ends with the last of those below it; one
    that ends before it starts is a point at its start. `self_ns` is the time in which no child ran. `start_ns` and
    `end_ns` are those of the whole (0 and 0 if no span has a start).
    """

    interval: list[Interval | None]
    self_ns: list[int]
    start_ns: int
    end_ns: int
    untimed: frozenset[int]
    endless: frozenset[int]
    backwards: frozenset[int]
    early: dict[int, int]
    """Nanoseconds by which a span starts before its parent does, or after it ended (then negative)."""
    late: dict[int, int]
    """Nanoseconds by which a span ends after its parent does."""

    def length(self, position: int) -> int:
        """Nanoseconds from start to end, 0 without times."""
        interval = self.interval[position]
        return interval[1] - interval[0] if interval is not None else 0

    def own_intervals(self, tree: Tree, position: int) -> list[Interval]:
        """The pieces of a span's time in which none of its children ran, in order."""
        own = self.interval[position]
        if own is None:
            return []
        at, end = own
        pieces = []
        for child in children(tree, position):
            below = self.interval[child]
            if below is None:
                continue
            if below[0] > at:
                pieces.append((at, min(below[0], end)))
            at = max(at, below[1])
            if at >= end:
                break
        if at < end:
            pieces.append((at, end))
        return [piece for piece in pieces if piece[0] < piece[1]]


class Step(Struct, frozen=True):
    """A stretch of time in which the end waited for this span itself, not for one below it."""

    position: int
    start_ns: int
    end_ns: int


def children(tree: Tree, position: int) -> list[int]:
    """Positions of the children of a span, or of the roots for -1, in order."""
    at = position + 1
    end = len(tree) if position < 0 else position + tree.size[position]
    found = []
    while at < end:
        found.append(at)
        at += tree.size[at]
    return found


def tree_times(tree: Tree, spans: Sequence[Mapping[str, Any]]) -> TreeTimes:
    """Work out the times of a tree of span rows (`start_ns`, `end_ns`); linear in the spans."""
    interval, untimed, endless, backwards = _intervals(tree, spans)
    early: dict[int, int] = {}
    late: dict[int, int] = {}
    own = [0 if one is None else one[1] - one[0] for one in interval]
    covered = [0 if one is None else one[0] for one in interval]
    for position, (one, above) in enumerate(zip(interval, tree.parent, strict=True)):
        around = interval[above] if above >= 0 else None
        if one is None or around is None:
            continue
        start, end = one
        since, until = around
        if since - start > SKEW_NS:
            early[position] = since - start
        elif start - until > SKEW_NS:
            early[position] = until - start
        if end - until > SKEW_NS:
            late[position] = end - until
        # Siblings stand in order of their start, so one mark per parent says how far its time is taken.
        taken = covered[above]
        start, end = start if start > taken else taken, end if end < until else until
        if end > start:
            own[above] -= end - start
            covered[above] = end
    timed = [one for one in interval if one is not None]
    return TreeTimes(
        interval,
        own,
        min((start for start, _ in timed), default=0),
        max((end for _, end in timed), default=0),
        frozenset(untimed),
        frozenset(endless),
        frozenset(backwards),
        early,
        late,
    )


def _intervals(
    tree: Tree, spans: Sequence[Mapping[str, Any]]
) -> tuple[list[Interval | None], list[int], list[int], list[int]]:
    """By position when a span ran, and the positions of those without a start, without an end, that end too early."""
    starts, ends = column(spans, "start_ns"), column(spans, "end_ns")
    told = [(starts[row], ends[row]) for row in tree.rows]
    untimed: list[int] = []
    endless: list[int] = []
    backwards: list[int] = []
    if all(start is not None and end is not None and start <= end for start, end in told):
        return list(told), untimed, endless, backwards
    interval: list[Interval | None] = [None] * len(told)
    last_below: list[int | None] = [None] * len(told)
    for position in range(len(told) - 1, -1, -1):
        start, end = told[position]
        last = last_below[position]
        if start is None:
            untimed.append(position)
        else:
            if end is None:
                endless.append(position)
                end = start if last is None else max(start, last)
            elif end < start:
                backwards.append(position)
                end = start
            interval[position] = (start, end)
            last = end if last is None else max(last, end)
        above = tree.parent[position]
        if above >= 0 and last is not None:
            so_far = last_below[above]
            last_below[above] = last if so_far is None else max(so_far, last)
    return interval, untimed, endless, backwards


def critical_path(tree: Tree, times: TreeTimes) -> list[Step]:
    """What the end of the trace waited for, in order of time.

    From the end of a span one walks back over the child that ends last before the point reached, on to that child's
    start, and so on to the span's own start; each child is walked in the same way. A child that outlives its parent
    counts up to the parent's end. The steps do not overlap; they fill the time of a single root exactly, and between
    several roots, which are walked as the children of one, nobody is waited for.
    """
    steps: list[Step] = []
    stack = [_Walk(tree, times, -1, times.start_ns, times.end_ns)]
    while stack:
        walk = stack[-1]
        found = walk.next_child()
        upto = walk.point
        since = walk.start if found is None else found[2]
        if walk.position >= 0 and since < upto:
            steps.append(Step(walk.position, since, upto))
        if found is None:
            stack.pop()
            continue
        child, walk.point, _ = found
        if tree.size[child] == 1:
            steps.append(Step(child, walk.point, since))
        else:
            stack.append(_Walk(tree, times, child, walk.point, since))
    steps.reverse()
    return steps


class _Walk:
    """One span that is walked back from `point` to its start."""

    __slots__ = ("_next", "_order", "point", "position", "start")

    def __init__(self, tree: Tree, times: TreeTimes, position: int, start: int, end: int) -> None:
        self.position = position
        self.start = start
        self.point = end
        windows = []
        for child in children(tree, position):
            interval = times.interval[child]
            if interval is not None:
                since, until = max(interval[0], start), min(interval[1], end)
                if since < until:
                    windows.append((-until, since, child))
        self._order = sorted(windows)
        self._next = 0

    def next_child(self) -> tuple[int, int, int] | None:
        """The child that ends last before the point, with its start and end within this span."""
        while self._next < len(self._order):
            until, since, child = self._order[self._next]
            self._next += 1
            if -until <= self.point:
                return child, since, -until
        return None
