"""What a person does about a verdict that differs from the label: keep the label, change it, or blame the rubric."""

from __future__ import annotations

from traceview.annotation.service import Annotator
from traceview.annotation.splitting import RULING
from traceview.annotation.values import validate_value
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

    That label is a ruling: it decides where others have said something else. It and its note are one action, taken back
    together. Nothing of an earlier label is lost: it is history. Raises BadInput where the value does not fit the
    definition, or where an unclear rubric is not told in words; Unsaved.
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
        uuid7(),
    )
    labels = [_ruling(annotator, judge, item, note)] if kind == "human_wrong" else []
    add_note(annotator.store, note, labels)
    return note


def said_of(note: VerdictNote) -> str:
    """A note in words."""
    return WORDS[note.kind] + (f": {note.text}" if note.text else "")


def _ruling(annotator: Annotator, judge: Judge, item: Compared, note: VerdictNote) -> LabelRow:
    """The judge's value as a person's label that decides, in the action that is named as its note."""
    feedback = judge.feedback
    value = item.said
    if feedback is not None:
        value = validate_value(judge.metric, feedback, value, item.target.scope)
    return LabelRow(
        "",
        item.target,
        judge.metric,
        value,
        "human",
        annotator.name,
        "",
        reason=f"relabelled after seeing the verdict of {judge.name}"
        + (f": {note.text}" if note.text else ""),
        session=RULING,
        definition_hash=feedback.hash if feedback is not None else None,
        action_id=note.id,
    )
