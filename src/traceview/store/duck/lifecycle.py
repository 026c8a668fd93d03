"""What an opened source goes through: newest page, conversion, index in memory or in a file, newer parts."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from traceview.model.errors import BadInput, Cancelled, NotReady, TraceviewError, sentence_of
from traceview.model.labels import Target
from traceview.model.span_rows import SpanRows
from traceview.sources.open import OpenedSources, Relation, open_sources
from traceview.sources.part_names import numbers_of
from traceview.store.duck import delta, early, prompts, scanning, whole
from traceview.store.duck.answering import Answering
from traceview.store.duck.changes import added, files_of, state_of
from traceview.store.duck.connection import Database
from traceview.store.duck.extra import Extra
from traceview.store.duck.growing import Growing
from traceview.store.duck.imported import imported, of_files
from traceview.store.duck.index_file import BuilderDied, IndexFile
from traceview.store.duck.indexes import KEPT_SPANS, SMALL_SPANS, Index
from traceview.store.duck.mirror import Mirror
from traceview.store.duck.queries import Queries, no_target, one_target
from traceview.store.duck.reading import Reader
from traceview.store.duck.text_search import Walks
from traceview.store.duck.watch import Watch
from traceview.store.interface import CancelToken, EngineStatus, ListQuery, Row
from traceview.store.source_info import Skipped

if TYPE_CHECKING:
    from traceview.sources.convert import Conversion

_GRACE_SECONDS = 2.0
"""How long the building of an index file waits for the first page to be asked for."""

_EARLY_TRACES = 256
"""How many of the newest traces are indexed before everything else: a page of the app."""

_ADDED_SPANS = 120_000
"""Above this a source that grew is indexed as a whole."""

_AGAIN_SECONDS = (1.0, 4.0)
"""How long is waited before another child process builds the index, after one was killed."""

_DIRECT_SPANS = 3_000
"""Below this the index is there sooner than a first page of its own."""


class Lifecycle:
    """Opens or builds the index in a thread, and knows which one answers which generation."""

    def __init__(
        self, database: Database, sources: OpenedSources, mirror: Mirror, overrides: Mapping[str, str] | None
    ) -> None:
        self.sources = sources
        self._overrides = dict(overrides or {})
        self._seen = state_of(sources)
        self._first_asked = threading.Event()
        self._database = database
        self._mirror = mirror
        self._extra = Extra(database)
        self._walks = Walks(database)
        self._changed = threading.Condition()
        self._generation = 0
        self._content = 0
        self._answering = Answering(database)
        self._current: Queries | None = None
        self._early: Queries | None = None
        self._early_lock = threading.Lock()
        self._phase = EngineStatus("converting" if _unfinished(sources) else "indexing", None, None, 0)
        self._stop = CancelToken()
        self._eager = CancelToken()
        self._thread: threading.Thread | None = None
        self._relations: tuple[Relation, ...] = sources.relations
        self._reader: Reader | None = None
        self._repeated = 0
        self._repeated_scores = 0
        self._growing: Growing | None = None
        self._files = files_of(sources)
        self._notice: str | None = None
        self._watch = Watch()

    # what others ask

    @property
    def generation(self) -> int:
        """Grows whenever answers may have changed."""
        return self._generation

    @property
    def reader(self) -> Reader:
        """How the newest index's files are read."""
        current = self._current or self._early
        if current is None:
            raise NotReady("still indexing")
        return current.index.reader

    def status(self) -> EngineStatus:
        """What goes on now."""
        return replace(
            self._phase,
            generation=self._generation,
            message=self._phase.message or self._notice or self._watch.notice,
            content=self._content,
        )

    def now(self) -> tuple[int, Queries | None]:
        """The generation and the index that answers it, if any does."""
        with self._changed:
            return self._generation, self._current

    def of(self, generation: int) -> Queries:
        """The index that a selection was made from. Raises NotReady if it is gone."""
        with self._changed:
            found = self._answering.of(generation)
        if found is None:
            raise NotReady("the list is out of date", hint="refresh")
        return found

    def candidates(self) -> list[Queries]:
        """Where an item may be found, best first; nothing as long as only the source itself can be asked."""
        with self._changed:
            if self._current is None and self._early is None:
                self._check()
            return [one for one in (self._current, None if self._whole() else self._early) if one is not None]

    def _check(self) -> None:
        if self._phase.phase == "failed":
            raise BadInput(self._phase.message or "the index could not be built", hint=self._phase.hint)

    def first(self, query: ListQuery, limit: int, token: CancelToken | None) -> Queries:
        """An index to take the first rows from: the whole one, else one of the newest traces."""
        if self._current is None and self._worth_an_early_page():
            self._make_early(max(limit, _EARLY_TRACES), token)
        self._first_asked.set()
        with self._changed:
            while self._current is None and self._early is None:
                self._check()
                if token is not None:
                    token.check()
                self._changed.wait(0.1)
            found = self._current or self._early
            assert found is not None
            return found

    def _make_early(self, limit: int, token: CancelToken | None) -> None:
        """Index the newest traces, once."""
        with self._early_lock:
            if self._current is None and self._early is None:
                index = early.newest(self._database, self._read(), limit, token)
                with self._changed:
                    self._early = Queries(self._database, index, self._extra, self._walks)
                    self._changed.notify_all()

    def scan_trace(self, trace_id: str, token: CancelToken | None) -> tuple[Row, SpanRows] | None:
        """A trace read from the source itself; None once an index is whole, which has looked already."""
        return self.scan_traces([trace_id], token).get(trace_id)

    def scan_traces(
        self, trace_ids: Sequence[str], token: CancelToken | None
    ) -> dict[str, tuple[Row, SpanRows]]:
        """Those of some traces that the source has, read from itself; none once an index is whole."""
        if self._whole():
            return {}
        with scanning.trace_index(self._database, self.reader, trace_ids, token) as index:
            return {} if index is None else Queries(self._database, index).traces(trace_ids, token)

    def scan_thread(self, thread_id: str, token: CancelToken | None) -> tuple[Row, list[Row]] | None:
        """A thread read from the source itself; None once an index is whole."""
        if self._whole():
            return None
        with scanning.thread_index(self._database, self.reader, thread_id, token) as index:
            return None if index is None else Queries(self._database, index).thread(thread_id, token)

    def scan_target(self, target: str, token: CancelToken | None) -> Target:
        """What an id or prefix means, read from the source itself. Raises BadInput if nothing, or not one thing."""
        found = scanning.resolve(self._database, self.reader, target, token)
        if not found:
            raise no_target(target)
        return one_target(target, found)

    def _whole(self) -> bool:
        return self._current is not None and self._current.index.complete

    def wait(self, on_progress: Callable[[EngineStatus], None] | None = None) -> None:
        """Block until ready. Raises BadInput if it failed."""
        self._first_asked.set()
        self._eager.cancel()
        while True:
            with self._changed:
                status = self.status()
                if status.phase not in ("ready", "failed"):
                    self._changed.wait(0.2)
            if on_progress is not None:
                on_progress(status)
            if status.phase == "failed":
                raise BadInput(status.message or "the index could not be built", hint=status.hint)
            if status.phase == "ready":
                return

    def wait_whole(self, token: CancelToken | None) -> None:
        """Block until the index holds everything. Raises Cancelled, and BadInput if it failed."""
        self._first_asked.set()
        with self._changed:
            while not self._whole():
                self._check()
                if token is not None:
                    token.check()
                self._changed.wait(0.1)

    @property
    def index_file(self) -> Path | None:
        """The file of the cache that the index is in, None for one in memory or that grew beside its file."""
        current = self._current
        return current.index.file if current is not None else None

    def skipped(self) -> list[Skipped]:
        """What was not read, of the files and by the index."""
        found = [Skipped(one.reason, one.count, one.where) for one in self.sources.skipped]
        conversion = self.sources.conversion
        reports = [self.sources.score_report, *([conversion.report] if conversion is not None else ())]
        for report in reports:
            # a copy at one moment: a conversion may be counting, and the status is asked for meanwhile
            for reason, count in tuple(report.skipped.items()):
                places = report.places.get(reason)
                found.append(Skipped(reason, count, places[0] if places else None))
        if self._current is not None:
            found += prompts.refused(self._database, self._current.index.prompts)
        # in a part of a store a span is written again when more of it has come
        if not all(numbers_of(path.name) for path in self.sources.paths):
            if self._repeated:
                found.append(Skipped("written more than once: the last one counts", self._repeated))
            if self._repeated_scores:
                found.append(
                    Skipped("scores written more than once: the newest counts", self._repeated_scores)
                )
        return found

    def touch(self) -> None:
        """Begin a new generation with the same index, because labels changed."""
        with self._changed:
            self._advance(self._current)

    # opening

    def start(self, work: Callable[[], None] | None = None) -> None:
        """Begin in the background: to open everything, unless other work is given."""
        self._thread = threading.Thread(
            target=self._guarded, args=(work or self._open,), name="index", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop what runs."""
        self._stop.cancel()
        self._eager.cancel()
        if self._thread is not None:
            self._thread.join(10)
        conversion = self.sources.conversion
        if conversion is not None and not (self._thread and self._thread.is_alive()):
            # what a conversion that failed or was left has made is of no use to anybody
            conversion.close()

    def look(self) -> str | None:
        """What is wrong with the source since it was read, in words; a cheap look. None if nothing is."""
        return self._watch.look(self.sources)

    def refresh(self, again: bool = False) -> bool:
        """Take up parts that arrived and files that were rewritten; True if a rebuild began.

        What failed begins anew with `again`, and by itself once another process has made the index.
        """
        if self._thread is not None and self._phase.phase == "failed":
            # it has said its last word, and is only ending
            self._thread.join()
        if self._thread is not None and self._thread.is_alive():
            return False
        if self._phase.phase == "failed" and (again or self._finished_elsewhere()):
            self._say(EngineStatus("converting" if _unfinished(self.sources) else "indexing", None, None, 0))
            self.start()
            return True
        seen = state_of(self.sources)
        if seen == self._seen:
            self._watch.well()
            return False
        if self._watch.refused(seen):
            return False
        try:
            found = open_sources(self.sources.arguments, self._overrides)
        except BadInput as error:
            # vanished, or in the middle of being rewritten: what was read stays until it can be read again
            self._watch.refuse(seen, self.sources, error)
            return False
        self._seen = seen
        self._watch.taken(self.sources, found)
        if found.identity == self.sources.identity:
            self.sources = dataclasses.replace(self.sources, skipped=found.skipped)  # noqa: TID251
            if self._phase.phase == "ready":
                self._say(self._phase)
            return False
        arrived = self._arrived(found)
        self.sources, self._files = found, files_of(found)
        self._relations = found.relations
        self._reader = None
        self._say(EngineStatus("indexing", None, None, 0))
        self.start(None if arrived is None else lambda: self._extend(arrived))
        return True

    def _finished_elsewhere(self) -> bool:
        """Whether the index that could not be built is there now, because another app built it."""
        return (
            not _unfinished(self.sources)
            and IndexFile.of(
                self.sources.identity, self._database.prices, self._database.prompt_files
            ).ready()
        )

    def _arrived(self, found: OpenedSources) -> list[tuple[Relation, bool]] | None:
        """The files that were added, by relation, and whether they join the last one; None if more has changed."""
        if not self._whole() or self._current is None:
            return None
        arrived = added(self._files, found, self._current.index.reader)
        if arrived is None or sum(self._rows(relation) for relation, _ in arrived) > _ADDED_SPANS:
            return None
        return arrived

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Cancelled:
            return
        except (TraceviewError, OSError) as error:
            message, hint = sentence_of(error)
            current = self._current
            if current is not None and not current.index.complete:
                what = "conversion failed: " if self._phase.phase == "converting" else ""
                shown = current.count("traces")
                message = f"only the first {shown:,} traces of an unknown number; {what}{message}"
            self._say(EngineStatus("failed", None, None, 0, message, hint))
        except Exception as error:
            # a fault of ours: nobody may wait for an index that never comes
            self._say(EngineStatus("failed", None, None, 0, f"the index could not be built: {error!r}"))
            raise
        finally:
            with contextlib.suppress(TraceviewError):
                self._stop_growing()

    def _open(self) -> None:
        conversion = self.sources.conversion
        if conversion is not None:
            self._convert(conversion)
        spans = sum(self._rows(relation) for relation in self._relations)
        file = IndexFile.of(self.sources.identity, self._database.prices, self._database.prompt_files)
        index = self._kept(file) if spans <= SMALL_SPANS else self._in_file(file, spans)
        if index is None:
            self._stop_growing()
            self._say(EngineStatus("indexing", None, spans, 0))
            index, self._repeated = whole.in_memory(self._database, self._read(), self._stop)
        self._stop_growing()
        self._repeated_scores = self._mirror.replace_imported(
            chain(
                imported(self._database, self._read(), self._stop),
                of_files(self._database, self.sources, index.spans, self._stop),
            )
        )
        self._mirror.refresh()
        self._publish(index)
        self._say(EngineStatus("ready", None, self._current.count("spans") if self._current else spans, 0))
        if index.file is None and spans >= KEPT_SPANS:
            # without it the next start takes longer, and that is all
            with contextlib.suppress(TraceviewError, OSError):
                whole.keep(self._database, index, file)

    def _kept(self, file: IndexFile) -> Index | None:
        """The index of a small source that was kept when it was opened before, None if there is none of use."""
        if not file.ready():
            return None
        try:
            index, self._repeated = whole.attached(self._database, file, self._read())
        except TraceviewError:
            # damaged, or removed meanwhile
            file.path.unlink(missing_ok=True)
            return None
        self._stop_growing()
        return index

    def _convert(self, conversion: Conversion) -> None:
        """Convert, and show the parts while it goes on."""
        if not conversion.complete:

            def on_progress(done: float) -> None:
                current = self._current
                shown = current.count("spans") if current is not None else None
                self._say(EngineStatus("converting", done, shown, 0))

            self._growing = Growing(
                self._database,
                Reader(self._database, self.sources.relations),
                _of_parts(conversion),
                self._publish_grown,
                self._notify,
            )
            conversion.run(self._growing.add, lambda: self._stop.cancelled, on_progress)
            self._growing.finish()
        self._relations = (*self.sources.relations, _of_parts(conversion))
        self._reader = None

    def _publish_grown(self, index: Index, arrived: Reader) -> None:
        """Show an index with the files of `arrived`, and the scores that they bring."""
        self._mirror.add_imported(imported(self._database, arrived, self._stop))
        self._mirror.refresh()
        self._publish(index)

    def _notify(self, notice: str | None) -> None:
        """Have a sentence in the status beside what goes on, or no more."""
        with self._changed:
            self._notice = notice
            self._changed.notify_all()

    def _stop_growing(self) -> None:
        if self._growing is not None:
            self._growing.stop()
            self._growing = None
            self._notify(None)

    def _extend(self, arrived: Sequence[tuple[Relation, bool]]) -> None:
        """Take up files that were added to a source whose other files are as they were."""
        current = self._current
        assert current is not None
        index = current.index
        for relation, joins in arrived:
            reader, alone = index.reader.extended(self._database, relation, joins=joins)
            grown, built = delta.extend(self._database, index, reader, alone, self._stop, complete=True)
            self._repeated += built.repeated
            self._publish_grown(grown, alone)
            index = grown
        self._say(EngineStatus("ready", None, self._current.count("spans") if self._current else None, 0))

    def _in_file(self, file: IndexFile, spans: int) -> Index:
        """Attach the index file; a child process builds it first if it is not there."""
        if not file.ready():
            # the first page comes before the child process takes half of the machine
            if self._worth_an_early_page() and self._current is None:
                # nobody has asked yet, but a person who opened the source will
                with contextlib.suppress(Cancelled):
                    self._make_early(_EARLY_TRACES, self._eager)
            self._first_asked.wait(_GRACE_SECONDS)
            self._stop.check()
            self._build_file(file, spans)
        index, self._repeated = whole.attached(self._database, file, self._read())
        return index

    def _build_file(self, file: IndexFile, spans: int) -> None:
        """Have the index file built; a child process that was killed is followed by another, after a pause."""
        for number, pause in enumerate((*_AGAIN_SECONDS, None), start=1):
            try:
                file.build(
                    self._relations,
                    self._stop,
                    lambda done: self._say(EngineStatus("indexing", done, spans, 0)),
                    not self._eager.cancelled,
                )
            except BuilderDied as error:
                # another app may have finished it meanwhile
                if file.ready():
                    return
                if pause is None:
                    raise
                again = f"{error.message}; tried again ({number + 1} of {len(_AGAIN_SECONDS) + 1})"
                self._say(EngineStatus("indexing", None, spans, 0, again))
                self._rest(pause)
            else:
                return

    def _rest(self, seconds: float) -> None:
        """Wait. Raises Cancelled as soon as this is closed."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._stop.check()
            time.sleep(0.05)

    def _publish(self, index: Index) -> None:
        self._advance(Queries(self._database, index, self._extra, self._walks))

    def _advance(self, current: Queries | None) -> None:
        """Begin a new generation that this index answers."""
        with self._changed:
            self._generation += 1
            if current is not None:
                self._content += current is not self._current
                self._current = current
                self._answering.add(self._generation, current)
            self._changed.notify_all()

    def _say(self, status: EngineStatus) -> None:
        if status.phase == "ready":
            # counted once, here in the background: the status is asked for on the event loop
            status = replace(status, skipped=sum(one.count for one in self.skipped()))
        with self._changed:
            self._phase = status
            self._changed.notify_all()

    def _read(self) -> Reader:
        if self._reader is None:
            self._reader = Reader(self._database, self._relations)
        return self._reader

    def _rows(self, relation: Relation) -> int:
        return whole.rows_of(
            self._database, relation, lambda: self._read().placed[self._relations.index(relation)]
        )

    def _worth_an_early_page(self) -> bool:
        relations = self.sources.relations
        if (
            self.sources.conversion is not None
            or not relations
            or IndexFile.of(self.sources.identity, self._database.prices, self._database.prompt_files).ready()
        ):
            return False
        return all(one.kind == "parquet" and one.rows is not None for one in relations) and (
            sum(one.rows or 0 for one in relations) > _DIRECT_SPANS
        )


def _unfinished(sources: OpenedSources) -> bool:
    return sources.conversion is not None and not sources.conversion.complete


def _of_parts(conversion: Conversion) -> Relation:
    return Relation("parquet", conversion.parts(), conversion.mapping)
