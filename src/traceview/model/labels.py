"""Labels: rows that are only ever added; a change of mind and an undo are new rows."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

TargetKind = Literal["span", "trace", "thread"]
TARGET_KINDS: tuple[TargetKind, ...] = ("span", "trace", "thread")

ScoreSource = Literal["human", "judge", "code", "agent", "user", "import"]
SCORE_SOURCES: tuple[ScoreSource, ...] = ("human", "judge", "code", "agent", "user", "import")

Op = Literal["set", "clear", "undo", "redo"]

NOT_APPLICABLE = "n/a"
RESERVED_NAMES: tuple[str, ...] = ("note", "mode", "first_bad", "correction")

LabelValue = bool | int | float | str | tuple[str, ...] | None
"""A boolean, a number, a text, several choices, or NOT_APPLICABLE; None only where op is not set."""


class Target(Struct, frozen=True):
    """What a label is on: natural ids, so labels survive a re-import.

    `trace_id` is the trace of a span or a trace, and None for a thread.
    """

    kind: TargetKind
    id: str
    trace_id: str | None = None


class LabelRow(Struct, frozen=True):
    """One row of the label store. `created_at` is RFC 3339 in UTC with microseconds."""

    id: str
    target: Target
    name: str
    value: LabelValue
    source: ScoreSource
    annotator: str
    created_at: str
    op: Op = "set"
    ref: str | None = None
    reason: str | None = None
    blind: bool = False
    session: str | None = None
    definition_hash: str | None = None
    action_id: str | None = None
