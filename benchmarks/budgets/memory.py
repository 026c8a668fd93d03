"""How much memory processes have held at most."""

from __future__ import annotations

import contextlib
import threading

import psutil

LOOK_SECONDS = 0.02


class Peak:
    """The most that a process, and with `children` whatever it started, has held at once while the block ran.

    Resident memory, in MB (10^6 bytes). Without `own` the children alone.
    """

    def __init__(self, pid: int | None = None, *, own: bool = True, children: bool = False) -> None:
        self._process = psutil.Process(pid)
        self._own = own
        self._children = children
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.megabytes = 0.0

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def look(self) -> None:
        """Look now."""
        held = 0
        with contextlib.suppress(psutil.Error):
            processes = [self._process] if self._own else []
            if self._children:
                processes += self._process.children(recursive=True)
            for one in processes:
                with contextlib.suppress(psutil.Error):
                    held += one.memory_info().rss
        self.megabytes = max(self.megabytes, held / 1e6)

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            self.look()


def end_children(pid: int) -> None:
    """Kill what a process has started: an app that is closed by force leaves the child that builds its index."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
