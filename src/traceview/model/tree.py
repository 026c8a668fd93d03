"""The spans of a trace as a tree in pre-order arrays: folding is a jump by subtree size."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct

from traceview.model.span_rows import column


class Tree(Struct, frozen=True):
    """Spans in pre-order. Every list is indexed by position (0 is the first line of the unfolded tree).

    `rows` holds the index of the span row at each position, `depth` its level (roots are 0), `size` the
    spans of its subtree with itself, `parent` the position of its parent or -1. `orphans` are roots whose
    parent is not in the trace, `cycles` roots where a ring of parents was cut. `position` is the inverse
    of `rows`.
    """

    rows: list[int]
    depth: list[int]
    size: list[int]
    parent: list[int]
    position: list[int]
    orphans: frozenset[int]
    cycles: frozenset[int]

    def __len__(self) -> int:
        return len(self.rows)

    def is_last(self, position: int) -> bool:
        """True if no sibling follows; roots count as siblings of each other."""
        parent = self.parent[position]
        end = len(self.rows) if parent < 0 else parent + self.size[parent]
        return position + self.size[position] == end

    def ancestors(self, position: int) -> list[int]:
        """Positions from the root down to the parent."""
        above = []
        parent = self.parent[position]
        while parent >= 0:
            above.append(parent)
            parent = self.parent[parent]
        above.reverse()
        return above

    def visible(self, folded: Collection[int]) -> list[int]:
        """Positions that are shown when the subtrees of these positions are folded."""
        if not folded:
            return list(range(len(self.rows)))
        shown: list[int] = []
        position = 0
        for fold in sorted(folded):
            if fold < position:
                continue
            shown.extend(range(position, fold + 1))
            position = fold + self.size[fold]
        shown.extend(range(position, len(self.rows)))
        return shown


def build_tree(spans: Sequence[Mapping[str, Any]]) -> Tree:
    """Arrange span rows (`span_id`, `parent_id`, `start_ns`) into a tree, siblings by start time.

    Every row appears exactly once, whatever the rows say: a span without its parent becomes a root
    (orphan), a ring of parents is cut at its earliest span (cycle), and of several spans with one id the
    first takes the children.
    """
    count = len(spans)
    first: dict[str, int] = dict(
        zip(reversed(column(spans, "span_id")), range(count - 1, -1, -1), strict=True)
    )
    above = column(spans, "parent_id")
    parents = [first.get(parent_id, -1) if parent_id else -1 for parent_id in above]
    orphan_rows = {index for index, parent in enumerate(parents) if parent < 0 and above[index]}
    by_time = _by_start(column(spans, "start_ns"))
    order = _pre_order(parents, by_time)
    cycle_rows: set[int] = set()
    if len(order) < count:
        cycle_rows = _cut_cycles(parents, by_time, reached=set(order))
        order = _pre_order(parents, by_time)
    positions = [0] * count
    for position, row in enumerate(order):
        positions[row] = position
    # -1 stands at the end for the parent that a root has not.
    positions.append(-1)
    parent_positions = [positions[parents[row]] for row in order]
    positions.pop()
    depth = [0] * count
    for position, parent in enumerate(parent_positions):
        if parent >= 0:
            depth[position] = depth[parent] + 1
    size = [1] * count
    for position in range(count - 1, -1, -1):
        parent = parent_positions[position]
        if parent >= 0:
            size[parent] += size[position]
    return Tree(
        rows=order,
        depth=depth,
        size=size,
        parent=parent_positions,
        position=positions,
        orphans=frozenset(positions[row] for row in orphan_rows),
        cycles=frozenset(positions[row] for row in cycle_rows),
    )


def _by_start(starts: Sequence[int | None]) -> list[int]:
    """Row indexes by start time; rows without a time last, equal times in the order given."""
    latest = max((start for start in starts if start is not None), default=0) + 1
    keys = [latest if start is None else start for start in starts]
    return sorted(range(len(starts)), key=keys.__getitem__)


def _pre_order(parents: Sequence[int], by_time: Sequence[int]) -> list[int]:
    """Rows in pre-order, of everything that hangs from a root."""
    children: dict[int, list[int]] = {}
    for row in reversed(by_time):
        below = children.get(parents[row])
        if below is None:
            children[parents[row]] = [row]
        else:
            below.append(row)
    order: list[int] = []
    stack = children.get(-1, [])
    while stack:
        row = stack.pop()
        order.append(row)
        below = children.get(row)
        if below is not None:
            stack += below
    return order


def _cut_cycles(parents: list[int], by_time: Sequence[int], reached: set[int]) -> set[int]:
    """Make the earliest span of every ring a root, in place; return those rows."""
    rank = {row: number for number, row in enumerate(by_time)}
    settled = set(reached)
    cut: set[int] = set()
    for start in by_time:
        path: list[int] = []
        on_path: set[int] = set()
        row = start
        while row >= 0 and row not in settled and row not in on_path:
            path.append(row)
            on_path.add(row)
            row = parents[row]
        if row >= 0 and row in on_path:
            ring = path[path.index(row) :]
            earliest = min(ring, key=rank.__getitem__)
            parents[earliest] = -1
            cut.add(earliest)
        settled.update(path)
    return cut
