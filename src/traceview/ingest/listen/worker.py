"""The process that turns the inbox into parts: started by the receiver, told by its standard input.

`w`: something came; `q`: write everything and end. The end of the input means that the receiver was killed. What is
done goes to standard output, one JSON object a line.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from traceview.files.lock import FileLock
from traceview.ingest.listen.drain import Drain
from traceview.ingest.listen.inbox import Backlog
from traceview.ingest.listen.merging import Merger
from traceview.model.errors import TraceviewError, sentence_of
from traceview.sources.parts import PART_BYTES, ROW_GROUP_ROWS, no_space

_LOCK = ".traceview-drain.lock"
_AGAIN_SECONDS = (1.0, 2.0, 5.0, 10.0)
WAKE, FINISH = b"w", b"q"


class InboxGone(Exception):
    """The inbox is not the store's any more; another process begins with the one that is there then."""


class Worker:
    """Drains one store until it is told to finish."""

    def __init__(self, store: Path, flush_seconds: float) -> None:
        self._store = store
        self._drain = Drain(store)
        self._merger = Merger(store, lambda sentence: _say({"error": sentence}))
        self._flush_seconds = flush_seconds
        self._told: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._finishing = False

    def run(self) -> None:
        """Until `q` has come and nothing waits any more."""
        threading.Thread(target=self._listen, name="told", daemon=True).start()
        failures = 0
        begun, stepped = False, True
        while True:
            try:
                if not begun:
                    self._drain.begin()
                    begun = True
                if not self._drain.is_there():
                    raise InboxGone(f"the store {self._store} was moved, replaced or emptied")
                waiting = self._drain.backlog()
                if stepped:
                    _say({"waiting": [waiting.spans, waiting.bytes]})
                    stepped = False
                if not waiting.requests and self._finishing:
                    break
                pause = self._pause(waiting)
                if pause is None or pause > 0:
                    self._rest(pause)
                    continue
                drained = self._drain.step()
                failures, stepped = 0, True
                if drained is not None:
                    _say({"drained": to_builtins(drained)})
                    self._merger.look()
            except (TraceviewError, OSError, sqlite3.Error) as error:
                _say({"error": self._sentence(error)})
                if self._finishing:
                    break
                self._rest(_AGAIN_SECONDS[min(failures, len(_AGAIN_SECONDS) - 1)])
                failures += 1
        self._drain.close()
        if self._merger.busy:
            os._exit(0)  # half a merge is none, and nobody waits for it

    def _pause(self, waiting: Backlog) -> float | None:
        """Seconds until the next part is written: 0 if it is full or old enough, None while nothing waits."""
        if not waiting.requests or waiting.oldest_ns is None:
            return None
        if self._finishing or waiting.spans >= ROW_GROUP_ROWS or waiting.bytes >= PART_BYTES:
            return 0.0
        age = (time.time_ns() - waiting.oldest_ns) / 1e9
        return max(0.0, self._flush_seconds - age) if age >= 0 else 0.0

    def _rest(self, seconds: float | None) -> None:
        """Wait, at most until something is told."""
        try:
            told = self._told.get(timeout=seconds)
            while True:
                self._finishing = self._finishing or told == FINISH
                told = self._told.get_nowait()
        except queue.Empty:
            return

    def _sentence(self, error: Exception) -> str:
        if isinstance(error, OSError):
            return no_space(self._store, error, store=True).message
        if isinstance(error, sqlite3.Error):
            return f"the inbox of {self._store} cannot be used: {error}"
        return sentence_of(error)[0]

    def _listen(self) -> None:
        while told := os.read(0, 1):
            self._told.put(told)
            if told == FINISH:
                return
        os._exit(1)  # the receiver is gone: whoever comes next finds everything in the inbox


def _say(told: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def main() -> None:
    """`python -m traceview.ingest.listen.worker STORE FLUSH_SECONDS`."""
    # Ctrl-C reaches the whole group; the receiver says when to end
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    store = Path(sys.argv[1])
    try:
        with FileLock(store / _LOCK).hold():
            Worker(store, float(sys.argv[2])).run()
    except InboxGone as error:
        _say({"error": str(error)})
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the receiver says it, and starts another process
        _say({"error": f"the process that writes parts ended: {sentence_of(error)[0]}"})
        sys.exit(1)


if __name__ == "__main__":
    main()
