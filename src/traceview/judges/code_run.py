"""Code judges over a source: what a filter and a sampling choose is judged in child processes, and written as labels.

Memory does not grow with the source: of every trace that is wanted the index keeps 24 bytes in a table while a run is
on, and its span rows stand in a file of the cache. What has a score of this judge for this state of the trace already
is not read again, so a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import IO

from traceview.definitions.project import Project
from traceview.filters import parse
from traceview.filters.ast import Node, all_of
from traceview.judges.asked import AskedParts, marked
from traceview.judges.code_worker import FUNCTION, columns_of, may_hang, needs_turns
from traceview.judges.hashing import call_key, is_sampled
from traceview.judges.ledger.failures import FailureWriter
from traceview.judges.own.judging import OwnJudging, is_own, needs_of_own, own_checks
from traceview.judges.own.patience import Patience
from traceview.judges.own.process import SECONDS
from traceview.judges.own.scanned import FUNCTION as SCANNED
from traceview.judges.own.scanned import OwnWork, can_scan
from traceview.judges.own.scanned import columns_of as own_columns
from traceview.judges.report import RunReport
from traceview.judges.score_rows import reason_of_value, row_id, values_of, write_scores
from traceview.judges.standing import current_of, has_rows, standing
from traceview.model.errors import Cancelled
from traceview.model.judges import JudgeDefinition, Judgement
from traceview.model.labels import LabelRow, Target
from traceview.store.interface import CancelToken, Engine, ListQuery
from traceview.store.labels.store import LabelStore
from traceview.store.labels.writer import WriteTransaction
from traceview.store.scan import Scan, ScanColumns, Unit
from traceview.store.targets import LEVELS

ROWS_AT_ONCE = 1_000
"""About so many rows are written in one transaction."""
AHEAD = 2
"""Transactions that wait for the writer while judging goes on."""

Tell = Callable[[float, Sequence[RunReport]], object]
"""Told how far a run is (0..1) and what came of it so far."""


def run_code_judges(
    engine: Engine,
    labels: LabelStore,
    judges: Sequence[JudgeDefinition],
    *,
    project: Project | None = None,
    where: Node | None = None,
    limit: int | None = None,
    token: CancelToken | None = None,
    tell: Tell | None = None,
    workers: int | None = None,
    errors: IO[bytes] | int | None = None,
    check_seconds: float = SECONDS,
) -> list[RunReport]:
    """Run judges of kind `code` and write their scores; a report for each, in their order.

    `project` is asked for by checks of its own, whose prints go to `errors` (None: to stderr), and which have
    `check_seconds` for an item: a judge whose check hangs is stopped (`stopped_by` is `checks`). `where` is a filter
    beside those of the judges, `limit` the most targets of each, the newest first. Cancelling keeps what was judged so
    far and says so in `stopped_by`. Raises BadInput, NotReady, Unsaved, TraceviewError.
    """
    token = token or CancelToken()

    def told(done: float) -> None:
        if tell is not None:
            tell(done, reports)

    reports = [RunReport.of(judge) for judge in judges]
    began = time.monotonic()
    own = [any(is_own(check) for check in judge.checks) for judge in judges]
    if any(own) and project is None:
        raise ValueError("checks of a project's own need the project")
    # judges that read the same are run together
    groups: dict[object, list[int]] = {}
    for place, judge in enumerate(judges):
        groups.setdefault(place if own[place] or judge.asked else judge.scope, []).append(place)
    # those that others say parts of come last: by then they may have
    for places in sorted(groups.values(), key=lambda places: bool(judges[places[0]].asked)):
        run = _Run(labels, [judges[place] for place in places], [reports[place] for place in places], limit)
        try:
            if own[places[0]]:
                assert project is not None
                judge = judges[places[0]]
                checks = own_checks(judge, project)
                needs = needs_of_own(judge, checks)
                if can_scan(judge, needs):
                    with inherited(errors) as descriptor:
                        work = OwnWork(judge, tuple(checks), needs, check_seconds, descriptor)
                        run.go_scanned(engine, work, where, token, told, workers)
                else:
                    judging = OwnJudging(engine, judge, project, workers, check_seconds, errors)
                    run.go_own(engine, judging, where, token, told)
            else:
                run.go(engine, where, token, told, workers)
        except Cancelled:
            for report in reports:
                report.stopped_by = "cancel"
            break
        finally:
            for place in places:
                report = reports[place]
                report.seconds = time.monotonic() - began
                report.left += max(0, report.planned - report.judged)
    return reports


class _Run:
    """Judges of one scope over a source."""

    def __init__(
        self,
        labels: LabelStore,
        judges: Sequence[JudgeDefinition],
        reports: Sequence[RunReport],
        limit: int | None,
    ) -> None:
        self._judges = judges
        self._reports = reports
        self._picking = Picking(labels, judges, reports, limit)
        known = self._picking.known
        self._writers = [
            ScoreWriter(labels, judge, again) for judge, again in zip(judges, known, strict=True)
        ]
        self._asked = [AskedParts(labels, judge) if judge.asked else None for judge in judges]

    def _take(self, number: int, mark: int, judgement: Judgement) -> None:
        """Count a judgement, and have it written."""
        asked = self._asked[number]
        if asked is not None:
            said = asked.said([judgement.target]).get(judgement.target, {})
            judgement, mark = asked.whole(judgement, said), marked(mark, said)
            if judgement.outcome == "skipped":
                self._reports[number].message = judgement.explanation
        self._reports[number].count(self._judges[number], judgement)
        self._writers[number].add(mark, judgement)

    def go(
        self,
        engine: Engine,
        where: Node | None,
        token: CancelToken,
        tell: Callable[[float], object],
        workers: int | None,
    ) -> None:
        """Judge everything with built-in checks. Raises Cancelled once what was judged is written."""
        scan = Scan(
            LEVELS[self._judges[0].scope],
            tuple(filter_of(judge, where) for judge in self._judges),
            FUNCTION,
            columns_of(self._judges),
            tuple(self._judges),
            turns=needs_turns(self._judges),
            apart=may_hang(self._judges),
            newest_first=self._picking.limited,
            pick=self._picking.pick,
        )
        scanning = engine.scan(scan, token, workers)
        try:
            for done, results in scanning.results(token):
                for result in results:
                    for number, mark, judgement in result.value:
                        self._take(number, mark, judgement)
                tell(done / scanning.spans)
        finally:
            scanning.close()
            self._close()

    def go_scanned(
        self,
        engine: Engine,
        work: OwnWork,
        where: Node | None,
        token: CancelToken,
        tell: Callable[[float], object],
        workers: int | None,
    ) -> None:
        """Judge everything with checks of the project's own in the processes that read. Raises Cancelled, BadInput."""
        (judge,), (report,) = self._judges, self._reports
        scan = Scan(
            LEVELS[judge.scope],
            (filter_of(judge, where),),
            SCANNED,
            own_columns(work.needs),
            work,
            whole=True,
            newest_first=self._picking.limited,
            # what a trace is judged by is the same as where conversations are read
            turns=True,
            descriptors=(work.errors,) if work.errors >= 0 else (),
            pick=self._picking.pick,
        )
        scanning = engine.scan(scan, token, workers)
        try:
            for done, results in scanning.results(token):
                for result in results:
                    for _, mark, judgement in result.value.judged:
                        self._take(0, mark, judgement)
                    if result.value.unusable is not None:
                        raise result.value.unusable
                    if result.value.lost is not None:
                        report.stopped_by, report.message = "checks", result.value.lost
                        return
                tell(done / scanning.spans)
        finally:
            scanning.close()
            self._close()

    def go_own(
        self,
        engine: Engine,
        judging: OwnJudging,
        where: Node | None,
        token: CancelToken,
        tell: Callable[[float], object],
    ) -> None:
        """Judge everything with a judge that has checks of the project's own. Raises Cancelled, BadInput."""
        (judge,), (report,) = self._judges, self._reports
        node = filter_of(judge, where)
        patience, total = Patience(), 0
        scan = Scan(
            LEVELS[judge.scope], (node,), "", ScanColumns(()), turns=True, newest_first=self._picking.limited
        )
        try:
            total = engine.totals(ListQuery(scan.level, node), token).count
            for batch in engine.units(scan, token):
                picked = self._picking.pick(batch)
                marks = {
                    target_of(judge, unit): unit.mark
                    for unit, mask in zip(batch, picked, strict=True)
                    if mask
                }
                for judgement in judging.judge(list(marks), token):
                    self._take(0, marks[judgement.target], judgement)
                    done = report.already_done + report.judged + report.skipped.total()
                    tell(done / max(1, total))
                    if (why := patience.lost_with(judgement)) is not None:
                        report.stopped_by, report.message = "checks", why
                        return
        finally:
            # what was not come to: known here alone, where items are chosen as the run goes on
            beyond = max(0, total - report.already_done - report.skipped.total() - report.planned)
            report.left = self._picking.most(beyond, report)
            judging.close()
            self._close()

    def _close(self) -> None:
        for writer, report in zip(self._writers, self._reports, strict=True):
            writer.close()
            report.unchanged = writer.unchanged


@contextlib.contextmanager
def inherited(errors: IO[bytes] | int | None) -> Iterator[int]:
    """A descriptor for what checks print that child processes may keep open; DEVNULL stays what it is."""
    if errors == subprocess.DEVNULL:
        yield subprocess.DEVNULL
        return
    descriptor = os.dup(2 if errors is None else errors if isinstance(errors, int) else errors.fileno())
    try:
        yield descriptor
    finally:
        os.close(descriptor)


class Picking:
    """Which units of a scan are still to be judged, by which judges. Counts what is not."""

    def __init__(
        self,
        labels: LabelStore,
        judges: Sequence[JudgeDefinition],
        reports: Sequence[RunReport],
        limit: int | None,
    ) -> None:
        self._labels = labels
        self._judges = judges
        self._reports = reports
        self._limit = limit
        with labels.reading() as connection:
            self.known = [has_rows(connection, judge) for judge in judges]

    @property
    def limited(self) -> bool:
        """Whether there is a most."""
        return self._limit is not None

    def most(self, beyond: int, report: RunReport) -> int:
        """Of so many units that were not looked at, how many the limit leaves."""
        return beyond if self._limit is None else min(beyond, max(0, self._limit - report.planned))

    def pick(self, units: Sequence[Unit]) -> list[int]:
        """The bits of the judges that each is wanted for."""
        masks = [0] * len(units)
        for number, judge in enumerate(self._judges):
            for place in self._wanted(number, judge, units):
                masks[place] |= 1 << number
        return masks

    def _wanted(self, number: int, judge: JudgeDefinition, units: Sequence[Unit]) -> Iterator[int]:
        report, bit = self._reports[number], 1 << number
        matching = [(place, target_of(judge, unit)) for place, unit in enumerate(units) if unit.matches & bit]
        if judge.rate < 1:
            kept = [
                (place, target) for place, target in matching if is_sampled(judge.name, target, judge.rate)
            ]
            report.skipped["not_sampled"] += len(matching) - len(kept)
            matching = kept
        done: dict[Target, list[str]] = {}
        if self.known[number] and matching:
            with self._labels.reading() as connection:
                done = standing(connection, judge, [target for _, target in matching])
        said = {}
        if judge.asked and done:
            said = AskedParts(self._labels, judge).said(list(done))
        for place, target in matching:
            if self._limit is not None and report.planned >= self._limit:
                return
            mark = marked(units[place].mark, said.get(target, {}))
            if is_done(judge, target, mark, done.get(target, [])):
                report.already_done += 1
                continue
            report.planned += 1
            yield place


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


def is_done(judge: JudgeDefinition, target: Target, mark: int, stands: Sequence[str]) -> bool:
    """Whether the newest row of a target (`stands` are their ids, the newest last) is of this state of it."""
    if not stands:
        return False
    key = key_of(judge, target, mark)
    return any(stands[-1] == row_id(key, judge.name, judge.metric, again) for again in range(len(stands)))


def target_of(judge: JudgeDefinition, unit: Unit) -> Target:
    """What a judge's score of a unit is on."""
    return Target(judge.scope, unit.id, unit.trace_id)


def filter_of(judge: JudgeDefinition, where: Node | None) -> Node | None:
    """The filter of a judge and another one. Raises FilterError."""
    return all_of(parse(judge.where) if judge.where else None, where)
