"""An index as queries see it: where its tables are and which generation of answers they give."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from traceview.store.duck.reading import Reader
from traceview.store.interface import Level

SMALL_SPANS = 50_000
"""Sources below this are indexed in memory: no file, no child process."""

NUMBER: dict[Level, str] = {"traces": "trace_no", "threads": "thread_no", "spans": "span_no"}
ID: dict[Level, str] = {"traces": "trace_id", "threads": "thread_id", "spans": "span_id"}


@dataclass(frozen=True, slots=True)
class Index:
    """Tables with the columns of `schema`, and the FROM items that name them.

    `complete` is False while they hold only a part of the source. `name` is the schema or catalog, `file` the
    index file that alone holds them.
    """

    name: str
    reader: Reader
    complete: bool
    spans: str
    traces: str
    threads: str
    file: Path | None = None

    @classmethod
    def plain(cls, name: str, reader: Reader, *, complete: bool = True, file: Path | None = None) -> Index:
        """An index whose tables are in one schema in memory, or in an attached file."""
        return cls(name, reader, complete, f"{name}.spans", f"{name}.traces", f"{name}.threads", file)

    def table(self, level: Level) -> str:
        """The FROM item of a level."""
        return {"traces": self.traces, "threads": self.threads, "spans": self.spans}[level]
