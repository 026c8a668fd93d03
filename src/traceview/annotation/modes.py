"""Failure modes: named groups of what went wrong, counted, renamed and merged; rows are only ever added."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future

from msgspec import Struct

from traceview.analysis.intervals import wilson
from traceview.annotation.service import Action, Annotator
from traceview.definitions.modes import FailureMode
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, LabelValue, Target, TargetKind
from traceview.text.human import counted

MODE = "mode"
LONGEST_NAME = 80


class ModeFigures(Struct, frozen=True):
    """One failure mode: the items that have it, newest first, of `reviewed` items that a person has looked at.

    `first_seen` and `last_seen` are RFC 3339 in UTC. `notes` are by target, each annotator's own.
    """

    mode: FailureMode
    targets: tuple[Target, ...]
    reviewed: int
    annotators: tuple[str, ...]
    first_seen: str | None
    last_seen: str | None
    notes: Mapping[Target, tuple[str, ...]]

    @property
    def count(self) -> int:
        """How many items have it."""
        return len(self.targets)

    @property
    def rate(self) -> float | None:
        """Its share of the items that were looked at; None if none was."""
        return self.count / self.reviewed if self.reviewed else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % Wilson interval of `rate`."""
        return wilson(self.count, self.reviewed)


def mode_figures(
    current: Iterable[LabelRow],
    known: Mapping[str, FailureMode] | None = None,
    kind: TargetKind | None = None,
) -> tuple[ModeFigures, ...]:
    """The failure modes that people gave, the most frequent first, from current rows of any kind.

    `known` are those of the project: they are there with a count of 0 too. An item was looked at if a person gave
    it any value or note; with `kind` only items of that kind count.
    """
    rows = [row for row in current if row.source == "human" and kind in (None, row.target.kind)]
    reviewed = len({row.target for row in rows})
    notes: dict[Target, list[str]] = {}
    given: dict[str, list[LabelRow]] = {name: [] for name in known or ()}
    for row in rows:
        if row.name == "note":
            notes.setdefault(row.target, []).append(str(row.value))
        elif row.name == MODE:
            for name in names_of(row.value):
                given.setdefault(name, []).append(row)
    return tuple(
        sorted(
            (_figures(name, found, reviewed, notes, known or {}) for name, found in given.items()),
            key=lambda one: (-one.count, one.mode.name.casefold()),
        )
    )


def names_of(value: LabelValue) -> tuple[str, ...]:
    """The failure modes of a row's value."""
    return value if isinstance(value, tuple) else (value,) if isinstance(value, str) and value else ()


def checked_mode(name: str) -> str:
    """The name of a mode with single blanks. Raises BadInput for one that cannot be a name."""
    name = " ".join(name.split())
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        raise BadInput(f"a failure mode's name has 1 to {LONGEST_NAME} printable characters")
    return name


def toggle_mode(modes: Sequence[str], name: str) -> tuple[str, ...]:
    """The modes with this one added at the end, or taken out."""
    return tuple(one for one in modes if one != name) if name in modes else (*modes, name)


def rename_soon(
    annotator: Annotator, names: Collection[str], new: str, among: Collection[Target] | None = None
) -> Future[Action | None]:
    """Call some modes by another name wherever this annotator gave them, or among some items, as one action.

    A name that is there already takes the others up (a merge); `among` is for splitting. None if no item of this
    annotator's has any. Others' rows stay theirs. Raises BadInput for a bad name.
    """
    new = checked_mode(new)
    old = {name for name in names if name != new}

    def renamed(value: LabelValue) -> LabelValue:
        return tuple(dict.fromkeys(new if name in old else name for name in names_of(value)))

    return annotator.revalue_soon(MODE, renamed, among)


def modes_before(current: Iterable[LabelRow], moment: str) -> list[str]:
    """The failure modes of current rows that were given before a moment (RFC 3339 in UTC)."""
    return [
        name
        for row in current
        if row.name == MODE and row.created_at < moment
        for name in names_of(row.value)
    ]


def since_new_mode(history: Iterable[LabelRow]) -> int:
    """How many items people looked at since one brought a failure mode for the first time, from all rows in order.

    Names that take the place of others on an item (renamed, merged, split) are not brought by it.
    """
    seen: set[str] = set()
    since: set[Target] = set()
    given: dict[tuple[Target, str], tuple[str, ...]] = {}
    for row in history:
        if row.source != "human":
            continue
        names: tuple[str, ...] = ()
        if row.name == MODE:
            names = names_of(row.value) if row.op == "set" else ()
            before = given.get((row.target, row.annotator), ())
            given[row.target, row.annotator] = names
            if not set(before) <= set(names):
                seen.update(names)
                continue
        if not seen.issuperset(names):
            seen.update(names)
            since.clear()
        elif row.op == "set":
            since.add(row.target)
    return len(since)


def new_mode_words(since: int) -> str:
    """For how many items nobody has named a new mode, in words."""
    if not since:
        return "the last item brought a new one"
    return f"no new one in the last {counted(since, 'item')}"


def _figures(
    name: str,
    rows: Sequence[LabelRow],
    reviewed: int,
    notes: Mapping[Target, list[str]],
    known: Mapping[str, FailureMode],
) -> ModeFigures:
    newest_first = sorted(rows, key=lambda row: (row.created_at, row.id), reverse=True)
    targets = tuple(dict.fromkeys(row.target for row in newest_first))
    return ModeFigures(
        mode=known.get(name) or FailureMode(name),
        targets=targets,
        reviewed=reviewed,
        annotators=tuple(sorted({row.annotator for row in rows})),
        first_seen=newest_first[-1].created_at if rows else None,
        last_seen=newest_first[0].created_at if rows else None,
        notes={target: tuple(notes[target]) for target in targets if target in notes},
    )
