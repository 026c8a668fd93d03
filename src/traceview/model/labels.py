"""Labels: rows that are only ever added; a change of mind and an undo are new rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

TargetKind = Literal["span", "trace", "thread"]
TARGET_KINDS: tuple[TargetKind, ...] = ("span", "trace", "thread")

Scope = Literal["span", "trace", "thread", "document"]
SCOPES: tuple[Scope, ...] = ("span", "trace", "thread", "document")
"""What a definition may ask about: a kind of target, or a document that a span retrieved."""

DOCUMENT_MARK = "#doc:"
"""Between the id of a span and the key of a document that it retrieved."""

ScoreSource = Literal["human", "judge", "code", "agent", "user", "import"]
SCORE_SOURCES: tuple[ScoreSource, ...] = ("human", "judge", "code", "agent", "user", "import")

Op = Literal["set", "clear", "undo", "redo"]

NOT_APPLICABLE = "n/a"
RESERVED_NAMES: tuple[str, ...] = ("note", "mode", "first_bad", "correction")

LabelValue = bool | int | float | str | tuple[str, ...] | None
"""A boolean, a number, a text, several choices, or NOT_APPLICABLE; None only where op is not set."""


class Target(Struct, frozen=True):
    """What a label is on: natural ids, so labels survive a re-import.

    `trace_id` is the trace of a span or a trace, and None for a thread. A retrieved document is a target of the kind
    span whose id is `SPAN#doc:KEY`.
    """

    kind: TargetKind
    id: str
    trace_id: str | None = None

    @property
    def scope(self) -> Scope:
        """What a definition that is asked of it must be about."""
        return "document" if self.document is not None else self.kind

    @property
    def span_id(self) -> str | None:
        """The span that it is, or that retrieved it; None for a trace and a thread."""
        return self.id.partition(DOCUMENT_MARK)[0] if self.kind == "span" else None

    @property
    def document(self) -> str | None:
        """The key of a retrieved document (`document_keys`); None for anything else."""
        _, mark, key = self.id.partition(DOCUMENT_MARK) if self.kind == "span" else ("", "", "")
        return key if mark else None


def document_target(trace_id: str, span_id: str, key: str) -> Target:
    """A document that a span retrieved."""
    return Target("span", f"{span_id}{DOCUMENT_MARK}{key}", trace_id)


def document_keys(ids: Iterable[str | None]) -> tuple[str, ...]:
    """What names each document of one retrieval, by the ids of its documents in their order, first to last.

    A document goes by its own id, so that its label outlives another ranking, and one that comes twice is one; without
    an id it goes by its rank, `#3`.
    """
    return tuple(id_ if id_ else f"#{rank}" for rank, id_ in enumerate(ids, start=1))


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
