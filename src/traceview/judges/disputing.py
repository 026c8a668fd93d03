"""What a person does about a verdict that differs from the label: keep the label, change it, or blame the rubric."""

from __future__ import annotations

from traceview.annotation.service import Annotator
from traceview.judges.calibration import Compared
from traceview.judges.versions import Judge
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow
from traceview.model.verdict_notes import VerdictNote, VerdictNoteKind
from traceview.store.labels.ids import uuid7
from traceview.store.labels.verdict_notes import add_note

WORDS: dict[VerdictNoteKind, str] = {
    "judge_wrong": "the judge is wrong",
    "human_wrong": "the label was wrong",
    "unclear": "the rubric is unclear",
}


def dispute(
    annotator: Annotator, judge: Judge, judge_hash: str, item: Compared, kind: VerdictNoteKind, text: str = ""
) -> VerdictNote:
    """Note what a person says of a verdict. `human_wrong` gives the item the judge's value, as that person's own label.

    Nothing of the earlier label is lost: it is history. Raises BadInput where the value does not fit the definition, or
    where an unclear rubric is not told in words; Unsaved.
    """
    if kind == "unclear" and not text.strip():
        raise BadInput("an unclear rubric needs a word on what it leaves open")
    note = VerdictNote(
        judge.name,
        judge_hash,
        judge.metric,
        item.target,
        kind,
        text.strip(),
        annotator.name,
        judge.feedback.hash if judge.feedback is not None else None,
    )
    if kind == "human_wrong":
        reason = f"relabelled after seeing the verdict of {judge.name}" + (
            f": {text}" if text.strip() else ""
        )
        if judge.feedback is not None:
            annotator.set_value([item.target], judge.metric, item.said, reason=reason)
        else:
            annotator.store.append_now([_row(annotator, judge, item, reason)])
    add_note(annotator.store, note)
    return note


def _row(annotator: Annotator, judge: Judge, item: Compared, reason: str) -> LabelRow:
    """A label under a name that only the judge's file defines."""
    return LabelRow(
        "",
        item.target,
        judge.metric,
        item.said,
        "human",
        annotator.name,
        "",
        reason=reason,
        action_id=uuid7(),
    )
