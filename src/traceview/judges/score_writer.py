"""Scores of a code judge on their way into the label file, many rows in one transaction; what stands is not written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import partial

from traceview.judges.hashing import call_key
from traceview.judges.ledger.failures import FailureWriter
from traceview.judges.score_rows import reason_of_value, values_of, write_scores
from traceview.judges.standing import current_of
from traceview.model.judges import JudgeDefinition, Judgement
from traceview.model.labels import LabelRow, Target
from traceview.store.labels.store import LabelStore
from traceview.store.labels.writer import WriteTransaction

ROWS_AT_ONCE = 1_000
"""About so many rows are written in one transaction."""
AHEAD = 2
"""Transactions that wait for the writer while judging goes on."""


class ScoreWriter:
    """Writes what one judge said, some thousand rows at a time. `again`: rows of it may stand there already."""

    def __init__(self, labels: LabelStore, judge: JudgeDefinition, again: bool) -> None:
        self._labels = labels
        self._judge = judge
        self._again = again
        self._waiting: list[tuple[str, Judgement, str]] = []
        self._rows = 0
        self._futures: list[Future[int]] = []
        self._failures = FailureWriter(labels.path, judge)
        self.unchanged = 0

    def add(self, mark: int, judgement: Judgement) -> None:
        """Take up what came of a target. Raises Unsaved, BadInput where an earlier one could not be written."""
        self._failures.add(judgement)
        if judgement.outcome not in ("scored", "not_applicable"):
            return
        self._waiting.append((key_of(self._judge, judgement.target, mark), judgement, ""))
        self._rows += 1 + len(judgement.parts)
        if self._rows >= ROWS_AT_ONCE:
            self._write()

    def close(self) -> None:
        """Write what waits, and wait until all of it is written. Raises Unsaved, BadInput."""
        self._write()
        while self._futures:
            self.unchanged += self._futures.pop(0).result()
        self._failures.close()

    def _write(self) -> None:
        if not self._waiting:
            return
        job = partial(write_changed, judge=self._judge, judged=self._waiting, again=self._again)
        self._waiting, self._rows = [], 0
        self._futures.append(self._labels.transact(job))
        while len(self._futures) > AHEAD:
            self.unchanged += self._futures.pop(0).result()


def write_changed(
    transaction: WriteTransaction,
    judge: JudgeDefinition,
    judged: Sequence[tuple[str, Judgement, str]],
    again: bool,
) -> int:
    """Write what is not the current score already: version, values and reason; how many are and were left out."""
    changed = list(judged)
    if again:
        current = current_of(transaction, judge, [judgement.target for _, judgement, _ in judged])
        changed = [one for one in judged if not _stands(judge, one[1], current.get(one[1].target, {}))]
    write_scores(transaction, judge, changed)
    return len(judged) - len(changed)


def _stands(judge: JudgeDefinition, judgement: Judgement, current: Mapping[str, LabelRow]) -> bool:
    """Whether the current rows of a target say exactly what a judgement does."""
    for name, value in values_of(judge, judgement):
        row = current.get(name)
        told = (value, reason_of_value(judge, judgement, name, value), judge.hash)
        if row is None or (row.value, row.reason, row.definition_hash) != told:
            return False
    return True


def key_of(judge: JudgeDefinition, target: Target, mark: int) -> str:
    """What a score of this judge on this state of a target is made from; see `hashing.call_key`."""
    return call_key(judge.hash, target, f"{mark:016x}")
