"""Labelled data out: the one entry for every format, streamed in batches, whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import msgspec
from msgspec import Struct

from traceview import __version__
from traceview.exports.content import ExportItem, ExportRow, Labels, ScoreColumn, content_of, target_of
from traceview.exports.registry import ExportFormat, format_named
from traceview.files.atomic import atomic_write, replacing
from traceview.files.dirs import cache_dir, expanded, private_dir
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow

__all__ = [
    "ExportOrigin",
    "ExportReport",
    "ExportRow",
    "export",
    "export_to_stream",
    "metadata_path",
    "target_of",
    "written_sentence",
]

BATCH_ROWS = 1_024
BATCH_CHARACTERS = 16_000_000


class ExportOrigin(Struct, frozen=True):
    """Where the rows came from: the filter's text, the source's files and identity, the label file."""

    filter: str
    source: tuple[str, ...]
    identity: str | None = None
    labels: str | None = None
    extra: Mapping[str, Any] = msgspec.field(default_factory=dict)


class ExportReport(Struct, frozen=True):
    """What was written: `rows` of `of` targets, `labelled` of them with a label, `kinds` of all of them, the files."""

    rows: int
    of: int
    path: Path
    metadata_path: Path | None
    labelled: int = 0
    kinds: Mapping[str, int] = msgspec.field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """How many were written of how many, without the path."""
        return written_sentence(self.rows, self.of, self.labelled, self.kinds)


def written_sentence(rows: int, of: int, labelled: int, kinds: Mapping[str, int]) -> str:
    """`31 labelled of 904 that match (683 traces, 221 threads)`; what is empty is a warning."""
    if not of:
        return "warning: nothing matches, so the export has no rows"
    by_kind = ", ".join(
        f"{count:,} {kind}{'' if count == 1 else 's'}" for kind, count in kinds.items() if count
    )
    if not rows:
        return f"warning: none of {of:,} that match ({by_kind}) has a label, so the export has no rows"
    if rows == of:
        return f"all {of:,} that match ({by_kind}), {labelled:,} of them labelled"
    return f"{rows:,} labelled of {of:,} that match ({by_kind})"


def export(
    format: str,
    rows: Iterable[ExportRow],
    path: Path,
    *,
    labels: Iterable[LabelRow],
    origin: ExportOrigin,
    all_targets: bool = False,
    force: bool = False,
) -> ExportReport:
    """Write a row per labelled target (per target with `all_targets`) to `path`, atomically, in batches.

    `format` is jsonl, csv or parquet; `labels` are the current rows. Where a format has no metadata of its own,
    PATH.meta.json carries it. Raises BadInput if a file exists and not `force`, or if it is the source itself.
    """
    chosen = format_named(format)
    path = expanded(path).absolute()
    sidecar = None if chosen.carries_metadata else metadata_path(path)
    _check_free(path, sidecar, origin, force)
    known = Labels(labels)
    counter = _Counter()
    try:
        with replacing(path, mode=0o644) as temporary:
            metadata = _write(chosen, temporary, rows, known, counter, origin, all_targets)
            if sidecar is not None:
                text = json.dumps({"traceview_export": metadata}, ensure_ascii=False, indent=2)
                atomic_write(sidecar, text + "\n", mode=0o644)
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from error
    return ExportReport(counter.written, counter.seen, path, sidecar, counter.labelled, dict(counter.kinds))


def export_to_stream(
    format: str,
    rows: Iterable[ExportRow],
    stream: IO[bytes],
    *,
    labels: Iterable[LabelRow],
    origin: ExportOrigin,
    all_targets: bool = False,
) -> dict[str, Any]:
    """Write what `export` writes to a stream, once all rows are read; the metadata, which nothing else holds."""
    chosen = format_named(format)
    known = Labels(labels)
    with TemporaryDirectory(prefix="export-", dir=private_dir(cache_dir())) as directory:
        path = Path(directory) / "rows"
        metadata = _write(chosen, path, rows, known, _Counter(), origin, all_targets)
        with path.open("rb") as written:
            shutil.copyfileobj(written, stream)
    return metadata


def _write(
    chosen: ExportFormat,
    path: Path,
    rows: Iterable[ExportRow],
    known: Labels,
    counter: _Counter,
    origin: ExportOrigin,
    all_targets: bool,
) -> dict[str, Any]:
    """Write the rows to a file, batch by batch; the metadata."""
    writer = chosen.load()(path, known)
    try:
        for batch in _batches(rows, known, all_targets, counter):
            writer.write(batch)
        metadata = _metadata(chosen.name, origin, counter, known, all_targets) | {
            "columns": {column.name: _meaning(column) for column in writer.columns},
            "notes": list(writer.notes),
        }
        # the same rows give the same bytes: a time stands only in the file beside
        writer.finish({name: told for name, told in metadata.items() if name != "exported_at"})
    finally:
        writer.close()
    return metadata


def metadata_path(path: Path) -> Path:
    """The file beside an export that says where its rows came from."""
    return path.with_name(path.name + ".meta.json")


@dataclass
class _Counter:
    """Targets seen, written, and written with a label."""

    seen: int = 0
    written: int = 0
    labelled: int = 0
    kinds: Counter[str] = field(default_factory=Counter)


def _batches(
    rows: Iterable[ExportRow], labels: Labels, all_targets: bool, counter: _Counter
) -> Iterator[list[ExportItem]]:
    batch: list[ExportItem] = []
    characters = 0
    for row in rows:
        counter.seen += 1
        counter.kinds[str(row["target_kind"])] += 1
        given = labels.of(target_of(row))
        if not given and not all_targets:
            continue
        counter.written += 1
        counter.labelled += bool(given)
        item = ExportItem(content_of(row), given)
        batch.append(item)
        characters += len(item.content["input"] or "") + len(item.content["output"] or "")
        if len(batch) >= BATCH_ROWS or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _metadata(
    format: str, origin: ExportOrigin, counter: _Counter, labels: Labels, all_targets: bool
) -> dict[str, Any]:
    return {
        "format": format,
        "traceview_version": __version__,
        "exported_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "filter": origin.filter,
        "source": list(origin.source),
        "source_identity": origin.identity,
        "labels": origin.labels,
        "unlabelled_too": all_targets,
        "rows": counter.written,
        "targets": counter.seen,
        "targets_by_kind": dict(counter.kinds),
        "labelled_rows": counter.labelled,
        "labelled_targets_in_label_file": len(labels),
        **origin.extra,
    }


def _meaning(column: ScoreColumn) -> dict[str, str]:
    """Whose what a column holds: its name alone does not say where names or annotators have dots."""
    name, source, annotator = column.key
    return {"name": name, "source": source, "annotator": annotator, "field": column.field}


def _check_free(path: Path, sidecar: Path | None, origin: ExportOrigin, force: bool) -> None:
    """Raise BadInput if a file may not be written at this path."""
    if path.is_dir():
        raise BadInput(f"{path} is a directory", hint="name a file in it")
    if not path.parent.is_dir():
        raise BadInput(f"the folder {path.parent} does not exist", hint="create it first")
    for kept in (*origin.source, *([origin.labels] if origin.labels else ())):
        if _same_file(path, kept):
            raise BadInput(f"{path} is what the rows are read from; it is never written")
    for taken in (path, sidecar):
        if taken is not None and taken.exists() and not force:
            raise BadInput(f"{taken} exists", hint="name another file, or replace it with --force")


def _same_file(path: Path, other: str) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return False
