"""`import`: any source into a store, a directory of canonical parts; importing again adds nothing twice.

Sources are read one after the other and written as parts while they are read, in memory that does not grow with them.
A span counts by its trace and span id: one that is in the store with this content is not written again, one with
another content is, and the newest counts, as wherever a span was written more than once. An import that was interrupted
or killed leaves whole parts; another one goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from traceview.ingest.directory import StoreDirectory
from traceview.ingest.memory import Memory, key_of
from traceview.ingest.report import Difference, ImportReport, skipped_of
from traceview.ingest.scores import ScoreWriter
from traceview.ingest.writing import SpanWriter
from traceview.model.errors import BadInput
from traceview.sources.base import CompanionFormat, ConvertedFormat, Probe, ReadReport
from traceview.sources.locate import absolute, shown
from traceview.sources.open import OpenedSources, Relation, SkippedInput, open_sources
from traceview.sources.parallel import read_in_parallel, workers_for
from traceview.sources.parts import check_part
from traceview.sources.rare_collections import rare_collections
from traceview.sources.readers import guarded, together
from traceview.sources.stored import Stored
from traceview.sources.streaming import canonical_batches


class Progress(Struct, frozen=True):
    """How far an import is: bytes of the sources read, of how many, and the spans read."""

    bytes: int
    total_bytes: int
    spans: int


Tell = Callable[[Progress], object]


def import_sources(
    arguments: Sequence[str],
    store: Path,
    *,
    overrides: Mapping[str, str] | None = None,
    on_progress: Tell | None = None,
    on_wait: Callable[[int], object] | None = None,
) -> ImportReport:
    """Read sources into a store and say what was read and skipped, also sources that are not there.

    A file that the store's manifest knows with the same size, time and mapping is not read again. `on_wait` gets the
    process id of another import or compaction that is waited for. Raises BadInput if nothing can be opened or the store
    cannot be written.
    """
    opened = open_sources(arguments, overrides, scores_alone=True, some_missing=True)
    path = store.expanduser().absolute()
    inside = [one for one in opened.paths if one.is_relative_to(path)]
    if inside:
        raise BadInput(f"{inside[0]} lies in the store {path} itself", hint="give --to another directory")
    try:
        directory = StoreDirectory(path)
        with directory.working(on_wait), rare_collections:
            return _Import(opened, directory, on_progress).run()
    except OSError as error:
        raise BadInput(f"cannot write to the store {path}: {error.strerror or error}") from error


class _Import:
    """One run."""

    def __init__(self, opened: OpenedSources, store: StoreDirectory, on_progress: Tell | None) -> None:
        self._opened = opened
        self._store = store
        self._on_progress = on_progress
        self._report = ImportReport(str(store.path), skipped=list(opened.skipped), failed=_failed(opened))
        self._memory = Memory(store.path)
        self._report.gone = self._memory.gone
        self._read = ReadReport()
        self._done = 0

    def run(self) -> ImportReport:
        """Read what is new."""
        self._store.tidy()
        with Stored(_good_parts(self._store, self._report)) as stored:
            writer = SpanWriter(self._store, stored, self._report)
            for relation in self._opened.relations:
                for path in relation.files:
                    self._table(replace(relation, files=(path,), rows=None), path, writer)
            if self._opened.conversion is not None:
                self._converted(self._opened.conversion.work, writer)
            writer.flush()
        self._scores()
        self._memory.save()
        self._report.parts_in_store = len(self._store.parts())
        self._report.skipped.extend(skipped_of(self._read))
        return self._report

    def _table(self, relation: Relation, path: Path, writer: SpanWriter) -> None:
        """The rows of one table that is read in place."""
        mapping = relation.mapping
        key = key_of(path, f"{mapping.format} {relation.table}", mapping.expressions)
        origin = self._opened.origins.get(path, path)
        if self._is_unchanged(key, path, shown(origin)):
            return
        difference, read = Difference(self._read), 0
        size = path.stat().st_size
        whole = True
        try:
            for batch in canonical_batches(relation):
                writer.add_table(batch)
                read += batch.num_rows
                self._read.spans += batch.num_rows
                self._tell(0)
        except BadInput as error:
            self._read.skip(error.message, shown(origin))
            whole = False
        self._report.files.append(difference.told(shown(origin), mapping.format, read))
        self._finish(key if whole else None, origin, mapping.format, read, size, writer)

    def _converted(self, work: Sequence[tuple[ConvertedFormat, Probe]], writer: SpanWriter) -> None:
        """The rows of files that have to be converted: those that are new, and what belongs to them."""
        wanted = list(self._wanted(work))
        chosen = {probe.path for _, probe, _, _ in wanted}
        readers = together([one for one in work if one[1].path in chosen], self._read)
        for reader, probe, key, alone in wanted:
            size = probe.path.stat().st_size
            difference, before = Difference(self._read), self._read.spans
            self._read.bytes_read = 0
            workers = workers_for(reader, probe) if alone else 1
            if workers > 1:
                with closing(read_in_parallel(reader, probe, self._read, workers)) as tables:
                    for table in tables:
                        writer.add_table(table)
                        self._tell(min(size, self._read.bytes_read))
            else:
                for rows in guarded(readers[reader.name], probe, self._read):
                    writer.add_rows(rows)
                    self._tell(min(size, self._read.bytes_read))
            read = self._read.spans - before
            self._report.files.append(difference.told(shown(probe.path), reader.name, read))
            self._finish(key, probe.path, reader.name, read, size, writer)

    def _wanted(
        self, work: Sequence[tuple[ConvertedFormat, Probe]]
    ) -> Iterator[tuple[ConvertedFormat, Probe, str, bool]]:
        """The files to be read, the keys under which they are remembered, and whether they are read without others."""
        by_reader: dict[str, tuple[ConvertedFormat, list[Probe]]] = {}
        for reader, probe in work:
            by_reader.setdefault(reader.name, (reader, []))[1].append(probe)
        for reader, probes in by_reader.values():
            groups = (
                reader.related(probes) if isinstance(reader, CompanionFormat) else [[one] for one in probes]
            )
            for group in groups:
                keys = {probe.path: key_of(probe.path, reader.name) for probe in group}
                if all(self._memory.knows(key) for key in keys.values()):
                    for probe in group:
                        self._is_unchanged(keys[probe.path], probe.path, shown(probe.path))
                else:
                    for probe in group:
                        yield reader, probe, keys[probe.path], len(group) == 1

    def _scores(self) -> None:
        """The scores of files of scores."""
        if not self._opened.score_files:
            return
        writer = ScoreWriter(self._store)
        for reader, probe in self._opened.score_files:
            key = key_of(probe.path, reader.name)
            if self._is_unchanged(key, probe.path, shown(probe.path)):
                continue
            difference = Difference(self._read)
            new, already = writer.add(reader, probe, self._read)
            self._report.scores += new
            self._report.scores_already += already
            self._report.files.append(difference.told(shown(probe.path), reader.name, new + already))
            self._memory.note(key, probe.path, reader.name, new + already)

    def _is_unchanged(self, key: str, path: Path, name: str) -> bool:
        """Whether a file was imported as it is; then that is told."""
        if not self._memory.knows(key):
            return False
        self._report.unchanged.append(name)
        self._done += path.stat().st_size
        self._tell(0)
        return True

    def _finish(
        self, key: str | None, path: Path, reader: str, read: int, size: int, writer: SpanWriter
    ) -> None:
        """A file was read: it is remembered once all of it is in the store, unless another try may find more."""

        def remember() -> None:
            if key is not None:
                self._memory.note(key, path, reader, read)
                self._memory.save()

        writer.when_written(remember)
        self._done += size
        self._tell(0)

    def _tell(self, bytes_read: int) -> None:
        if self._on_progress is not None:
            self._on_progress(Progress(self._done + bytes_read, self._opened.total_bytes, self._read.spans))


def _failed(opened: OpenedSources) -> list[str]:
    """The files that an argument named and that could not be opened."""
    named = {str(absolute(argument)) for argument in opened.arguments}
    return [one.where for one in opened.skipped if one.where in named]


def _good_parts(store: StoreDirectory, report: ImportReport) -> list[Path]:
    """The parts of the store; a torn one is told, a foreign one refuses the store."""
    good = []
    for part in store.parts():
        reason = check_part(part)
        if reason is None:
            good.append(part)
        elif reason.startswith("columns are missing"):
            raise BadInput(
                f"{store.path} is not a store of traceview: {part.name} is another kind of Parquet file",
                hint="give --to an empty or a new directory",
            )
        else:
            report.skipped.append(SkippedInput(f"a part of the store cannot be read: {reason}", 1, str(part)))
    return good
