"""Converts files into canonical parts, once: kept in the cache and reopened while the files are unchanged."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from msgspec import to_builtins

from traceview.files.atomic import atomic_write
from traceview.files.dirs import cache_dir, private_dir
from traceview.model.errors import BadInput, Cancelled
from traceview.model.schema import SCHEMA_VERSION
from traceview.sources.base import (
    ColumnMapping,
    ConvertedFormat,
    Probe,
    ReadReport,
)
from traceview.sources.identity import FileIdentity
from traceview.sources.parallel import read_in_parallel, workers_for
from traceview.sources.parts import StoreWriter, no_space, parts_in
from traceview.sources.readers import guarded, read_alone, together
from traceview.sources.tables import canonical_mapping

CONVERTER_VERSION = 10
"""Grows when a reader gives other rows for the same file, so that caches are made anew."""

_PREFIX = "converted-"
_MANIFEST = "manifest.json"
_OWNER = "owner.lock"


@dataclass
class Conversion:
    """Files of converted formats that become parts in a cache directory.

    `directory` is where the parts appear, at once and for good: nothing is renamed at the end, a manifest
    beside it says that it is complete. `complete` is True if that was so before; then `run` returns at once.
    """

    formats: tuple[str, ...]
    files: tuple[Path, ...]
    directory: Path
    complete: bool
    report: ReadReport
    total_bytes: int
    mapping: ColumnMapping = field(default_factory=canonical_mapping)
    work: tuple[tuple[ConvertedFormat, Probe], ...] = ()
    """The files in the order in which they are read, each with its format."""
    _identities: tuple[FileIdentity, ...] = ()
    _owner: IO[bytes] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def parts(self) -> tuple[Path, ...]:
        """The whole parts that are there now, in order of their names."""
        return parts_in(self.directory)

    def run(
        self,
        on_part: Callable[[Path], object] | None = None,
        cancel: Callable[[], bool] | None = None,
        on_progress: Callable[[float], object] | None = None,
    ) -> ReadReport:
        """Convert what is not converted yet; call from a worker thread.

        `on_part` gets each part as it appears, `cancel` is asked between batches, `on_progress` gets 0 to 1.
        Raises Cancelled, and BadInput if the cache cannot be written or no file gave a single span.
        """
        with self._lock:
            if not self.complete:
                try:
                    self._convert(on_part, cancel, on_progress)
                except OSError as error:
                    raise no_space(self.directory, error) from error
                self.complete = True
        return self.report

    def close(self) -> None:
        """Give up the directory if it was not completed."""
        with self._lock:
            if not self.complete:
                shutil.rmtree(self.directory, ignore_errors=True)
            if self._owner is not None:
                self._owner.close()
                self._owner = None

    def _convert(
        self,
        on_part: Callable[[Path], object] | None,
        cancel: Callable[[], bool] | None,
        on_progress: Callable[[float], object] | None,
    ) -> None:
        self._claim()
        report = ReadReport()
        self.report = report
        done = 0
        with StoreWriter(self.directory, on_part=on_part) as writer:
            readers, alone = together(self.work, report), read_alone(self.work)
            for (reader, probe), identity in zip(self.work, self._identities, strict=True):
                report.bytes_read = 0
                workers = workers_for(reader, probe) if probe.path in alone else 1
                if workers > 1:
                    with closing(read_in_parallel(reader, probe, report, workers)) as tables:
                        for table in tables:
                            writer.add_table(table)
                            self._went_on(cancel, on_progress, done + min(identity.size, report.bytes_read))
                else:
                    for rows in guarded(readers[reader.name], probe, report):
                        writer.add(rows)
                        self._went_on(cancel, on_progress, done + min(identity.size, report.bytes_read))
                done += identity.size
                self._tell(on_progress, done)
        report.spans = writer.spans
        if not writer.spans:
            self._nothing(report)
        if self._unchanged():
            manifest = {
                "run": self.directory.name,
                "parts": {part.name: part.stat().st_size for part in writer.parts},
                "report": {"spans": report.spans, "skipped": report.skipped, "places": report.places},
                "files": [to_builtins(identity) for identity in self._identities],
            }
            atomic_write(self.directory.parent / _MANIFEST, json.dumps(manifest, indent=1))

    def _went_on(
        self, cancel: Callable[[], bool] | None, on_progress: Callable[[float], object] | None, done: int
    ) -> None:
        if cancel is not None and cancel():
            raise Cancelled
        self._tell(on_progress, done)

    def _tell(self, on_progress: Callable[[float], object] | None, done: int) -> None:
        if on_progress is not None and self.total_bytes:
            on_progress(min(1.0, done / self.total_bytes))

    def _claim(self) -> None:
        """An own directory whose lock is held while this process lives, so that nobody tidies it away."""
        home = private_dir(self.directory.parent)
        shutil.rmtree(self.directory, ignore_errors=True)
        # it gets its name when its lock is held already: no moment in which it looks abandoned
        unnamed = private_dir(home / f".{self.directory.name}")
        self._owner = (unnamed / _OWNER).open("wb")
        fcntl.flock(self._owner, fcntl.LOCK_SH)
        unnamed.rename(self.directory)

    def _unchanged(self) -> bool:
        try:
            now = tuple(FileIdentity.of(Path(identity.path)) for identity in self._identities)
        except OSError:
            return False
        return now == self._identities

    def _nothing(self, report: ReadReport) -> None:
        told = "; ".join(
            f"{count} x {reason} ({', '.join(report.places.get(reason, []))})"
            for reason, count in report.skipped.most_common(3)
        )
        names = ", ".join(str(path) for path in self.files[:3])
        if len(self.files) > 3:
            names += f" and {len(self.files) - 3} more"
        # The reason is part of the message: the app's status line has no place for a hint.
        reason = told or ("they have" if len(self.files) > 1 else "it has") + " the right layout but no spans"
        raise BadInput(f"no span could be read from {names}: {reason}")


def plan_conversion(work: Sequence[tuple[ConvertedFormat, Sequence[Probe]]]) -> Conversion:
    """The conversion of files, complete already if the cache has it. Nothing is read yet.

    Raises BadInput if the cache directory cannot be used, OSError if a file has vanished.
    """
    ordered = tuple((reader, probe) for reader, probes in work for probe in probes)
    files = tuple(probe.path for _, probe in ordered)
    identities = tuple(FileIdentity.of(path) for path in files)
    names = tuple(reader.name for reader, _ in work)
    home = cache_dir() / f"{_PREFIX}{conversion_key(names, identities)}"
    kept = _reopen(home)
    if kept is not None:
        directory, report = kept
    else:
        directory, report = home / f"run-{os.getpid()}-{secrets.token_hex(4)}", ReadReport()
    for other in home.parent.glob(f"{_PREFIX}*"):
        _tidy(other, keep=directory)
    total = sum(identity.size for identity in identities)
    return Conversion(
        names, files, directory, kept is not None, report, total, work=ordered, _identities=identities
    )


def conversion_key(formats: Iterable[str], identities: Iterable[FileIdentity]) -> str:
    """The name under which a conversion is kept: changes with the files, the schema and the readers."""
    told = [
        SCHEMA_VERSION,
        CONVERTER_VERSION,
        list(formats),
        [to_builtins(identity) for identity in identities],
    ]
    return hashlib.sha256(json.dumps(told).encode("utf-8", "surrogateescape")).hexdigest()[:24]


def _reopen(home: Path) -> tuple[Path, ReadReport] | None:
    """The parts and the report of a finished conversion; None if there is none or a part of it is gone."""
    try:
        manifest: dict[str, Any] = json.loads((home / _MANIFEST).read_bytes())
        directory = home / manifest["run"]
        if any((directory / name).stat().st_size != size for name, size in manifest["parts"].items()):
            return None
        told = manifest["report"]
        report = ReadReport(spans=told["spans"], places=told["places"])
        report.skipped.update(told["skipped"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return directory, report


def _tidy(home: Path, keep: Path) -> None:
    """Remove what a killed process left: directories that no living process holds."""
    try:
        runs = [path for path in home.iterdir() if path.is_dir() and path != keep and path.name[0] != "."]
    except OSError:
        return
    named = _reopen(home)
    for run in runs:
        if named is not None and named[0] == run:
            continue
        try:
            with (run / _OWNER).open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(run, ignore_errors=True)
        except OSError:
            continue  # held by a living process, or on its way
