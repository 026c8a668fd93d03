"""Splits of labelled threads for judges, and looks at the one that is kept for the end."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")
"""What examples are drawn from, what a judge is made better on, what tells at the end how good it is."""


class Assignment(Struct, frozen=True):
    """The split of one thread, or of one trace that is in no thread: exactly one of the two ids is set.

    `name` and `value` are the label that it was made for. `created_at` is RFC 3339 in UTC with microseconds.
    """

    thread_id: str | None
    trace_id: str | None
    split: Split
    name: str
    value: str
    id: str = ""
    created_at: str = ""


class Look(Struct, frozen=True):
    """Somebody had the figures of a version of a judge (`judge_hash`) on so many items of a split."""

    judge: str
    judge_hash: str
    split: Split
    annotator: str
    items: int
    id: str = ""
    created_at: str = ""
