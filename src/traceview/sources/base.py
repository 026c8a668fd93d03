"""What a source module gives: recognition by content, and either a column mapping or canonical rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec
from msgspec import Struct
from msgspec.structs import replace

CanonicalRow = dict[str, Any]
"""One span: keys are names of model.schema.COLUMNS; times are int nanoseconds under `start_ns`, `end_ns`
(written as start_time, end_time); JSON columns hold JSON text; absent keys are null."""


ScoreRecord = dict[str, Any]
"""One score that stands in a file of its own, apart from spans.

Keys: `target` (span, trace or thread), `trace_id`, `span_id`, `thread_id` (those that are known; a span's trace may
be missing), `name`, `value` (number or boolean), `label`, `comment`, `source` (human, llm, code, or user for end
users' feedback), `author`, `time` (RFC 3339 text, or UTC nanoseconds), `correction` (the text that should have come).
A canonical row's `scores` column holds the same records as JSON, without ids.
"""


class Range(Struct, frozen=True):
    """Whole lines of a file of JSON lines: its first byte, the byte after its last, the number of lines before it."""

    start: int
    end: int
    line: int


class Probe(Struct, frozen=True):
    """What is known of a file before it is read.

    `container` is what the bytes are; `columns` are the columns (name to DuckDB type) of a Parquet file or
    DuckDB table; `head` the first 256 KiB after decompression; `first` the first JSON value if one parses
    within the head (for one large object: the parsed prefix is not available and `top_keys` holds the keys seen).
    """

    path: Path
    container: Literal["parquet", "duckdb", "json", "sqlite", "csv", "empty", "unknown"]
    compression: Literal["gzip", "zstd", "UTF-16", None]
    columns: Mapping[str, str]
    head: bytes
    first: Any
    top_keys: frozenset[str]
    table: str | None = None
    rows: int | None = None
    """Rows of a Parquet file, as its footer says."""
    range: Range | None = None
    """The lines that are to be read, where it is not the whole file."""
    origin: Path | None = None
    """The file of the user, where `path` is a table in the cache that was made of it."""

    def kept(self) -> Probe:
        """What is needed of it once the format is known: with thousands of files their heads would take gigabytes.

        Of the first value its keys are left, three levels deep, of a list in it the first item.
        """
        return replace(self, head=self.head[:4096], first=_outline(self.first, 3))


def _outline(value: Any, levels: int) -> Any:
    """The shape of a JSON value."""
    if isinstance(value, dict):
        return {key: _outline(one, levels - 1) for key, one in value.items()} if levels else {}
    if isinstance(value, list):
        return [_outline(one, levels) for one in value[:1]]
    return value if not isinstance(value, str) else value[:64]


@dataclass
class ReadReport:
    """What was read and what was left out, counted per reason, with the first places of each."""

    spans: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    places: dict[str, list[str]] = field(default_factory=dict)
    bytes_read: int = field(default=0, compare=False)
    """How far the reader is in the current file, in bytes of the file as it lies on disk; for the progress."""

    def skip(self, reason: str, where: str, count: int = 1) -> None:
        """Count something that was not read; `where` is a file with a line number where there is one."""
        self.skipped[reason] += count
        places = self.places.setdefault(reason, [])
        if len(places) < 5:
            places.append(where)

    def add(self, other: ReadReport) -> None:
        """Count what another report tells as left out, of a later part of the same file."""
        self.skipped.update(other.skipped)
        for reason, places in other.places.items():
            mine = self.places.setdefault(reason, [])
            mine += places[: 5 - len(mine)]


class ColumnMapping(Struct, frozen=True):
    """How a table is read in place: canonical column name to a DuckDB SQL expression over the table's columns.

    Columns that are missing are null. `from_columns` says in words which source column fed which canonical
    one (shown to the user, corrected by `--map`); `unmapped` are the source's other columns, kept in
    `attributes`. `start_column` is the source column that start_time is made of and `start_type` its DuckDB type,
    where it is one column that grows with time: its row-group statistics say where the newest spans are. `shared`
    are columns that several expressions are made of and that are computed once for each row: name to SQL. `without`
    says of fields that the user mapped and that have no value in the first rows, in a sentence each.
    """

    format: str
    expressions: Mapping[str, str]
    from_columns: Mapping[str, str]
    unmapped: tuple[str, ...] = ()
    start_column: str | None = None
    start_type: str | None = None
    shared: Mapping[str, str] = msgspec.field(default_factory=dict)
    without: Mapping[str, str] = msgspec.field(default_factory=dict)


class InPlaceFormat(Protocol):
    """A format whose tables are queried where they lie."""

    name: str

    def recognise(self, probe: Probe) -> bool:
        """True if this module reads the file."""
        ...

    def mapping(self, probe: Probe, overrides: Mapping[str, str]) -> ColumnMapping:
        """The mapping; `overrides` are the user's `--map field=column`. Raises BadInput with the nearest column."""
        ...


class ConvertedFormat(Protocol):
    """A format that is converted once into canonical Parquet parts."""

    name: str

    def recognise(self, probe: Probe) -> bool:
        """True if this module reads the file."""
        ...

    def read(self, probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
        """Batches of canonical rows as they are read; what cannot be read goes to `report`, it never raises."""
        ...


@runtime_checkable
class CompanionFormat(ConvertedFormat, Protocol):
    """A converted format whose files complete each other: content beside spans, sub-agents beside a session."""

    def together(self, probes: Sequence[Probe], report: ReadReport) -> ConvertedFormat:
        """A reader of these files that knows what stands in the others; called once, before any is read."""
        ...

    def related(self, probes: Sequence[Probe]) -> Sequence[Sequence[Probe]]:
        """The files in groups that complete each other: with one that is new the others are read anew."""
        ...


@runtime_checkable
class LineFormat(ConvertedFormat, Protocol):
    """A converted format whose lines may be read apart from each other, in several processes."""

    def is_by_line(self, probe: Probe) -> bool:
        """True if no line of this file of JSON lines says anything about another one. Raises OSError."""
        ...


@runtime_checkable
class ScoreFormat(Protocol):
    """Files of scores alone (feedback, annotations, assessments), opened together with the spans they are about."""

    name: str

    def recognise(self, probe: Probe) -> bool:
        """True if this module reads the file."""
        ...

    def read_scores(self, probe: Probe, report: ReadReport) -> Iterator[list[ScoreRecord]]:
        """Batches of scores; what cannot be read goes to `report`, it never raises."""
        ...
