"""A check tried while it is typed: what it finds in all traces of a filter, beside people's labels.

Nothing is written. The texts stay in the child processes between two tries, so that only the check is run again.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from msgspec import Struct, field

from traceview.filters.ast import Node
from traceview.judges.code_run import filter_of
from traceview.judges.code_worker import FUNCTION, Checking, columns_of, may_hang, needs_turns
from traceview.judges.evidence import rules_of
from traceview.judges.own.judging import is_own
from traceview.judges.truth import truths_of
from traceview.model.errors import BadInput
from traceview.model.judges import JudgeDefinition, Judgement
from traceview.model.labels import LabelValue, Target
from traceview.store.interface import CancelToken, Engine, Level
from traceview.store.labels.store import LabelStore
from traceview.store.scan import Scan, Scanning
from traceview.store.targets import LEVELS

KEPT = 1_000
"""So many items of a cell are kept, the newest; how many there are is counted."""
KEEP_BYTES = 48_000_000
"""Of texts, in each child process."""
TELL_SECONDS = 0.15


class Hit(Struct, frozen=True):
    """One target that was judged; `no` grows with its time."""

    no: int
    judgement: Judgement
    truth: str


class Cell(Struct):
    """Targets of which people and the check say the same two things."""

    count: int = 0
    hits: list[Hit] = field(default_factory=list)

    def add(self, hit: Hit) -> None:
        """Count a target, and keep it if it is among the newest."""
        self.count += 1
        self.hits.append(hit)
        if len(self.hits) > 2 * KEPT:
            self.trim()

    def trim(self) -> None:
        """The newest first, and no more than are kept."""
        self.hits.sort(key=lambda one: -one.no)
        del self.hits[KEPT:]


Key = tuple[str, str]
"""What people say (`pass`, `fail`, `n/a`, `tied`, or empty: nothing) and what the check says (`error` too)."""


class LiveResult(Struct):
    """What a check found so far in `done` of `spans` spans."""

    cells: dict[Key, Cell] = field(default_factory=dict)
    done: int = 0
    spans: int = 0
    seconds: float = 0.0

    def copy(self) -> LiveResult:
        """What is known now; the original may go on growing."""
        cells = {key: Cell(cell.count, list(cell.hits)) for key, cell in self.cells.items()}
        return LiveResult(cells, self.done, self.spans, self.seconds)

    @property
    def complete(self) -> bool:
        """Whether everything was judged."""
        return self.done >= self.spans

    def count(self, truth: str | None, said: str | None) -> int:
        """Targets by what people say and what the check says; None: whatever."""
        return sum(
            cell.count
            for (people, check), cell in self.cells.items()
            if truth in (None, people) and said in (None, check)
        )

    def hits(self, truth: str | None, said: str | None) -> list[Hit]:
        """The newest of them."""
        found = [
            hit
            for (people, check), cell in self.cells.items()
            if truth in (None, people) and said in (None, check)
            for hit in cell.hits
        ]
        return sorted(found, key=lambda one: -one.no)[:KEPT]


class LiveCheck:
    """Tries checks on a source, one after the other, until it is closed. Each try cancels nothing: its token does."""

    def __init__(self, engine: Engine, labels: LabelStore | None) -> None:
        self._engine = engine
        self._labels = labels
        self._lock = threading.Lock()
        self._closed = False
        self._scanning: Scanning | None = None
        self._key: object = None
        self._truths: tuple[object, dict[Target, str]] | None = None

    def run(
        self,
        judge: JudgeDefinition,
        where: Node | None,
        token: CancelToken,
        tell: Callable[[LiveResult], object],
    ) -> LiveResult:
        """Try a judge on everything that matches; `tell` gets what is known now and then.

        Raises Cancelled, NotReady, and BadInput for options that no check takes or a check of the project's own.
        """
        if any(is_own(check) for check in judge.checks):
            raise BadInput(
                "checks in Python are not tried while they are typed", hint="save it, then run the judge"
            )
        if judge.asked:
            raise BadInput(
                "parts that other judges say are not tried while they are typed",
                hint="save it, then run the judge",
            )
        # what is wrong with the options is said here, not by a child
        Checking((judge,))
        with self._lock:
            if self._closed:
                token.cancel()
            token.check()
            truths = self._truth(judge)
            scanning = self._scan(judge, where, token)
            began = told = time.monotonic()
            found = LiveResult(spans=scanning.spans)
            for done, results in scanning.results(token, (judge,)):
                for result in results:
                    for one in result.value:
                        _add(found, result.no, judge, one.judgement, truths)
                found.done, now = done, time.monotonic()
                if now - told >= TELL_SECONDS:
                    told, found.seconds = now, now - began
                    tell(found)
            found.seconds = time.monotonic() - began
            return found

    def close(self) -> None:
        """End the child processes, once a try that runs has ended: cancel it first."""
        self._closed = True
        with self._lock:
            if self._scanning is not None:
                self._scanning.close()
                self._scanning = None

    def _scan(self, judge: JudgeDefinition, where: Node | None, token: CancelToken) -> Scanning:
        """The scan for a judge: the one at hand if it reads the same."""
        columns, turns = columns_of([judge]), needs_turns([judge])
        level: Level = LEVELS[judge.scope]
        node = filter_of(judge, where)
        key = (level, node, columns, turns, may_hang([judge]), self._engine.status().content)
        if self._scanning is not None and key == self._key:
            return self._scanning
        if self._scanning is not None:
            self._scanning.close()
            self._scanning = None
        scan = Scan(
            level,
            (node,),
            FUNCTION,
            columns,
            (judge,),
            turns=turns,
            apart=may_hang([judge]),
            newest_first=True,
            keep_bytes=KEEP_BYTES,
        )
        self._scanning, self._key = self._engine.scan(scan, token), key
        return self._scanning

    def _truth(self, judge: JudgeDefinition) -> dict[Target, str]:
        """What people say of each target under the judge's metric, in words."""
        if self._labels is None:
            return {}
        key = (judge.metric, judge.scope, self._labels.last_seq())
        if self._truths is None or self._truths[0] != key:
            rows = self._labels.current(name=judge.metric, source="human")
            rows = tuple(row for row in rows if row.target.kind == judge.scope)
            truths = truths_of(rows, rules_of(self._labels, rows))
            told = {
                target: "tied" if truth.tied else word(judge, truth.value) for target, truth in truths.items()
            }
            self._truths = (key, told)
        return self._truths[1]


def word(judge: JudgeDefinition, value: LabelValue) -> str:
    """A value as a cell is called."""
    passes = judge.score.passes(value)
    return "n/a" if passes is None else "pass" if passes else "fail"


def _add(
    found: LiveResult, no: int, judge: JudgeDefinition, judgement: Judgement, truths: dict[Target, str]
) -> None:
    said = "error" if judgement.outcome == "error" else word(judge, judgement.value)
    truth = truths.get(judgement.target, "")
    found.cells.setdefault((truth, said), Cell()).add(Hit(no, judgement, truth))


def totals(found: LiveResult) -> Counter[str]:
    """Targets by what the check says."""
    counts: Counter[str] = Counter()
    for (_, said), cell in found.cells.items():
        counts[said] += cell.count
    return counts
