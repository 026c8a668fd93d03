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
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from traceview.definitions.project import Project
from traceview.filters import parse
from traceview.filters.ast import Node, all_of
from traceview.judges.asked import AskedParts, marked
from traceview.judges.code_worker import FUNCTION, columns_of, may_hang, needs_turns
from traceview.judges.own.judging import OwnJudging, is_own, needs_of_own, own_checks
from traceview.judges.own.patience import Patience
from traceview.judges.own.process import SECONDS
from traceview.judges.own.scanned import FUNCTION as SCANNED
from traceview.judges.own.scanned import OwnWork, can_scan
from traceview.judges.own.scanned import columns_of as own_columns
from traceview.judges.picking import Picking, target_of
from traceview.judges.report import RunReport
from traceview.judges.score_writer import ScoreWriter
from traceview.model.errors import Cancelled
from traceview.model.judges import JudgeDefinition, Judgement
from traceview.store.interface import CancelToken, Engine, ListQuery
from traceview.store.labels.store import LabelStore
from traceview.store.scan import Scan, ScanColumns
from traceview.store.targets import LEVELS

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
        self._asked = AskedParts(labels, judges[0]) if judges[0].asked else None

    def _take(self, number: int, mark: int, judgement: Judgement) -> None:
        """Count a judgement, and have it written."""
        self._reports[number].count(self._judges[number], judgement)
        self._writers[number].add(mark, judgement)

    def _take_all(self, judged: Sequence[tuple[int, int, Judgement]]) -> None:
        """Count judgements, each with the number of its judge and its mark, and have them written."""
        if self._asked is None:
            for number, mark, judgement in judged:
                self._take(number, mark, judgement)
            return
        # a judge that asks others runs alone
        said = self._asked.said([judgement.target for _, _, judgement in judged])
        for number, mark, judgement in judged:
            told = said.get(judgement.target, {})
            whole = self._asked.whole(judgement, told)
            if whole.outcome == "skipped":
                self._reports[number].message = whole.explanation
            self._take(number, marked(mark, told), whole)

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
                self._take_all([judged for result in results for judged in result.value])
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
                    self._take_all(result.value.judged)
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
                    self._take_all([(0, marks[judgement.target], judgement)])
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


def filter_of(judge: JudgeDefinition, where: Node | None) -> Node | None:
    """The filter of a judge and another one. Raises FilterError."""
    return all_of(parse(judge.where) if judge.where else None, where)
