"""What the child processes of a scan do for code judges: built-in checks of every unit, combined as each judge says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from traceview.judges.checks import registry
from traceview.judges.checks.base import Finding, TextCheck, TraceCheck
from traceview.judges.checks.limit import SECONDS, TimeLimit, TookTooLong
from traceview.judges.checks.seen import ASKED, CALL_KINDS, CALLED, SPOKEN, SeenTrace, said_by
from traceview.judges.combining import combined, of_thread
from traceview.judges.own.patience import Patience
from traceview.model.judges import JudgeDefinition, Judgement
from traceview.model.labels import NOT_APPLICABLE, Target
from traceview.store.scan import ScanColumns, TraceTexts

FUNCTION = "traceview.judges.code_worker:Checking"


class Judged(NamedTuple):
    """What came of one judge, by its number in the scan, on one unit with this mark."""

    judge: int
    mark: int
    judgement: Judgement


class Checking:
    """What a scan calls with every trace or thread; to be closed."""

    def __init__(self, judges: Sequence[JudgeDefinition]) -> None:
        """Raises BadInput for options that no check takes."""
        self._limit = TimeLimit(SECONDS)
        self._runners = [
            _RUNNERS[judge.scope](number, judge, self._limit) for number, judge in enumerate(judges)
        ]

    def __call__(self, traces: list[TraceTexts]) -> list[Judged]:
        seen = [SeenTrace(one.spans, one.stored, one.next_turn, one.earlier_turns) for one in traces]
        return [judged for runner in self._runners for judged in runner(traces, seen)]

    def close(self) -> None:
        """Let no timer run on."""
        self._limit.close()


def columns_of(judges: Sequence[JudgeDefinition]) -> ScanColumns:
    """The canonical columns that the checks of judges read."""
    wanted: set[str] = set()
    for judge in judges:
        for check in judge.checks:
            wanted.update(registry.columns_of(check.use, check.options))
    common = ("attributes",) if "attributes" in wanted else ()
    spoken = SPOKEN if wanted.issuperset(SPOKEN) else ()
    asked = ASKED if "input_text" in wanted and wanted.issuperset(ASKED) else ()
    calls = CALLED if wanted.issuperset(CALLED) else ()
    if any(judge.scope == "span" for judge in judges):
        spans = (*common, *spoken)
        by_kind = dict.fromkeys(CALL_KINDS, tuple(dict.fromkeys((*spans, *calls))))
        return ScanColumns(spans, by_kind, asked)
    by_kind = dict.fromkeys(CALL_KINDS, (*common, *calls)) | {"llm": (*common, *spoken)}
    tells = any(check.use in registry.CALLS for judge in judges for check in judge.checks)
    return ScanColumns(common, by_kind, (*spoken, *asked), ASKED if tells else ())


def needs_turns(judges: Sequence[JudgeDefinition]) -> bool:
    """Whether a check looks at what was said around a trace."""
    return any(check.use in registry.TURNS for judge in judges for check in judge.checks)


def may_hang(judges: Sequence[JudgeDefinition]) -> bool:
    """Whether a check could hang where no time limit holds: a regular expression, in a thread that is not the first."""
    if threading.current_thread() is threading.main_thread():
        return False
    return any(registry.has_patterns(check.use, check.options) for judge in judges for check in judge.checks)


def judgement_of(judge: JudgeDefinition, target: Target, finding: Finding) -> Judgement:
    """A finding as the judgement of a target. Parts that the judge names are told also where they do not apply."""
    named = {check.name for check in judge.checks}
    parts = {
        name: NOT_APPLICABLE if value is None else value
        for name, value in finding.parts.items()
        if value is not None or name in named
    }
    if finding.value is None:
        return Judgement(
            target, "not_applicable", NOT_APPLICABLE, None, finding.explanation, finding.evidence, parts
        )
    return Judgement(target, "scored", finding.value, None, finding.explanation, finding.evidence, parts)


def failed(target: Target, error: Exception) -> Judgement:
    """What is said where a check itself failed."""
    return Judgement(target, "error", None, "check_failed", f"{type(error).__name__}: {error}")


def too_large(target: Target, trace: TraceTexts, at: int) -> Judgement:
    """What is said where the texts of a span do not fit into memory."""
    words = f"the text of span {trace.spans[at]['span_id']} does not fit into memory: {trace.unread[at]}"
    return Judgement(target, "error", None, "too_large", words)


class _Judging:
    """Judges item after item; one that fails or takes too long ends the judging of no other."""

    def __init__(self, judge: JudgeDefinition, limit: TimeLimit) -> None:
        self._judge = judge
        self._limit = limit
        self._patience = Patience()
        self._lost: str | None = None

    def judge(self, target: Target, find: Callable[[], list[Finding]]) -> Judgement:
        """What came of an item. Once too many took too long, those that follow are not tried."""
        if self._lost is not None:
            return Judgement(target, "error", None, "check_timeout", f"not tried: {self._lost}")
        try:
            with self._limit:
                judgement = judgement_of(self._judge, target, combined(self._judge, find()))
        except TookTooLong:
            words = f"the check did not answer within {self._limit.seconds:g} s"
            judgement = Judgement(target, "error", None, "check_timeout", words)
        except Exception as error:  # noqa: BLE001 (one item must not end the judging of the others)
            judgement = failed(target, error)
        self._lost = self._patience.lost_with(judgement)
        return judgement


def _of_seen(checks: Sequence[TraceCheck], seen: SeenTrace) -> list[Finding]:
    return [check(seen) for check in checks]


def _of_said(checks: Sequence[TextCheck], seen: SeenTrace, at: int) -> list[Finding]:
    text = said_by(seen, at)
    if text is None:
        return [Finding(None, "the span said nothing") for _ in checks]
    return [check(text) for check in checks]


Runner = Callable[[list[TraceTexts], list[SeenTrace]], Iterator[Judged]]


def _of_traces(number: int, judge: JudgeDefinition, limit: TimeLimit) -> Runner:
    checks = [registry.make(check.use, check.options) for check in judge.checks]
    bit, judging = 1 << number, _Judging(judge, limit)

    def run(traces: list[TraceTexts], seen: list[SeenTrace]) -> Iterator[Judged]:
        for trace, one in zip(traces, seen, strict=True):
            if not trace.masks[0] & bit:
                continue
            target = Target("trace", trace.trace_id, trace.trace_id)
            if trace.unread:
                yield Judged(number, trace.marks[0], too_large(target, trace, min(trace.unread)))
                continue
            judgement = judging.judge(target, partial(_of_seen, checks, one))
            yield Judged(number, trace.marks[0], judgement)

    return run


def _of_threads(number: int, judge: JudgeDefinition, limit: TimeLimit) -> Runner:
    checks = [registry.make(check.use, check.options) for check in judge.checks]
    bit, judging = 1 << number, _Judging(judge, limit)

    def run(traces: list[TraceTexts], seen: list[SeenTrace]) -> Iterator[Judged]:
        if not traces[0].masks[0] & bit:
            return
        target = Target("thread", traces[0].spans[0]["group_id"])
        unread = next((trace for trace in traces if trace.unread), None)
        if unread is not None:
            yield Judged(number, traces[0].marks[0], too_large(target, unread, min(unread.unread)))
            return
        judgement = judging.judge(
            target, lambda: [of_thread([check(one) for one in seen]) for check in checks]
        )
        yield Judged(number, traces[0].marks[0], judgement)

    return run


def _of_spans(number: int, judge: JudgeDefinition, limit: TimeLimit) -> Runner:
    checks = [registry.make_for_text(check.use, check.options) for check in judge.checks]
    bit, judging = 1 << number, _Judging(judge, limit)

    def run(traces: list[TraceTexts], seen: list[SeenTrace]) -> Iterator[Judged]:
        for trace, one in zip(traces, seen, strict=True):
            for at, mask in enumerate(trace.masks):
                if not mask & bit:
                    continue
                target = Target("span", trace.spans[at]["span_id"], trace.trace_id)
                if at in trace.unread:
                    yield Judged(number, trace.marks[at], too_large(target, trace, at))
                    continue
                judgement = judging.judge(target, partial(_of_said, checks, one, at))
                yield Judged(number, trace.marks[at], judgement)

    return run


_RUNNERS: dict[str, Callable[[int, JudgeDefinition, TimeLimit], Runner]] = {
    "trace": _of_traces,
    "thread": _of_threads,
    "span": _of_spans,
}
