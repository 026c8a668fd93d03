"""What a person says of a judge's verdict after seeing both: who is wrong, or that the rubric is."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from traceview.model.labels import Target

VerdictNoteKind = Literal["judge_wrong", "human_wrong", "unclear"]
VERDICT_NOTE_KINDS: tuple[VerdictNoteKind, ...] = ("judge_wrong", "human_wrong", "unclear")
"""The judge is wrong; the person was, and has labelled anew; the rubric leaves it open."""


class VerdictNote(Struct, frozen=True):
    """One note on a verdict of a version of a judge (`judge_hash`) under the name `metric`.

    `definition_hash` is of the feedback definition in force. `created_at` is RFC 3339 in UTC with microseconds.
    """

    judge: str
    judge_hash: str
    metric: str
    target: Target
    kind: VerdictNoteKind
    text: str
    annotator: str
    definition_hash: str | None = None
    id: str = ""
    created_at: str = ""
