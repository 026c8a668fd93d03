"""Labelled data out: the one entry for every format, streamed in batches, whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import msgspec
from msgspec import Struct

from traceview import __version__
from traceview.exports.content import ExportItem, ExportRow, Labels, ScoreColumn, content_of, target_of
from traceview.exports.registry import ExportFormat, FormatWriter, format_named
from traceview.exports.training.sinks import WHOLE
from traceview.exports.treatment import Hider, Treatment
from traceview.files.atomic import atomic_write, replacing
from traceview.files.dirs import cache_dir, expanded, private_dir
from traceview.files.replaceable import check_replaceable
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

UNTREATED = Treatment()
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
    parts: Mapping[str, int] = msgspec.field(default_factory=dict)
    """Rows of each file."""
    redacted: Mapping[str, int] = msgspec.field(default_factory=dict)

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
    treatment: Treatment = UNTREATED,
) -> ExportReport:
    """Write a row per labelled target (per target with `all_targets`) to `path`, atomically, in batches.

    `format` is jsonl, csv or parquet; `labels` are the current rows. Where a format has no metadata of its own,
    PATH.meta.json carries it. A `treatment` with splits writes a file of each. Raises BadInput if a file exists and
    not `force`, or if it is the source itself.
    """
    chosen = format_named(format)
    path = expanded(path).absolute()
    files = treatment.files(path)
    sidecars = {} if chosen.carries_metadata else {part: metadata_path(file) for part, file in files.items()}
    for part, file in files.items():
        _check_free(file, sidecars.get(part), origin, force)
    counter = _Counter()
    try:
        with ExitStack() as stack:
            temporaries = {
                part: stack.enter_context(replacing(file, mode=0o644)) for part, file in files.items()
            }
            told = _write(chosen, temporaries, rows, tuple(labels), counter, origin, all_targets, treatment)
            for part, sidecar in sidecars.items():
                text = json.dumps({"traceview_export": told[part]}, ensure_ascii=False, indent=2)
                atomic_write(sidecar, text + "\n", mode=0o644)
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from error
    return ExportReport(
        counter.written,
        counter.seen,
        path,
        next(iter(sidecars.values()), None),
        counter.labelled,
        dict(counter.kinds),
        {str(files[part]): told[part]["rows"] for part in files},
        dict(counter.redacted),
    )


def export_to_stream(
    format: str,
    rows: Iterable[ExportRow],
    stream: IO[bytes],
    *,
    labels: Iterable[LabelRow],
    origin: ExportOrigin,
    all_targets: bool = False,
    treatment: Treatment = UNTREATED,
) -> dict[str, Any]:
    """Write what `export` writes to a stream, once all rows are read; the metadata, which nothing else holds.

    Raises BadInput for splits, which are several files.
    """
    chosen = format_named(format)
    if treatment.split is not None:
        raise BadInput("splits are several files", hint="name a file with -o PATH")
    with TemporaryDirectory(prefix="export-", dir=private_dir(cache_dir())) as directory:
        path = Path(directory) / "rows"
        parts = {WHOLE: path}
        told = _write(chosen, parts, rows, tuple(labels), _Counter(), origin, all_targets, treatment)
        metadata = told[WHOLE]
        with path.open("rb") as written:
            shutil.copyfileobj(written, stream)
    return metadata


def _write(
    chosen: ExportFormat,
    parts: Mapping[str, Path],
    rows: Iterable[ExportRow],
    labels: Sequence[LabelRow],
    counter: _Counter,
    origin: ExportOrigin,
    all_targets: bool,
    treatment: Treatment,
) -> dict[str, dict[str, Any]]:
    """Write the rows to the file of their part, batch by batch; the metadata of each."""
    hider = Hider(treatment.redact, labels)
    known, shown = Labels(labels), Labels(hider.labels(labels))
    writers: dict[str, FormatWriter] = {}
    try:
        for part, path in parts.items():
            writers[part] = chosen.load()(path, shown)
        for part, batch in _batches(rows, known, all_targets, counter, treatment, hider):
            writers[part].write(batch)
        counter.redacted = hider.counts
        found = {}
        for part, writer in writers.items():
            found[part] = (
                _metadata(chosen.name, origin, counter, known, all_targets)
                | treatment.described(part)
                | {
                    "rows": counter.by_part[part],
                    "columns": {column.name: _meaning(column) for column in writer.columns},
                    "notes": list(writer.notes),
                }
            )
            if hider.counts:
                found[part]["redacted"] = dict(sorted(hider.counts.items()))
            # the same rows give the same bytes: a time stands only in the file beside
            writer.finish({name: told for name, told in found[part].items() if name != "exported_at"})
    finally:
        for writer in writers.values():
            writer.close()
    return found


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
    by_part: Counter[str] = field(default_factory=Counter)
    redacted: Counter[str] = field(default_factory=Counter)


def _batches(
    rows: Iterable[ExportRow],
    labels: Labels,
    all_targets: bool,
    counter: _Counter,
    treatment: Treatment,
    hider: Hider,
) -> Iterator[tuple[str, list[ExportItem]]]:
    batches: dict[str, list[ExportItem]] = {part: [] for part in treatment.names}
    characters = 0
    for row in rows:
        counter.seen += 1
        counter.kinds[str(row["target_kind"])] += 1
        given = labels.of(target_of(row))
        if not given and not all_targets:
            continue
        counter.written += 1
        counter.labelled += bool(given)
        item = hider.item(ExportItem(content_of(row), given))
        part = treatment.part_of(row)
        counter.by_part[part] += 1
        batches[part].append(item)
        characters += len(item.content["input"] or "") + len(item.content["output"] or "")
        if len(batches[part]) >= BATCH_ROWS or characters >= BATCH_CHARACTERS:
            yield from ((name, batch) for name, batch in batches.items() if batch)
            batches, characters = {name: [] for name in batches}, 0
    yield from ((name, batch) for name, batch in batches.items() if batch)


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
        if taken is not None:
            check_replaceable(taken)


def _same_file(path: Path, other: str) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return False
