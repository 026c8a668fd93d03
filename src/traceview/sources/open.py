"""A source opened: what its files are, how its tables are read, what is still to be converted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from traceview.sources.base import ColumnMapping, ReadReport


@dataclass(frozen=True, slots=True)
class SkippedInput:
    """Something that was not read: why, where, how often."""

    reason: str
    count: int
    where: str | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """Tables of one layout that are read in place through one mapping.

    `files` are Parquet files (kind parquet) or the one DuckDB file (kind duckdb) with its `table`.
    """

    kind: Literal["parquet", "duckdb"]
    files: tuple[Path, ...]
    mapping: ColumnMapping
    table: str | None = None
    rows: int | None = None
    """Rows of all files as their footers say; None where that is not known without reading."""

    def scan(self, catalog: str | None = None) -> str:
        """The FROM clause: read_parquet([...]), or the table in the catalog the DuckDB file was attached as."""
        raise NotImplementedError

    def select(self, columns: Sequence[str], catalog: str | None = None) -> str:
        """SELECT of canonical columns under their canonical names; NULL of the right type where one is missing."""
        raise NotImplementedError


@dataclass
class Conversion:
    """Files of one or more converted formats that become parts in a cache directory.

    `directory` is where the parts appear, at once and for good (it is not renamed at the end); `complete` is
    True if it was converted before and nothing has changed since, then `run` returns at once.
    """

    formats: tuple[str, ...]
    files: tuple[Path, ...]
    directory: Path
    mapping: ColumnMapping
    complete: bool
    report: ReadReport
    total_bytes: int

    def parts(self) -> tuple[Path, ...]:
        """The whole parts that are there now, in order of their names."""
        raise NotImplementedError

    def run(
        self,
        on_part: Callable[[Path], object] | None = None,
        cancel: Callable[[], bool] | None = None,
        on_progress: Callable[[float], object] | None = None,
    ) -> ReadReport:
        """Convert what is not converted yet; call from a worker thread or process. Raises Cancelled, BadInput."""
        raise NotImplementedError


@dataclass
class OpenedSources:
    """What `open_sources` found.

    `identity` is a stable hash of the files (path, size, mtime), the schema version and the mappings.
    """

    arguments: tuple[str, ...]
    paths: tuple[Path, ...]
    format: str
    relations: tuple[Relation, ...]
    conversion: Conversion | None
    identity: str
    skipped: tuple[SkippedInput, ...]
    total_bytes: int
    mapping_words: Mapping[str, str] = field(default_factory=dict)


def open_sources(arguments: Sequence[str], overrides: Mapping[str, str] | None = None) -> OpenedSources:
    """Locate, probe and map the arguments. Nothing is converted yet.

    `overrides` are `--map field=column` (`table` names a DuckDB table). Raises BadInput if nothing can be opened.
    """
    raise NotImplementedError
