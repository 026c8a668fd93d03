"""One annotator at work on one label store."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from traceview.model.definitions import FeedbackDefinition
from traceview.model.labels import LabelRow, LabelValue, Op, ScoreSource, Target
from traceview.store.labels.store import LabelStore


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that was done and is undone as one.

    `rows` are the rows written. For undo and redo `affected` are the rows undone or redone, else it is `rows`.
    """

    op: Op
    rows: tuple[LabelRow, ...]
    affected: tuple[LabelRow, ...]


class Annotator:
    """Sets, clears, undoes. Every method has a twin `..._soon` that gives a Future, done after COMMIT, and keeps the order.

    Validation raises BadInput at once, in both; a row that could not be written raises Unsaved from the future.
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
        self.definitions = {definition.name: definition for definition in definitions}
        self.name = annotator
        self.source: ScoreSource = source

    def set_value_soon(
        self,
        targets: Sequence[Target],
        name: str,
        value: LabelValue,
        *,
        reason: str | None = None,
        blind: bool = False,
        session: str | None = None,
    ) -> Future[Action]:
        """Give a value to each target, as one action."""
        raise NotImplementedError

    def set_value(
        self,
        targets: Sequence[Target],
        name: str,
        value: LabelValue,
        *,
        reason: str | None = None,
        blind: bool = False,
        session: str | None = None,
    ) -> Action:
        """Give a value to each target, as one action; returns after COMMIT."""
        raise NotImplementedError

    def clear_soon(self, targets: Sequence[Target], name: str) -> Future[Action | None]:
        """Take the value away from each target that has one; None if none had."""
        raise NotImplementedError

    def clear(self, targets: Sequence[Target], name: str) -> Action | None:
        """Take the value away from each target that has one; None if none had."""
        raise NotImplementedError

    def note_soon(self, target: Target, text: str, *, session: str | None = None) -> Future[Action | None]:
        """This annotator's note on a target; an empty text clears it."""
        raise NotImplementedError

    def note(self, target: Target, text: str, *, session: str | None = None) -> Action | None:
        """This annotator's note on a target; an empty text clears it."""
        raise NotImplementedError

    def correction_soon(
        self, target: Target, text: str, *, session: str | None = None
    ) -> Future[Action | None]:
        """This annotator's corrected output of a target; an empty text clears it."""
        raise NotImplementedError

    def correction(self, target: Target, text: str, *, session: str | None = None) -> Action | None:
        """This annotator's corrected output of a target; an empty text clears it."""
        raise NotImplementedError

    def undo_soon(self) -> Future[Action | None]:
        """Take back this annotator's own last action in this file; None if there is none."""
        raise NotImplementedError

    def undo(self) -> Action | None:
        """Take back this annotator's own last action in this file; None if there is none."""
        raise NotImplementedError

    def redo_soon(self) -> Future[Action | None]:
        """Bring back what was undone last, unless something was done since; None if there is nothing."""
        raise NotImplementedError

    def redo(self) -> Action | None:
        """Bring back what was undone last, unless something was done since; None if there is nothing."""
        raise NotImplementedError

    def repeat_last_soon(
        self, targets: Sequence[Target], *, session: str | None = None
    ) -> Future[Action | None]:
        """Give the targets every value that this annotator's last labelled other target has; None if there is none."""
        raise NotImplementedError

    def repeat_last(self, targets: Sequence[Target], *, session: str | None = None) -> Action | None:
        """Give the targets every value that this annotator's last labelled other target has; None if there is none."""
        raise NotImplementedError

    def current(self, target: Target) -> tuple[LabelRow, ...]:
        """Every current row of a target, of all sources and annotators."""
        return self.store.current([target])

    def history(self, target: Target) -> tuple[LabelRow, ...]:
        """Every row of a target in order of time."""
        return self.store.history(target)
