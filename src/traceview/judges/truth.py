"""What people say of a target, as one value: the adjudicated one, else that of the most."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from msgspec import Struct

from traceview.annotation.splitting import conflicts_of
from traceview.model.labels import LabelRow, LabelValue, Target


class Truth(Struct, frozen=True):
    """What people say of one target under one name.

    `value` is None where as many say one thing as another and nobody has decided: a tie. `rows` are all their rows.
    """

    value: LabelValue
    rows: tuple[LabelRow, ...]
    adjudicated: bool = False

    @property
    def tied(self) -> bool:
        """Whether people are split and nobody has decided."""
        return self.value is None

    @property
    def blind(self) -> bool:
        """Whether all who said it had seen nobody's verdict before."""
        return all(row.blind for row in self.rows if row.value == self.value)


def truths_of(rows: Iterable[LabelRow], rules: Mapping[str, str]) -> dict[Target, Truth]:
    """The truth of every target of people's current rows under one name.

    `rules` maps the id of each session to its rule: a row given in a session of conflicts, or as a ruling, decides,
    the newest of several. Otherwise what most say; "does not apply" is a value like others.
    """
    given: dict[Target, list[LabelRow]] = defaultdict(list)
    for row in rows:
        if row.source == "human":
            given[row.target].append(row)
    every = [row for of_target in given.values() for row in of_target]
    decided = {one.target: one.adjudicated for one in conflicts_of(every, rules)}
    found = {}
    for target, of_target in given.items():
        ruling = decided.get(target)
        value = ruling.value if ruling is not None else _of_most(of_target)
        found[target] = Truth(value, tuple(of_target), ruling is not None)
    return found


def _of_most(rows: Iterable[LabelRow]) -> LabelValue:
    """The value that more say than any other; None if none is."""
    # True is not 1 here
    counts = Counter((isinstance(row.value, bool), row.value) for row in rows)
    (first, most), *others = counts.most_common(2)
    return None if others and others[0][1] == most else first[1]
