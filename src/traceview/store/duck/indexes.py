"""An index as queries see it: where its tables are and which generation of answers they give."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from traceview.store.duck.reading import Reader
from traceview.store.interface import Level

SMALL_SPANS = 50_000
"""Sources up to this are indexed in memory: no child process, and what was built is kept in a file afterwards."""
KEPT_SPANS = 4_000
"""Below this a source is indexed again at every open: that takes no longer than to look for a file."""

NUMBER: dict[Level, str] = {"traces": "trace_no", "threads": "thread_no", "spans": "span_no"}
ID: dict[Level, str] = {"traces": "trace_id", "threads": "thread_id", "spans": "span_id"}


class Segment(Struct, frozen=True):
    """Tables that hold some of the rows of an index: the schema they are in, or the catalog of an index file."""

    name: str
    file: Path | None = None

    @property
    def drop(self) -> str:
        """The statement that lets go of it."""
        return f"DETACH {self.name}" if self.file is not None else f"DROP SCHEMA {self.name} CASCADE"


class Index(Struct, frozen=True):
    """Tables with the columns of `schema`, and the FROM items that name them.

    `complete` is False while they hold only a part of the source. `file` is the index file that alone holds them.
    An index that grew has several `segments` under the views in the schema `gone`, whose tables `gone_*` name the
    rows that a later segment has.
    """

    reader: Reader
    complete: bool
    spans: str
    traces: str
    threads: str
    segments: tuple[Segment, ...]
    gone: str | None = None

    @classmethod
    def plain(cls, name: str, reader: Reader, *, complete: bool = True, file: Path | None = None) -> Index:
        """An index whose tables are in one schema in memory, or in an attached file."""
        segments = (Segment(name, file),)
        return cls(reader, complete, f"{name}.spans", f"{name}.traces", f"{name}.threads", segments)

    @classmethod
    def grown(cls, views: str, reader: Reader, segments: tuple[Segment, ...], *, complete: bool) -> Index:
        """An index whose tables are views over several segments."""
        tables = (f"{views}.spans", f"{views}.traces", f"{views}.threads")
        return cls(reader, complete, *tables, segments, views)

    @property
    def file(self) -> Path | None:
        """The index file that alone holds the tables."""
        return self.segments[0].file if self.gone is None else None

    @property
    def prompts(self) -> str:
        """The schema or catalog whose tables tell the inferred versions of prompts."""
        return self.gone or self.segments[0].name

    @property
    def owned(self) -> tuple[Segment, ...]:
        """What has to be let go of once no index has it; views before their tables."""
        return self.segments if self.gone is None else (Segment(self.gone), *self.segments)

    def table(self, level: Level) -> str:
        """The FROM item of a level."""
        return {"traces": self.traces, "threads": self.threads, "spans": self.spans}[level]
