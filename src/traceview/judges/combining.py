"""The findings of several checks, or of the traces of a thread, made one judgement. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from traceview.judges.checks.base import EVIDENCE, Finding
from traceview.model.judges import Check, JudgeDefinition


def combined(judge: JudgeDefinition, findings: Sequence[Finding]) -> Finding:
    """What a judge says whose checks found this, in their order. One without a name is the judge's verdict itself."""
    if len(findings) == 1 and not judge.checks[0].name:
        return findings[0]
    values = [finding.value for finding in findings]
    decisive = judge.combine != "all"
    value = decisive if decisive in values else (not decisive) if (not decisive) in values else None
    told = list(zip(judge.checks, findings, strict=True))
    shown = [(check, one) for check, one in told if one.value is not None and one.value is value]
    explanation = "; ".join(f"{check.name}: {one.explanation}" for check, one in shown or told)
    evidence = [
        f"{check.name}: {text}" for check, one in told if one.value is not True for text in one.evidence
    ]
    return Finding(value, explanation, tuple(evidence[:EVIDENCE]), _parts(judge.checks, findings))


def of_thread(findings: Sequence[Finding]) -> Finding:
    """What is said of a thread whose traces were found to be this: it passes if all do that the check applies to."""
    applying = [one for one in findings if one.value is not None]
    if not applying:
        return Finding(None, findings[0].explanation if findings else "the thread has no trace")
    failing = [(turn, one) for turn, one in enumerate(findings, 1) if one.value is False]
    names = dict.fromkeys(name for one in findings for name in one.parts)
    parts = {name: _all([one.parts.get(name) for one in findings]) for name in names}
    if not failing:
        return Finding(True, f"passes in all {len(applying)} traces that it applies to", (), parts)
    explanation = f"fails in {len(failing)} of {len(applying)} traces: {failing[0][1].explanation}"
    evidence = [
        f"trace {turn}: {text}" for turn, one in failing for text in one.evidence or (one.explanation,)
    ]
    return Finding(False, explanation, tuple(evidence[:EVIDENCE]), parts)


def _parts(checks: Sequence[Check], findings: Sequence[Finding]) -> dict[str, bool | None]:
    return {check.name: one.value for check, one in zip(checks, findings, strict=True)}


def _all(values: Sequence[bool | None]) -> bool | None:
    return False if False in values else True if True in values else None
