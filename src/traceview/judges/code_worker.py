"""What the child processes of a scan do for code judges: built-in checks of every unit, combined as each judge says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from traceview.judges.checks import registry
from traceview.judges.checks.base import Finding
from traceview.judges.checks.seen import ASKED, CALL_KINDS, CALLED, SPOKEN, SeenTrace, said_by
from traceview.judges.combining import combined, of_thread
from traceview.model.judges import JudgeDefinition, Judgement
from traceview.model.labels import NOT_APPLICABLE, Target
from traceview.store.scan import ScanColumns, TraceTexts

FUNCTION = "traceview.judges.code_worker:make"


class Judged(NamedTuple):
    """What came of one judge, by its number in the scan, on one unit with this mark."""

    judge: int
    mark: int
    judgement: Judgement


def make(judges: Sequence[JudgeDefinition]) -> Callable[[list[TraceTexts]], list[Judged]]:
    """The function that a scan calls with every trace or thread. Raises BadInput for options that no check takes."""
    runners = [_RUNNERS[judge.scope](number, judge) for number, judge in enumerate(judges)]

    def judge_unit(traces: list[TraceTexts]) -> list[Judged]:
        seen = [SeenTrace(one.spans, one.stored, one.next_turn, one.earlier_turns) for one in traces]
        return [judged for runner in runners for judged in runner(traces, seen)]

    return judge_unit


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


Runner = Callable[[list[TraceTexts], list[SeenTrace]], Iterator[Judged]]


def _of_traces(number: int, judge: JudgeDefinition) -> Runner:
    checks = [registry.make(check.use, check.options) for check in judge.checks]
    bit = 1 << number

    def run(traces: list[TraceTexts], seen: list[SeenTrace]) -> Iterator[Judged]:
        for trace, one in zip(traces, seen, strict=True):
            if not trace.masks[0] & bit:
                continue
            target = Target("trace", trace.trace_id, trace.trace_id)
            try:
                judgement = judgement_of(judge, target, combined(judge, [check(one) for check in checks]))
            except Exception as error:  # noqa: BLE001 (one trace must not end the judging of the others)
                judgement = failed(target, error)
            yield Judged(number, trace.marks[0], judgement)

    return run


def _of_threads(number: int, judge: JudgeDefinition) -> Runner:
    checks = [registry.make(check.use, check.options) for check in judge.checks]
    bit = 1 << number

    def run(traces: list[TraceTexts], seen: list[SeenTrace]) -> Iterator[Judged]:
        if not traces[0].masks[0] & bit:
            return
        target = Target("thread", traces[0].spans[0]["group_id"])
        try:
            findings = [of_thread([check(one) for one in seen]) for check in checks]
            judgement = judgement_of(judge, target, combined(judge, findings))
        except Exception as error:  # noqa: BLE001 (one thread must not end the judging of the others)
            judgement = failed(target, error)
        yield Judged(number, traces[0].marks[0], judgement)

    return run


def _of_spans(number: int, judge: JudgeDefinition) -> Runner:
    checks = [registry.make_for_text(check.use, check.options) for check in judge.checks]
    bit = 1 << number

    def run(traces: list[TraceTexts], seen: list[SeenTrace]) -> Iterator[Judged]:
        for trace, one in zip(traces, seen, strict=True):
            for at, mask in enumerate(trace.masks):
                if not mask & bit:
                    continue
                target = Target("span", trace.spans[at]["span_id"], trace.trace_id)
                try:
                    text = said_by(one, at)
                    silent = Finding(None, "the span said nothing")
                    findings = [silent if text is None else check(text) for check in checks]
                    judgement = judgement_of(judge, target, combined(judge, findings))
                except Exception as error:  # noqa: BLE001 (one span must not end the judging of the others)
                    judgement = failed(target, error)
                yield Judged(number, trace.marks[at], judgement)

    return run


_RUNNERS: dict[str, Callable[[int, JudgeDefinition], Runner]] = {
    "trace": _of_traces,
    "thread": _of_threads,
    "span": _of_spans,
}
