"""Where a field of a generic table comes from."""

from __future__ import annotations

from msgspec import Struct


class FieldSource(Struct, frozen=True):
    """Where a field comes from: an SQL expression, its DuckDB type, and the words for people.

    `unit` is what a number counts (s, ms, us, ns); `inside` is True for a key of the attributes column.
    """

    sql: str
    type: str
    words: str
    unit: str | None = None
    inside: bool = False
