"""An index that grows while its source is converted: parts are taken up as they appear, in a thread of its own."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec.structs import replace

from traceview.model.errors import Cancelled, TraceviewError
from traceview.sources.open import Relation
from traceview.store.duck import delta
from traceview.store.duck.connection import Database
from traceview.store.duck.indexes import Index
from traceview.store.duck.reading import Reader
from traceview.store.interface import CancelToken

_PARTS_AT_ONCE = 4
"""How many parts are taken up together at most: what a build of them needs stays small."""

_REST = 3
"""How many times as long as a build took nothing is built afterwards, so that the conversion gets the machine."""

_RETRY_SECONDS = 5.0
"""How long after a failure the same part is tried again."""


class Growing:
    """Takes up parts in the background and tells the index that has them.

    A part that cannot be taken up is told and tried again, alone, until the conversion has ended: after that the
    whole index comes, which has it too or says what is wrong.
    """

    def __init__(
        self,
        database: Database,
        reader: Reader,
        like: Relation,
        publish: Callable[[Index, Reader], object],
        tell: Callable[[str | None], object],
    ) -> None:
        """`reader` reads what lies before the parts; parts are read as `like`. `publish` gets a reader of the new.

        `tell` gets the sentence that names what could not be taken up, and None when it could.
        """
        self._database = database
        self._reader = reader
        self._like = like
        self._publish = publish
        self._tell = tell
        self._failed = False
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
        with contextlib.suppress(Cancelled):
            while parts := self._next():
                began = time.monotonic()
                try:
                    self._take(parts)
                except Cancelled:
                    raise
                except (TraceviewError, OSError) as error:
                    self._put_back(parts, error)
                    self._hurried.wait(_RETRY_SECONDS)
                    continue
                if self._failed:
                    self._failed = False
                    self._tell(None)
                self._hurried.wait(_REST * (time.monotonic() - began))

    def _next(self) -> Sequence[Path]:
        """The parts to take up now; after a failure one alone, and none once nothing more comes."""
        with self._changed:
            while not self._waiting and not self._ended:
                self._changed.wait()
            if self._failed and self._ended:
                return ()
            count = 1 if self._failed else _PARTS_AT_ONCE
            found, self._waiting = self._waiting[:count], self._waiting[count:]
            return found

    def _put_back(self, parts: Sequence[Path], error: TraceviewError | OSError) -> None:
        """Tell what failed, and have it first in the queue: what is said twice counts as the later part says it."""
        with self._changed:
            self._waiting[:0] = parts
        self._failed = True
        words = error.message if isinstance(error, TraceviewError) else str(error)
        names = ", ".join(part.name for part in parts)
        self._tell(f"{names} cannot be shown yet, tried again in {_RETRY_SECONDS:.0f} s: {words}")

    def _take(self, parts: Sequence[Path]) -> None:
        relation = replace(self._like, files=tuple(parts), rows=None)
        reader, alone = self._reader.extended(self._database, relation, joins=self._index is not None)
        index, _ = delta.extend(self._database, self._index, reader, alone, self._token, complete=False)
        self._publish(index, alone)
        self._reader, self._index = reader, index
