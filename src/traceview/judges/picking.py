"""Which items of a source a run of code judges still has to judge: those that match, are sampled, and are not done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from traceview.judges.asked import AskedParts, marked
from traceview.judges.hashing import is_sampled
from traceview.judges.report import RunReport
from traceview.judges.score_rows import row_id
from traceview.judges.score_writer import key_of
from traceview.judges.standing import has_rows, standing
from traceview.model.judges import JudgeDefinition
from traceview.model.labels import Target
from traceview.store.labels.store import LabelStore
from traceview.store.scan import Unit


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


def is_done(judge: JudgeDefinition, target: Target, mark: int, stands: Sequence[str]) -> bool:
    """Whether the newest row of a target (`stands` are their ids, the newest last) is of this state of it."""
    if not stands:
        return False
    key = key_of(judge, target, mark)
    return any(stands[-1] == row_id(key, judge.name, judge.metric, again) for again in range(len(stands)))


def target_of(judge: JudgeDefinition, unit: Unit) -> Target:
    """What a judge's score of a unit is on."""
    return Target(judge.scope, unit.id, unit.trace_id)
