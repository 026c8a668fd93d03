"""Judgements as rows of the label store; their ids are made of the calls they come from, so that none is doubled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID, uuid5

from msgspec.structs import replace

from traceview.model.judges import JudgeDefinition, Judgement
from traceview.model.labels import NOT_APPLICABLE, LabelRow, LabelValue
from traceview.store.labels.rows import normal_target
from traceview.store.labels.writer import IDS_PER_QUERY, WriteTransaction
from traceview.text.safe import storable

NAMESPACE = UUID("6f1d7c52-5a7e-5d0c-9f0a-6a7564676573")
_OF_KEY = "target_id = ? AND target_kind = ? AND trace_id IS ? AND name = ? AND source = ? AND annotator = ?"
_LONGEST_REASON = 20_000


def row_id(key: str, judge: str, name: str, again: int = 0) -> str:
    """The id of the score that a judge gives under a name, and that comes from a call (or several) with this key.

    A judge under another name has the same calls, which are not paid again, and scores of its own.
    `again` counts up when a score that something else came after holds once more: a judge file that was changed back.
    """
    return str(uuid5(NAMESPACE, f"{key}\x1f{judge}\x1f{name}" + (f"\x1f{again}" if again else "")))


def reason_of(judgement: Judgement, note: str = "") -> str | None:
    """Explanation, evidence and a note, as the reason of a score; halves of characters in them become U+FFFD."""
    evidence = "\n".join(f"- {text}" for text in judgement.evidence)
    told = "\n".join(text for text in (judgement.explanation, evidence, note) if text)
    return storable(told[:_LONGEST_REASON]) or None


def reason_of_value(
    judge: JudgeDefinition, judgement: Judgement, name: str, value: LabelValue, note: str = ""
) -> str | None:
    """The reason of one of the scores of a judgement.

    Those of code that pass or do not apply are many: they keep no evidence, and their parts nothing.
    """
    if judge.kind == "code" and (value is True or value == NOT_APPLICABLE):
        return reason_of(replace(judgement, evidence=()), note) if name == judge.metric else None
    return reason_of(judgement, note)


def values_of(judge: JudgeDefinition, judgement: Judgement) -> Iterator[tuple[str, LabelValue]]:
    """What is written: the whole value under the judge's metric, and that of each part under `METRIC_part`."""
    if judgement.outcome not in ("scored", "not_applicable"):
        return
    yield judge.metric, judgement.value
    for part, value in judgement.parts.items():
        if value is not None:
            yield f"{judge.metric}_{part}", value


def write_scores(
    transaction: WriteTransaction,
    judge: JudgeDefinition,
    judged: Sequence[tuple[str, Judgement, str]],
) -> dict[str, str]:
    """Make what came of calls the current scores; the id of each whole score by key. `judged`: key, judgement, note.

    What stands already is not written again, so this may be repeated after a crash.
    """
    written: dict[str, str] = {}
    rows: list[LabelRow] = []
    known = _with_rows(transaction, judge, [judgement.target.id for _, judgement, _ in judged])
    for key, judgement, note in judged:
        fresh = judgement.target.id not in known
        for name, value in values_of(judge, judgement):
            stands, row = _row(transaction, judge, key, judgement, name, value, note, fresh)
            if row is not None:
                rows.append(row)
            if name == judge.metric:
                written[key] = stands
    transaction.append(rows)
    return written


def _with_rows(transaction: WriteTransaction, judge: JudgeDefinition, ids: Sequence[str]) -> set[str]:
    """Those of the ids of targets of which a judge has a row: asked for all at once, as most of them have none."""
    known: set[str] = set()
    for start in range(0, len(ids), IDS_PER_QUERY):
        chunk = ids[start : start + IDS_PER_QUERY]
        found = transaction.connection.execute(
            f"SELECT target_id FROM labels WHERE target_id IN ({', '.join('?' * len(chunk))}) "
            "AND source = ? AND annotator = ?",
            (*chunk, judge.source, judge.name),
        )
        known.update(one for (one,) in found)
    return known


def _row(
    transaction: WriteTransaction,
    judge: JudgeDefinition,
    key: str,
    judgement: Judgement,
    name: str,
    value: LabelValue,
    note: str,
    fresh: bool,
) -> tuple[str, LabelRow | None]:
    """The id under which a score stands, and its row if that is not written yet. `fresh`: there is no row."""
    target = normal_target(judgement.target)
    of_key = (target.id, target.kind, target.trace_id, name, judge.source, judge.name)
    found = [] if fresh else transaction.rows(f"{_OF_KEY} ORDER BY created_at DESC, id DESC", of_key)
    known = {row.id for row in found}
    again = 0
    while row_id(key, judge.name, name, again) in known:
        again += 1
    if found and again and found[0].id == row_id(key, judge.name, name, again - 1) and found[0].op == "set":
        return found[0].id, None
    id = row_id(key, judge.name, name, again)
    return id, LabelRow(
        id=id,
        target=target,
        name=name,
        value=value,
        source=judge.source,
        annotator=judge.name,
        created_at="",
        reason=reason_of_value(judge, judgement, name, value, note),
        definition_hash=judge.hash,
    )
