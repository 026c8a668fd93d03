"""The fair write lock: a blocking flock on a file beside the database, across processes and threads."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from traceview.model.errors import BadInput


class FileLock:
    """One lock file. Any number of threads and processes may wait; the kernel queues them.

    The file stays after use (removing it would let two holders in); while held it contains the holder's process id.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._waiting_since: float | None = None

    @contextmanager
    def hold(self, on_wait: Callable[[int], object] | None = None, after: float = 2.0) -> Iterator[None]:
        """Hold the lock for the block, waiting as long as it takes.

        `on_wait` is called once, from another thread, with the holder's process id (0 if unknown) when the wait
        exceeds `after` seconds. Raises BadInput where the file system cannot lock or the file cannot be made.
        """
        descriptor = self._open()
        try:
            self._acquire(descriptor, on_wait, after)
            try:
                self._write_holder(descriptor, f"{os.getpid()}\n".encode())
                yield
            finally:
                self._write_holder(descriptor, b"")
        finally:
            os.close(descriptor)

    def waiting_for(self, after: float = 2.0) -> int | None:
        """The holder's process id (0 if unknown) while a `hold` of this object waits longer than `after` seconds."""
        since = self._waiting_since
        if since is None or time.monotonic() - since < after:
            return None
        return self.holder() or 0

    def holder(self) -> int | None:
        """The process id in the lock file, None if nobody holds it or it cannot be read."""
        try:
            text = self.path.read_bytes()[:32].strip()
        except OSError:
            return None
        return int(text) if text.isdigit() else None

    def _open(self) -> int:
        try:
            # Through a link the process id would be written into whatever file it names; a pipe would block.
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(self.path, flags, 0o666)
        except OSError as error:
            reason = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
            raise BadInput(f"cannot write the lock file {self.path}: {reason}") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise BadInput(f"cannot write the lock file {self.path}: it is a pipe or a device")
        return descriptor

    def _acquire(self, descriptor: int, on_wait: Callable[[int], object] | None, after: float) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise self._cannot_lock(error) from error
        self._waiting_since = time.monotonic()
        timer = None
        if on_wait is not None:
            timer = threading.Timer(after, lambda: on_wait(self.holder() or 0))
            timer.daemon = True
            timer.start()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            raise self._cannot_lock(error) from error
        finally:
            self._waiting_since = None
            if timer is not None:
                timer.cancel()

    def _cannot_lock(self, error: OSError) -> BadInput:
        return BadInput(
            f"{self.path}: this file system cannot lock files ({error.strerror})",
            hint="keep the labels on a local disk: --labels PATH",
        )

    @staticmethod
    def _write_holder(descriptor: int, text: bytes) -> None:
        """Put the holder's id into the file; a full disk only costs the id, never the lock."""
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, text, 0)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
