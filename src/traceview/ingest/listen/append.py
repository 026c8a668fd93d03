"""Appends requests to the inbox in a thread of its own: requests that come together share one commit."""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from traceview.ingest.listen.inbox import Received, open_inbox, place_of, writing
from traceview.model.errors import BadInput

_TOGETHER = 256
_TOGETHER_BYTES = 64 << 20
_RESERVE_BYTES = 64 << 20
_RESERVE_SHARE = 20

_INSERT = (
    "INSERT INTO requests (signal, encoding, compression, size, items, received_ns, body) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_Waiting = tuple[Received, "Future[None]"]


class NotKept(Exception):
    """A request is not on disk: the disk is full, or the store cannot be written. The message is for the sender."""


class Appender:
    """Puts requests on disk; the future of each is done once it is there, or has `NotKept`."""

    def __init__(self, store: Path, on_commit: Callable[[], object]) -> None:
        """`on_commit` is called in the thread after each commit. Raises BadInput, sqlite3.Error."""
        self._store = store
        self._on_commit = on_commit
        self._connection: sqlite3.Connection | None = open_inbox(store)
        self._place = place_of(store)
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
        self._thread.start()

    def append(self, received: Received) -> Future[None]:
        """Have a request put on disk."""
        future: Future[None] = Future()
        self._queue.put((received, future))
        return future

    def close(self) -> None:
        """Put on disk what was appended, and stop."""
        self._queue.put(None)
        self._thread.join()
        if self._connection is not None:
            self._connection.close()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            found, ended = self._together(first)
            # whoever does not wait any more was not answered: it need not be kept
            together = [one for one in found if one[1].set_running_or_notify_cancel()]
            try:
                self._commit([received for received, _ in together])
            except Exception as error:  # noqa: BLE001 - whatever it is, the next requests have their own answer
                self._forget_connection()
                refusal = NotKept(self._sentence(error))
                for _, future in together:
                    future.set_exception(refusal)
            else:
                for _, future in together:
                    future.set_result(None)
                self._on_commit()
            if ended:
                return

    def _together(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        """What waits now, up to a limit, and whether nothing comes after it."""
        found, size = [first], len(first[0].body)
        while len(found) < _TOGETHER and size < _TOGETHER_BYTES:
            try:
                entry = self._queue.get_nowait()
            except queue.Empty:
                break
            if entry is None:
                return found, True
            found.append(entry)
            size += len(entry[0].body)
        return found, False

    def _commit(self, requests: Sequence[Received]) -> None:
        if not requests:
            return
        if self._connection is not None and place_of(self._store) != self._place:
            raise Moved
        left = _room(self._store, sum(len(one.body) for one in requests))
        if left is not None:
            raise NoRoom(left)
        if self._connection is None:
            self._connection = open_inbox(self._store)
            self._place = place_of(self._store)
        now = time.time_ns()
        with writing(self._store, self._connection):
            if place_of(self._store) != self._place:
                raise Moved
            self._connection.executemany(
                _INSERT,
                [
                    (one.signal, one.encoding, one.compression, one.size, one.items, now, one.body)
                    for one in requests
                ],
            )
        if place_of(self._store) != self._place:
            # the file went while it was written to: what is in it now nobody will read
            raise Moved

    def _forget_connection(self) -> None:
        """After a failure the file is opened anew: it may have been replaced, or the disk mounted again."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _sentence(self, error: Exception) -> str:
        if isinstance(error, NoRoom):
            return f"the disk of {self._store} is full: {error.left >> 20:,} MiB are left"
        if isinstance(error, Moved):
            return f"the store {self._store} was moved, replaced or emptied"
        if isinstance(error, sqlite3.Error) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
            return f"the disk of {self._store} is full"
        if isinstance(error, BadInput):
            return error.message
        return f"the store {self._store} cannot be written: {error}"


class Moved(Exception):
    """The inbox that is open is not the one of the store any more."""


class NoRoom(OSError):
    """The rest of the disk is needed for parts: only with them the inbox can shrink."""

    def __init__(self, left: int) -> None:
        super().__init__("no room")
        self.left = left


def _room(store: Path, wanted: int) -> int | None:
    """None if there is room for this many bytes beside a reserve for parts, else the bytes that are left."""
    status = os.statvfs(store)
    left = status.f_bavail * status.f_frsize
    reserve = min(_RESERVE_BYTES, status.f_blocks * status.f_frsize // _RESERVE_SHARE)
    return None if left >= reserve + wanted else left
