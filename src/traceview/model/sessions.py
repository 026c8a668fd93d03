"""Annotation sessions: a frozen list of targets in an order, and what happened to each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from traceview.model.labels import Target, TargetKind

SessionEventKind = Literal["shown", "labelled", "deferred", "blind", "sighted", "closed", "reopened"]
SESSION_EVENTS: tuple[SessionEventKind, ...] = (
    "shown",
    "labelled",
    "deferred",
    "blind",
    "sighted",
    "closed",
    "reopened",
)


class SessionItem(Struct, frozen=True):
    """One place in a session. `position` counts from 0.

    `probability` is the chance that the sampling rule gave the target a place, in (0, 1]; None where a rule picks by
    looking (outliers) and no chance is known. `reason` says why it is here. `repeat_of` is the position of the same
    target earlier on, if this place asks a second time.
    """

    position: int
    target: Target
    probability: float | None = None
    reason: str = ""
    repeat_of: int | None = None


class Session(Struct, frozen=True):
    """What was decided when a session was made, and never changes.

    `definitions` maps the name of each definition that is asked for to its hash then; `required` are those that
    complete an item. With `fresh` only values given in this session count, also where earlier ones stand. `filter` and
    `rule` are texts that the command line takes. `created_at` is RFC 3339 in UTC with microseconds.
    """

    id: str
    name: str
    annotator: str
    created_at: str
    kind: TargetKind
    rule: str
    seed: int
    filter: str = ""
    blind: bool = False
    fresh: bool = False
    definitions: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    size: int = 0
    """How many places it has, repeats included."""
    of: int = 0
    """How many targets the rule chose from."""


class SessionEvent(Struct, frozen=True):
    """Something that happened in a session; `position` is None where it is about all of it.

    `action_id` is the action of the label rows for `labelled`.
    """

    id: str
    session: str
    kind: SessionEventKind
    created_at: str
    position: int | None = None
    action_id: str | None = None


class SessionPlace(Struct, frozen=True):
    """Where in a session a label is given."""

    session: str
    position: int
