"""Answered calls become scores: the repeats of a question together, every few hundred milliseconds in one commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct

from traceview.judges.ledger import calls as ledger_calls
from traceview.judges.ledger.ledger import Ledger
from traceview.judges.ledger.records import Verdict
from traceview.judges.report import told_value
from traceview.judges.running.replies import flips, majority
from traceview.judges.score_rows import write_scores
from traceview.model.judges import JudgeDefinition, Judgement, ScoreShape
from traceview.model.labels import Target
from traceview.store.labels.store import LabelStore

_FINAL = ("done", "failed", "unknown", "cancelled")
_AT_ONCE = 500
INJECTION_NOTE = "[the text that was judged seems to address the judge]"
TRUNCATED_NOTE = "[cut before it was judged: {}]"


class Judged(Struct, frozen=True):
    """What several calls came to: one question, asked once or more often."""

    keys: tuple[str, ...]
    judgement: Judgement
    note: str
    flipped: tuple[int, int]
    label: str | None

    @property
    def key(self) -> str:
        """What the ids of its score rows are made of."""
        return "\x1f".join(self.keys)


def judged_of(judge: JudgeDefinition, rows: Sequence[Mapping[str, Any]]) -> Judged | None:
    """What the repeats of one question came to; None while one of them is not final."""
    if not rows or len(rows) < rows[0]["repeats"] or any(row["state"] not in _FINAL for row in rows):
        return None
    answered = [ledger_calls.answered(row) for row in rows]
    verdicts = [one.verdict for one in answered]
    verdict = verdicts[0] if len(verdicts) == 1 else majority(verdicts, judge.score)
    first = answered[0]
    notes = [INJECTION_NOTE] if first.injection else []
    if first.truncated:
        notes.append(TRUNCATED_NOTE.format(", ".join(first.truncated)))
    return Judged(
        tuple(one.call_key for one in answered),
        judgement_of(first.target, verdict),
        "\n".join(notes),
        flips(verdicts),
        first.label,
    )


def judgement_of(target: Target, verdict: Verdict) -> Judgement:
    """A verdict with what it is on."""
    return Judgement(
        target,
        verdict.outcome,
        verdict.value,
        verdict.reason,
        verdict.explanation,
        verdict.evidence,
        verdict.parts,
    )


def score(ledger: Ledger, store: LabelStore, judge: JudgeDefinition, keys: Sequence[str]) -> int:
    """Write the scores that the calls of these keys come to; how many there are. May be repeated after a crash."""
    written = 0
    for start in range(0, len(keys), _AT_ONCE):
        chunk = list(dict.fromkeys(keys[start : start + _AT_ONCE]))
        groups: list[list[Mapping[str, Any]]] = []
        groups = ledger.read(partial(ledger_calls.siblings, keys=chunk), groups)
        found = [one for rows in groups if (one := judged_of(judge, rows)) is not None]
        judged = [(one.key, one.judgement, one.note) for one in found]
        labels = store.transact(partial(write_scores, judge=judge, judged=judged)).result()
        by_call = {key: labels[one.key] for one in found if one.key in labels for key in one.keys}
        if by_call:
            ledger.now(partial(ledger_calls.put_labels, labels=by_call))
        written += len(labels)
    return written


def replay(ledger: Ledger, store: LabelStore) -> int:
    """Write the scores of answered calls that a process died before writing, of every judge; how many they are."""
    written = 0
    nothing: list[JudgeDefinition] = []
    for judge in ledger.read(_with_unscored, nothing):
        while True:
            keys: list[str] = []
            keys = ledger.read(partial(ledger_calls.unscored_keys, judge_hash=judge.hash), keys)
            new = score(ledger, store, judge, keys) if keys else 0
            written += new
            # calls whose repeats are not all there yet stay without a score
            if not new or len(keys) < ledger_calls.MOST_KEYS:
                break
    return written


def _with_unscored(connection: sqlite3.Connection) -> list[JudgeDefinition]:
    """The judges of calls that have no score yet, as far as scores need them: their files may be others by now."""
    rows = connection.execute(
        """
        SELECT judge, metric, judge_hash, target_kind, max(value GLOB '[0-9-]*') AS numbers FROM calls
        WHERE state = 'done' AND label IS NULL AND outcome IN ('scored', 'not_applicable') GROUP BY 1, 2, 3, 4
        """
    ).fetchall()
    return [
        JudgeDefinition(
            row["judge"],
            row["metric"],
            "llm",
            row["target_kind"],
            ScoreShape("numerical" if row["numbers"] else "categorical"),
            hash=row["judge_hash"],
        )
        for row in rows
    ]


def outcomes(connection: sqlite3.Connection, judge: JudgeDefinition, run: str) -> Outcomes:
    """What a run came to, by target."""
    found = Outcomes()
    rows: list[Mapping[str, Any]] = []
    # without the texts that were sent
    statement = """
      SELECT target_kind, target_id, trace_id, input_hash, state, outcome, reason, value, explanation
      FROM calls WHERE run = ?
      ORDER BY target_kind, target_id, trace_id, input_hash, repeat_no
    """
    for row in connection.execute(statement, (run,)):
        if rows and not _same_question(rows[0], row):
            found.add(judge, rows)
            rows = []
        rows.append(row)
    if rows:
        found.add(judge, rows)
    return found


class Outcomes:
    """Numbers of targets by what came of them."""

    def __init__(self) -> None:
        self.scored = 0
        self.not_applicable = 0
        self.unscored: dict[str, int] = {}
        self.errors: dict[str, int] = {}
        self.unknown = 0
        self.left = 0
        self.flipped = 0
        self.pairs = 0
        self.values: dict[str, int] = {}

    def add(self, judge: JudgeDefinition, rows: Sequence[Mapping[str, Any]]) -> None:
        """Count one target by its calls in this run; repeats that an earlier run has are not among them."""
        if any(row["state"] not in _FINAL for row in rows):
            self.left += 1
            return
        verdicts = [
            Verdict(row["outcome"], row["reason"], ledger_calls.value_in(row), row["explanation"] or "")
            for row in rows
        ]
        verdict = verdicts[0] if len(verdicts) == 1 else majority(verdicts, judge.score)
        flipped, pairs = flips(verdicts)
        self.flipped += flipped
        self.pairs += pairs
        if verdict.outcome == "scored":
            self.scored += 1
            told = told_value(verdict.value)
            self.values[told] = self.values.get(told, 0) + 1
        elif verdict.outcome == "not_applicable":
            self.not_applicable += 1
        elif verdict.outcome == "unknown":
            self.unknown += 1
        else:
            counts = self.unscored if verdict.outcome == "unscored" else self.errors
            reason = verdict.reason or verdict.outcome
            counts[reason] = counts.get(reason, 0) + 1


def _same_question(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    names = ("target_kind", "target_id", "trace_id", "input_hash")
    return all(one[name] == other[name] for name in names)
