"""What came of a run of one judge, in numbers; docs/judges.md says what each one is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from traceview.model.judges import JudgeDefinition, Judgement
from traceview.model.labels import LabelValue


@dataclass(slots=True)
class RunReport:
    """Counts of targets; `skipped`, `unscored` and `errors` by their reason. `unchanged` of the scored were written
    before with the same value, and are not written again; `left` were not begun when the run was stopped.
    """

    judge: str
    judge_hash: str
    planned: int = 0
    already_done: int = 0
    scored: int = 0
    not_applicable: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    unscored: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    calls: int = 0
    usd: float = 0.0
    seconds: float = 0.0
    stopped_by: str | None = None
    message: str | None = None
    values: Counter[str] = field(default_factory=Counter)
    passed: int = 0
    unchanged: int = 0
    left: int = 0
    example: str | None = None
    """The newest error, in words: the reason first, the id of the target last."""

    @classmethod
    def of(cls, judge: JudgeDefinition) -> RunReport:
        """The report of a run that begins."""
        return cls(judge.name, judge.hash)

    @property
    def judged(self) -> int:
        """Targets of which something came."""
        return self.scored + self.not_applicable + self.unscored.total() + self.errors.total()

    @property
    def progress(self) -> str:
        """How many have a score by now, and how many failed, in words."""
        failed = f" ({self.errors.total():,} failed)" if self.errors else ""
        return f"{self.judge} {self.scored + self.not_applicable:,}{failed}"

    def count(self, judge: JudgeDefinition, judgement: Judgement) -> None:
        """Count one judgement."""
        match judgement.outcome:
            case "scored":
                self.scored += 1
                self.values[told_value(judgement.value)] += 1
                self.passed += judge.score.passes(judgement.value) is True
            case "not_applicable":
                self.not_applicable += 1
            case "skipped":
                # nothing was there to judge it by
                self.planned -= 1
                self.skipped[judgement.reason or ""] += 1
            case "unscored":
                self.unscored[judgement.reason or ""] += 1
            case "error":
                self.errors[judgement.reason or ""] += 1
                self.example = f"{judgement.explanation} ({judgement.target.id})"
            case _:
                self.unknown += 1

    def json(self) -> dict[str, Any]:
        """As `judge run --json` prints it."""
        return {
            "judge": self.judge,
            "judge_hash": self.judge_hash,
            "planned": self.planned,
            "already_done": self.already_done,
            "scored": self.scored,
            "not_applicable": self.not_applicable,
            "skipped": dict(self.skipped),
            "unscored": dict(self.unscored),
            "errors": dict(self.errors),
            "unknown": self.unknown,
            "calls": self.calls,
            "usd": self.usd,
            "seconds": round(self.seconds, 3),
            "stopped_by": self.stopped_by,
            "message": self.message,
            "values": dict(self.values) if len(self.values) <= VALUES_TOLD else {},
            "last_error": self.example,
            "left": self.left,
        }


VALUES_TOLD = 40
"""Different values up to which it is told how often each was given."""


def told_value(value: LabelValue) -> str:
    """A value as a report tells it: `true` and `false` for pass and fail."""
    return str(value).lower() if isinstance(value, bool) else str(value)
