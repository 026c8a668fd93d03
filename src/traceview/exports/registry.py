"""The formats of `traceview export`: one module and one line each."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from traceview.exports.content import ExportItem, Labels, ScoreColumn
from traceview.model.errors import BadInput


class FormatWriter(Protocol):
    """Writes one file. `notes` say in words how the format holds what it has no form for.

    `columns` are the flat columns made from labels; empty where labels are nested.
    """

    notes: Sequence[str]
    columns: Sequence[ScoreColumn]

    def write(self, batch: Sequence[ExportItem]) -> None:
        """Append a batch."""
        ...

    def finish(self, metadata: Mapping[str, Any]) -> None:
        """Everything is written: put the metadata in, if the format carries any, and end the file."""
        ...

    def close(self) -> None:
        """Let go of the file, finished or not."""
        ...


class ExportFormat(Struct, frozen=True):
    """A format: its module has a class `Writer(path, labels)`."""

    name: str
    module: str
    carries_metadata: bool

    def load(self) -> Callable[[Path, Labels], FormatWriter]:
        """The writer's class; its libraries are imported now."""
        writer: Callable[[Path, Labels], FormatWriter] = import_module(self.module).Writer
        return writer


FORMATS: dict[str, ExportFormat] = {
    "jsonl": ExportFormat("jsonl", "traceview.exports.json_lines", carries_metadata=False),
    "csv": ExportFormat("csv", "traceview.exports.comma_separated", carries_metadata=False),
    "parquet": ExportFormat("parquet", "traceview.exports.parquet", carries_metadata=True),
}


def format_named(name: str) -> ExportFormat:
    """The format of this name. Raises BadInput with the nearest one."""
    if name in FORMATS:
        return FORMATS[name]
    near = difflib.get_close_matches(name, FORMATS, n=1, cutoff=0.5)
    raise BadInput(
        f"{name!r} is not an export format: {', '.join(FORMATS)}",
        hint=f"did you mean {near[0]}?" if near else None,
    )
