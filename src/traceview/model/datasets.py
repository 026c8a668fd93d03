"""Data sets: frozen, versioned selections of targets and authored items, with their labels."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from traceview.model.labels import Target

ItemOrigin = Literal["selected", "added", "authored", "imported"]
ITEM_ORIGINS: tuple[ItemOrigin, ...] = ("selected", "added", "authored", "imported")
"""`selected` by a filter; `added` is one target on its own; `authored` and `imported` items have no target."""


class DatasetItem(Struct, frozen=True):
    """One item of a version.

    `id` names it in every version: the id of its target, or the name that its author gave it. `labels` are the ids of
    the label rows that were current when it was frozen. `content_hash` is of its texts (SHA-256, 16 hex digits):
    another one says that the source holds other texts now. `input` is a text, or messages as JSON; it and `expected`
    are None where the texts stand in the source. An item that must pass fails a gate by itself.
    """

    id: str
    origin: ItemOrigin
    target: Target | None = None
    split: str | None = None
    labels: tuple[str, ...] = ()
    content_hash: str = ""
    input: str | None = None
    expected: str | None = None
    must_pass: bool = False


class DatasetVersion(Struct, frozen=True):
    """One version of a data set, which never changes.

    `filter` and `split` are texts that the command line takes; `source` is the identity of the source then.
    `created_at` is RFC 3339 in UTC with microseconds.
    """

    id: str
    name: str
    version: int
    annotator: str
    created_at: str
    note: str | None = None
    filter: str = ""
    split: str | None = None
    seed: int = 0
    source: str | None = None
    size: int = 0
