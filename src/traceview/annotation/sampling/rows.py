"""What is sampled, plain: an item that may be chosen, one that was, and the list of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from traceview.model.labels import LabelRow

APART = " · "
"""Between the part of a sample that an item is in and the rest of the reason."""


class Candidate(Struct, frozen=True):
    """An item that may be sampled.

    `fields` has the value of the field that is stratified by, `figures` what outliers are looked for in (times, tokens,
    lengths, steps; never negative), `text` what novelty is told by. `labels` are the rows of its scores, by anybody;
    `labelled` says that the annotator is done with it.
    """

    id: str
    thread_id: str | None = None
    fields: Mapping[str, str | None] = field(default_factory=dict)
    figures: Mapping[str, float | None] = field(default_factory=dict)
    labels: Sequence[LabelRow] = ()
    labelled: bool = False
    text: str = ""


class Picked(Struct, frozen=True):
    """An item of a sample. `probability` is its chance over all seeds; None where a rule picks by looking and what it
    leaves out never has one. `reason` begins with the part of the sample that it is in (`part_of`)."""

    id: str
    probability: float | None
    reason: str


class Sample(Struct, frozen=True):
    """The frozen list of a session, chosen from `of` items; `notes` say what is not as the rule asks, and why."""

    items: tuple[Picked, ...]
    of: int
    notes: tuple[str, ...] = ()


def part_of(reason: str) -> str:
    """The part of a sample that an item is in: its stratum when rates are weighted."""
    return reason.partition(APART)[0]


def thread_of(one: Candidate) -> str:
    """What stands for its thread; an item without a thread is one of its own."""
    return f"thread {one.thread_id}" if one.thread_id is not None else f"item {one.id}"
