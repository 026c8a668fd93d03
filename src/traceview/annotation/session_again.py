"""What a session asks again: what was labelled under an older wording, and what people labelled differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from traceview.annotation.service import Annotator
from traceview.annotation.splitting import Conflict, conflicts_of
from traceview.model.labels import LabelRow, Target
from traceview.model.sessions import Session
from traceview.store.labels.current import current_rows
from traceview.store.labels.sessions import rows_before, sessions
from traceview.store.labels.store import LabelStore

RE_REVIEW = "re-review"
CONFLICTS = "conflicts"


def reworded(annotator: Annotator, hashes: Mapping[str, str]) -> list[LabelRow]:
    """This annotator's values that were given under another wording than that of these hashes, by name."""
    own = annotator.store.current(source="human", annotator=annotator.name)
    return [row for row in own if row.name in hashes and row.definition_hash not in (None, hashes[row.name])]


def differing(store: LabelStore, names: Sequence[str]) -> tuple[list[Conflict], list[Conflict]]:
    """Where people differ under one of these names: what nobody has decided, and what a session over them has."""
    rules = {one.id: one.rule for one in sessions(store)}
    found = conflicts_of(store.current(source="human"), rules, names)
    return (
        [one for one in found if one.adjudicated is None],
        [one for one in found if one.adjudicated is not None],
    )


def contested_in(store: LabelStore, session: Session) -> dict[Target, tuple[str, ...]]:
    """What people differed on at each item of a session over conflicts when it began, and nobody had decided.

    By the rows of before: what is said since does not change what is asked.
    """
    rules = {one.id: one.rule for one in sessions(store)}
    before = current_rows(rows_before(store, session))
    found: dict[Target, list[str]] = {}
    for one in conflicts_of(before, rules, session.definitions.keys()):
        if one.adjudicated is None:
            found.setdefault(one.target, []).append(one.name)
    return {target: tuple(names) for target, names in found.items()}


def reasons_of_conflicts(conflicts: Sequence[Conflict]) -> dict[Target, str]:
    """Why each target is in a session over conflicts."""
    found: dict[Target, list[str]] = {}
    for one in conflicts:
        found.setdefault(one.target, []).append(f"{len(one.values)} people differ on {one.name}")
    return {target: f"{CONFLICTS} · {', '.join(said)}" for target, said in found.items()}
