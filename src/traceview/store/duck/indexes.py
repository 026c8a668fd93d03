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
    """Tables with the columns of `schema`, under FROM items that may join an overlay of newer parts.

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
    overlay: str | None = None

    @classmethod
    def plain(cls, name: str, reader: Reader, *, complete: bool = True, file: Path | None = None) -> Index:
        """An index whose tables are in one schema in memory, or in an attached file."""
        return cls(name, reader, complete, f"{name}.spans", f"{name}.traces", f"{name}.threads", file)

    @classmethod
    def overlaid(cls, base: Index, overlay: str, reader: Reader, complete: bool) -> Index:
        """A base index where `overlay` has the newer state of the traces and threads listed in its table `gone`."""
        gone = {
            "spans": f"trace_no NOT IN (SELECT no FROM {overlay}.gone_traces)",
            "traces": f"trace_no NOT IN (SELECT no FROM {overlay}.gone_traces)",
            "threads": f"thread_no NOT IN (SELECT no FROM {overlay}.gone_threads)",
        }
        tables = {
            name: f"(SELECT * FROM {base.name}.{name} WHERE {condition} UNION ALL SELECT * FROM {overlay}.{name})"
            for name, condition in gone.items()
        }
        return cls(
            base.name, reader, complete, tables["spans"], tables["traces"], tables["threads"], None, overlay
        )

    def table(self, level: Level) -> str:
        """The FROM item of a level."""
        return {"traces": self.traces, "threads": self.threads, "spans": self.spans}[level]
