"""An index that grows while its source is converted: parts are taken up as they appear, in a thread of its own."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from traceview.model.errors import Cancelled, TraceviewError
from traceview.sources.identity import FileIdentity
from traceview.sources.open import OpenedSources, Relation
from traceview.store.duck import delta
from traceview.store.duck.connection import Database
from traceview.store.duck.indexes import Index
from traceview.store.duck.reading import Reader
from traceview.store.interface import CancelToken

_PARTS_AT_ONCE = 4
"""How many parts are taken up together at most: what a build of them needs stays small."""

_REST = 3
"""How many times as long as a build took nothing is built afterwards, so that the conversion gets the machine."""


class Growing:
    """Takes up parts in the background and tells the index that has them."""

    def __init__(
        self, database: Database, reader: Reader, like: Relation, publish: Callable[[Index, Reader], object]
    ) -> None:
        """`reader` reads what lies before the parts; parts are read as `like`. `publish` gets a reader of the new."""
        self._database = database
        self._reader = reader
        self._like = like
        self._publish = publish
        self._index: Index | None = None
        self._waiting: list[Path] = []
        self._changed = threading.Condition()
        self._ended = False
        self._hurried = threading.Event()
        self._token = CancelToken()
        self._thread = threading.Thread(target=self._run, name="growing", daemon=True)
        self._thread.start()

    def add(self, part: Path) -> None:
        """Take up a part soon."""
        with self._changed:
            self._waiting.append(part)
            self._changed.notify_all()

    def finish(self) -> None:
        """Nothing more comes: take up what waits without a rest."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._hurried.set()

    def stop(self) -> None:
        """Take up nothing more, and wait for the thread."""
        self._token.cancel()
        self.finish()
        self._thread.join()

    def _run(self) -> None:
        try:
            while parts := self._next():
                began = time.monotonic()
                self._take(parts)
                self._hurried.wait(_REST * (time.monotonic() - began))
        except (Cancelled, TraceviewError):
            # the rows stop growing; the whole index comes in the end, or says what is wrong
            return

    def _next(self) -> Sequence[Path]:
        with self._changed:
            while not self._waiting and not self._ended:
                self._changed.wait()
            found, self._waiting = self._waiting[:_PARTS_AT_ONCE], self._waiting[_PARTS_AT_ONCE:]
            return found

    def _take(self, parts: Sequence[Path]) -> None:
        relation = replace(self._like, files=tuple(parts), rows=None)
        reader, alone = self._reader.extended(self._database, relation, joins=self._index is not None)
        index, _ = delta.extend(self._database, self._index, reader, alone, self._token, complete=False)
        self._reader, self._index = reader, index
        self._publish(index, alone)


def files_of(sources: OpenedSources) -> frozenset[FileIdentity]:
    """What tells later whether the files of a source are still those that were read."""
    found = set()
    for path in sources.paths:
        with contextlib.suppress(OSError):
            found.add(FileIdentity.of(path))
    return frozenset(found)


def added(
    before: frozenset[FileIdentity], found: OpenedSources, reader: Reader
) -> list[tuple[Relation, bool]] | None:
    """The Parquet files that were added, by relation, and whether each joins the last relation of `reader`.

    None if anything else has changed: a file that was read is gone or another, or there is something to convert.
    """
    if found.conversion is not None or any(one.kind != "parquet" for one in found.relations):
        return None
    read = {str(path) for placed in reader.placed for path in placed.files()}
    if {one.path for one in before} != read or not before <= files_of(found):
        return None
    last = reader.placed[-1].relation if reader.placed else None
    arrived: list[tuple[Relation, bool]] = []
    for relation in found.relations:
        files = tuple(path for path in relation.files if str(path) not in read)
        if files:
            joins = last is not None and last.files[0] in relation.files and last.mapping == relation.mapping
            arrived.append((replace(relation, files=files, rows=None), joins and not arrived))
    return arrived or None
