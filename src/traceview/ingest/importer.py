"""`import`: any source into a store, a directory of canonical parts; importing again adds nothing twice."""

from __future__ import annotations

import fcntl
import hashlib
import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from traceview.files.atomic import TEMPORARY_PREFIX, TEMPORARY_SUFFIX, atomic_write
from traceview.files.dirs import private_dir
from traceview.model.errors import BadInput
from traceview.model.schema import SCHEMA_VERSION
from traceview.sources.base import ReadReport
from traceview.sources.copying import copy_new_spans
from traceview.sources.identity import FileIdentity
from traceview.sources.open import OpenedSources, Relation, SkippedInput, open_sources
from traceview.sources.parts import PART_SUFFIX, check_part, parts_in

MANIFEST = ".traceview-store.json"
_LOCK = ".traceview-store.lock"
_ABANDONED_SECONDS = 3600


@dataclass
class ImportReport:
    """What an import did: files read, spans added, spans and files that were in the store before, skipped."""

    store: str
    files: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    spans: int = 0
    already: int = 0
    skipped: list[SkippedInput] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The report as one JSON object."""
        return asdict(self)

    def sentences(self) -> list[str]:
        """The report for people."""
        told = [f"{self.spans:,} spans of {len(self.files)} files written to {self.store}"]
        if self.already:
            told.append(f"{self.already:,} spans were in the store already")
        if self.unchanged:
            told.append(f"{len(self.unchanged)} files were imported before and have not changed")
        for skipped in self.skipped:
            place = f" ({skipped.where})" if skipped.where else ""
            told.append(f"skipped: {skipped.count:,} x {skipped.reason}{place}")
        return told


def import_sources(
    arguments: Sequence[str], store: Path, *, overrides: Mapping[str, str] | None = None
) -> ImportReport:
    """Read sources into a store and say what was read and skipped.

    A file that the store's manifest knows with the same size, time and mapping is not read again; a span whose
    trace and span id are in the store is not written again. Raises BadInput if nothing can be opened or the
    store cannot be written.
    """
    store = store.expanduser().absolute()
    opened = open_sources(arguments, overrides)
    inside = [path for path in opened.paths if path.is_relative_to(store)]
    if inside:
        raise BadInput(f"{inside[0]} lies in the store {store} itself", hint="give --to another directory")
    private_dir(store)
    report = ImportReport(str(store), skipped=list(opened.skipped))
    try:
        with _locked(store):
            _import(opened, store, report)
    except OSError as error:
        raise BadInput(f"cannot write to the store {store}: {error.strerror or error}") from error
    return report


def _import(opened: OpenedSources, store: Path, report: ImportReport) -> None:
    _tidy(store)
    known = _manifest(store)
    existing = _good_parts(store, report)
    for relation in opened.relations:
        for path in relation.files:
            key = _key([path], relation)
            single = replace(relation, files=(path,), rows=None)
            _add(store, existing, known, key, single, [path], report)
    conversion = opened.conversion
    if conversion is None:
        return
    key = _key(conversion.files, None)
    if key in known:
        report.unchanged.extend(str(path) for path in conversion.files)
        return
    read = conversion.run()
    try:
        converted = Relation("parquet", conversion.parts(), conversion.mapping)
        _add(store, existing, known, key, converted, list(conversion.files), report)
    finally:
        conversion.close()
    report.skipped.extend(skipped_of(read))


def skipped_of(read: ReadReport) -> Iterator[SkippedInput]:
    """What a conversion left out, with the first places of each reason."""
    for reason, count in sorted(read.skipped.items()):
        yield SkippedInput(reason, count, ", ".join(read.places.get(reason, [])) or None)


def _add(
    store: Path,
    existing: list[Path],
    known: dict[str, Any],
    key: str,
    relation: Relation,
    files: list[Path],
    report: ImportReport,
) -> None:
    """One relation into one part, then its line in the manifest; killed in between, the part's spans are known."""
    if key in known:
        report.unchanged.extend(str(path) for path in files)
        return
    now = datetime.now(UTC)
    part = store / f"part-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}{PART_SUFFIX}"
    copied = copy_new_spans(relation, existing, part)
    if copied.written:
        existing.append(part)
    report.files.extend(str(path) for path in files)
    report.spans += copied.written
    report.already += copied.already
    known[key] = {
        "files": [str(path) for path in files],
        "part": part.name if copied.written else None,
        "spans": copied.written,
        "imported_at": now.isoformat(),
    }
    atomic_write(store / MANIFEST, json.dumps({"schema": SCHEMA_VERSION, "imports": known}, indent=1))


def _tidy(store: Path) -> None:
    """Remove temporary files that a killed writer left long ago."""
    for left in store.glob(f"{TEMPORARY_PREFIX}*{TEMPORARY_SUFFIX}"):
        if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
            left.unlink(missing_ok=True)


def _key(files: Sequence[Path], relation: Relation | None) -> str:
    """The identity of what is imported: files as they are now, and the mapping they are read through."""
    told: list[Any] = [asdict(FileIdentity.of(path)) for path in files]
    if relation is not None:
        told.append([relation.table, dict(relation.mapping.expressions)])
    return hashlib.sha256(json.dumps(told).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _manifest(store: Path) -> dict[str, Any]:
    path = store / MANIFEST
    try:
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise BadInput(
            f"{path} is damaged: {error}", hint="remove it: spans are still not imported twice"
        ) from error
    if not isinstance(told, dict) or not isinstance(told.get("imports"), dict):
        raise BadInput(f"{path} is no manifest of a store", hint="give --to another directory")
    if told.get("schema", 0) > SCHEMA_VERSION:
        raise BadInput(f"{store} was written by a newer traceview (schema {told['schema']})")
    imports: dict[str, Any] = told["imports"]
    return imports


def _good_parts(store: Path, report: ImportReport) -> list[Path]:
    """The parts of the store; a torn one is told, a foreign one refuses the store."""
    good = []
    for part in parts_in(store):
        reason = check_part(part)
        if reason is None:
            good.append(part)
        elif reason.startswith("columns are missing"):
            raise BadInput(
                f"{store} is not a store of traceview: {part.name} is another kind of Parquet file",
                hint="give --to an empty or a new directory",
            )
        else:
            report.skipped.append(SkippedInput(f"a part of the store cannot be read: {reason}", 1, str(part)))
    return good


@contextmanager
def _locked(store: Path) -> Iterator[None]:
    """One import into a store at a time; a second one waits."""
    with (store / _LOCK).open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
