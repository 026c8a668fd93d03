"""One annotator at work on one label store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from typing import Concatenate, ParamSpec, TypeVar

from msgspec import Struct

from traceview.annotation.values import parse_value, unknown_name, validate_value
from traceview.definitions.feedback import with_relevance
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput
from traceview.model.labels import RESERVED_NAMES, LabelRow, LabelValue, Op, ScoreSource, Target
from traceview.model.sessions import SessionPlace
from traceview.store.labels.ids import uuid7
from traceview.store.labels.rows import normal_target
from traceview.store.labels.sessions import note_label
from traceview.store.labels.store import LabelStore
from traceview.store.labels.writer import WriteTransaction

Given = ParamSpec("Given")
Done = TypeVar("Done")

NOT_REPEATED: tuple[str, ...] = ("note", "correction", "first_bad")
"""Names whose values belong to one target only."""


class Action(Struct, frozen=True):
    """One thing that was done and is undone as one.

    `rows` are the rows written. For undo and redo `affected` are the rows undone or redone, else it is `rows`.
    """

    op: Op
    rows: tuple[LabelRow, ...]
    affected: tuple[LabelRow, ...]

    @property
    def targets(self) -> tuple[Target, ...]:
        """What it was done to, each once."""
        return tuple(dict.fromkeys(row.target for row in self.rows))


def _appended(
    transaction: WriteTransaction, op: Op, rows: Sequence[LabelRow], place: SessionPlace | None = None
) -> Action:
    written = transaction.append(rows)
    note_label(transaction, place, written)
    return Action(op, written, written)


def _waiting(
    soon: Callable[Concatenate[Annotator, Given], Future[Done]],
) -> Callable[Concatenate[Annotator, Given], Done]:
    """The twin of a `..._soon` method that returns after COMMIT."""

    def wait(self: Annotator, /, *given: Given.args, **named: Given.kwargs) -> Done:
        return soon(self, *given, **named).result()

    wait.__name__ = soon.__name__.removesuffix("_soon")
    wait.__doc__ = soon.__doc__
    return wait


class Annotator:
    """Sets, clears, undoes. Each `..._soon` gives a Future, done after COMMIT, in order; its twin waits for it.

    Both check values first and raise BadInput at once; rows that could not be written raise Unsaved from the future
    (and from the method that waits for it). No `..._soon` method touches the disk: the screen's thread may call them.
    """

    def __init__(
        self,
        store: LabelStore,
        definitions: Sequence[FeedbackDefinition],
        annotator: str,
        *,
        source: ScoreSource = "human",
    ) -> None:
        self.store = store
        self.definitions: dict[str, FeedbackDefinition] = {}
        self.define(definitions)
        self.name = annotator
        self.source: ScoreSource = source

    def define(self, definitions: Sequence[FeedbackDefinition]) -> None:
        """Let these definitions hold from now on."""
        self.definitions = {definition.name: definition for definition in with_relevance(definitions)}

    def parse(self, name: str, text: str) -> LabelValue:
        """The value that a text means for a name. Raises BadInput, with the nearest name if none is defined so."""
        definition = self.definitions.get(name)
        if definition is None and name not in RESERVED_NAMES:
            raise unknown_name(name, tuple(self.definitions))
        return parse_value(name, definition, text)

    def set_value_soon(
        self,
        targets: Sequence[Target],
        name: str,
        value: LabelValue,
        *,
        reason: str | None = None,
        blind: bool = False,
        place: SessionPlace | None = None,
    ) -> Future[Action]:
        """Give a value to each target, as one action."""
        rows = self._rows(targets, name, value, reason=reason, blind=blind, place=place)
        return self.store.transact(lambda transaction: _appended(transaction, "set", rows, place))

    set_value = _waiting(set_value_soon)

    def set_values_soon(
        self,
        target: Target,
        values: Sequence[tuple[str, LabelValue]],
        *,
        reason: str | None = None,
        blind: bool = False,
        place: SessionPlace | None = None,
    ) -> Future[Action]:
        """Give several values to one target, as one action."""
        if not values:
            raise BadInput("no value to set")
        action_id = uuid7()
        rows = [
            row
            for name, value in values
            for row in self._rows(
                [target], name, value, reason=reason, blind=blind, place=place, action_id=action_id
            )
        ]
        return self.store.transact(lambda transaction: _appended(transaction, "set", rows, place))

    set_values = _waiting(set_values_soon)

    def clear_soon(
        self, targets: Sequence[Target], name: str, *, place: SessionPlace | None = None
    ) -> Future[Action | None]:
        """Take this annotator's value away from each target that has one; None if none had."""
        wanted = self._targets(targets)
        action_id = uuid7()

        def job(transaction: WriteTransaction) -> Action | None:
            had = [target for target in wanted if self._own(transaction, target, name)]
            if not had:
                return None
            rows = [self._row(target, name, None, "clear", action_id, place=place) for target in had]
            return _appended(transaction, "clear", rows, place)

        return self.store.transact(job)

    clear = _waiting(clear_soon)

    def note_soon(
        self, target: Target, text: str, *, blind: bool = False, place: SessionPlace | None = None
    ) -> Future[Action | None]:
        """This annotator's note on a target; an empty text clears it; None if that changes nothing."""
        return self._text_soon("note", target, text, blind, place)

    note = _waiting(note_soon)

    def correction_soon(
        self, target: Target, text: str, *, blind: bool = False, place: SessionPlace | None = None
    ) -> Future[Action | None]:
        """This annotator's corrected output; an empty text clears it; None if that changes nothing."""
        return self._text_soon("correction", target, text, blind, place)

    correction = _waiting(correction_soon)

    def undo_soon(self, only: str | None = None) -> Future[Action | None]:
        """Take back this annotator's own last action in this file; None if there is none.

        With the id of an action, None too if another one is last.
        """
        return self.store.transact(lambda transaction: self._reverse(transaction, "undo", only))

    undo = _waiting(undo_soon)

    def redo_soon(self, only: str | None = None) -> Future[Action | None]:
        """Bring back what was undone last, unless something was done since; None if there is nothing.

        With the id of an action, None too if another one was undone last.
        """
        return self.store.transact(lambda transaction: self._reverse(transaction, "redo", only))

    redo = _waiting(redo_soon)

    def repeat_last_soon(
        self,
        targets: Sequence[Target],
        names: Collection[str] | None = None,
        *,
        blind: bool = False,
        place: SessionPlace | None = None,
    ) -> Future[Action | None]:
        """Give the targets every value (of these names) that the other target has which this annotator labelled last.

        Notes, corrections and the first bad span are not repeated. None if there is nothing to repeat.
        """
        wanted = self._targets(targets)
        action_id = uuid7()

        def job(transaction: WriteTransaction) -> Action | None:
            last = transaction.last_target(self.source, self.name, wanted)
            given = [] if last is None else self._own(transaction, last)
            rows = [
                self._row(target, row.name, row.value, "set", action_id, blind=blind, place=place)
                for target in wanted
                for row in given
                if row.name not in NOT_REPEATED
                and (names is None or row.name in names)
                and self._fits(row, target)
            ]
            return _appended(transaction, "set", rows, place) if rows else None

        return self.store.transact(job)

    repeat_last = _waiting(repeat_last_soon)

    def revalue_soon(
        self,
        name: str,
        change: Callable[[LabelValue], LabelValue],
        among: Collection[Target] | None = None,
    ) -> Future[Action | None]:
        """Put what `change` makes of it in the place of each own value of a name (among some targets), as one action.

        Values that stay as they are get no row; None if all do.
        """
        wanted = None if among is None else {normal_target(target) for target in among}
        action_id = uuid7()

        def job(transaction: WriteTransaction) -> Action | None:
            condition = "name = ? AND source = ? AND annotator = ? ORDER BY created_at, id"
            found = transaction.rows(condition, (name, self.source, self.name), table="current")
            changed = [
                (row.target, change(row.value)) for row in found if wanted is None or row.target in wanted
            ]
            before = {row.target: row.value for row in found}
            rows = [
                self._row(target, name, self._validated(name, value, target), "set", action_id)
                for target, value in changed
                if value != before[target]
            ]
            return _appended(transaction, "set", rows) if rows else None

        return self.store.transact(job)

    def add_values_soon(
        self, targets: Sequence[Target], name: str, added: tuple[str, ...], *, blind: bool = False
    ) -> Future[Action | None]:
        """Add names to what each target has of a name with several values, as one action.

        A target that has them all gets no row; None if every one has.
        """
        wanted = self._targets(targets)
        action_id = uuid7()

        def job(transaction: WriteTransaction) -> Action | None:
            condition = "name = ? AND source = ? AND annotator = ? ORDER BY created_at, id"
            found = transaction.rows(condition, (name, self.source, self.name), table="current")
            before = {row.target: row.value if isinstance(row.value, tuple) else () for row in found}
            rows = [
                self._row(target, name, self._validated(name, value, target), "set", action_id, blind=blind)
                for target in wanted
                if (value := tuple(dict.fromkeys((*before.get(target, ()), *added)))) != before.get(target)
            ]
            return _appended(transaction, "set", rows) if rows else None

        return self.store.transact(job)

    def current(self, target: Target) -> tuple[LabelRow, ...]:
        """Every current row of a target, of all sources and annotators."""
        return self.store.current([target])

    def own(self, target: Target) -> dict[str, LabelRow]:
        """This annotator's own current rows of a target, by name."""
        rows = self.store.current([target], source=self.source, annotator=self.name)
        return {row.name: row for row in rows}

    def history(self, target: Target) -> tuple[LabelRow, ...]:
        """Every row of a target in order of time."""
        return self.store.history(target)

    def _text_soon(
        self, name: str, target: Target, text: str, blind: bool, place: SessionPlace | None
    ) -> Future[Action | None]:
        text = text.strip("\n")
        if not text.strip():
            return self.clear_soon([target], name, place=place)
        rows = self._rows([target], name, text, blind=blind, place=place)

        def job(transaction: WriteTransaction) -> Action | None:
            if any(row.value == text for row in self._own(transaction, rows[0].target, name)):
                return None
            return _appended(transaction, "set", rows, place)

        return self.store.transact(job)

    def _reverse(self, transaction: WriteTransaction, op: Op, only: str | None) -> Action | None:
        """Undo the last action that stands, or redo the last one undone, if it is the only one that may be."""
        find: Callable[[ScoreSource, str], list[LabelRow]]
        find = transaction.last_action if op == "undo" else transaction.last_undo
        found = find(self.source, self.name)
        if not found:
            return None
        action_id = uuid7()
        affected = found if op == "undo" else transaction.rows_by_id([row.ref for row in found if row.ref])
        if only is not None and any(row.action_id != only for row in affected):
            return None
        rows = [self._row(row.target, row.name, None, op, action_id, ref=row.id) for row in affected]
        return Action(op, transaction.append(rows), tuple(affected))

    def _own(self, transaction: WriteTransaction, target: Target, name: str | None = None) -> list[LabelRow]:
        rows = transaction.current_of(target, self.source, self.name)
        return [row for row in rows if name is None or row.name == name]

    def _fits(self, row: LabelRow, target: Target) -> bool:
        """True if the value may be given to the target under today's definitions."""
        try:
            self._validated(row.name, row.value, target)
        except BadInput:
            return False
        return True

    def _validated(self, name: str, value: LabelValue, target: Target) -> LabelValue:
        definition = self.definitions.get(name)
        if definition is None and name not in RESERVED_NAMES:
            raise unknown_name(name, tuple(self.definitions))
        return validate_value(name, definition, value, target.scope)

    def _targets(self, targets: Sequence[Target]) -> list[Target]:
        wanted = list(dict.fromkeys(normal_target(target) for target in targets))
        if not wanted:
            raise BadInput("nothing to label")
        return wanted

    def _rows(
        self,
        targets: Sequence[Target],
        name: str,
        value: LabelValue,
        *,
        reason: str | None = None,
        blind: bool = False,
        place: SessionPlace | None = None,
        action_id: str | None = None,
    ) -> list[LabelRow]:
        action_id = action_id or uuid7()
        return [
            self._row(
                target,
                name,
                self._validated(name, value, target),
                "set",
                action_id,
                reason=reason,
                blind=blind,
                place=place,
            )
            for target in self._targets(targets)
        ]

    def _row(
        self,
        target: Target,
        name: str,
        value: LabelValue,
        op: Op,
        action_id: str,
        *,
        ref: str | None = None,
        reason: str | None = None,
        blind: bool = False,
        place: SessionPlace | None = None,
    ) -> LabelRow:
        definition = self.definitions.get(name)
        return LabelRow(
            id="",
            target=target,
            name=name,
            value=value,
            source=self.source,
            annotator=self.name,
            created_at="",
            op=op,
            ref=ref,
            reason=reason,
            blind=blind,
            session=place.session if place is not None else None,
            definition_hash=definition.hash if definition is not None and op == "set" else None,
            action_id=action_id,
        )
