"""The child process that builds an index file: `python -m traceview.store.duck.build_file`.

Reads (index file, relations), pickled by the parent process, from stdin; writes its progress (0..1) to stdout, one
number a line. Exit code 0 when the file is there, TOLD with a sentence and perhaps a next step, a line each, on stderr.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from io import FileIO
from pathlib import Path

from traceview.model.errors import TraceviewError
from traceview.sources.open import Relation
from traceview.store.duck import prompts
from traceview.store.duck.build import Builder, Progress
from traceview.store.duck.connection import Database, text
from traceview.store.duck.index_file import TOLD, IndexFile
from traceview.store.duck.reading import Reader
from traceview.store.duck.retelling import retell

MEMORY_LIMIT = "300MB"

_LOOK_SECONDS = 0.2
"""How often a process that waits for another's build looks how far that is."""
_NOTED = 8
"""Bytes of a note of progress in a lock file."""


def build_file(file: IndexFile, relations: Sequence[Relation], progress: Progress | None = None) -> None:
    """Build the index of relations into a file that appears whole; one process at a time does it.

    One with other prices or prompts is taken over but for what they tell, and then removed: who has it open keeps it.
    Another process that wants the same file waits for the lock, follows the progress that stands in it, and finds the
    file there. Raises TraceviewError, OSError.
    """
    path = file.path
    with _opened(path.with_name(path.name + ".lock")) as lock:
        _wait_for(lock, progress)
        if path.is_file():
            return
        progress = _noting(lock, progress)
        earlier = file.earlier()
        with file.made_aside() as aside:
            if earlier is None or not _taken_over(aside.parent, earlier, file):
                _build(aside.parent, relations, file, progress)
        if earlier is not None:
            earlier.unlink(missing_ok=True)


def _opened(path: Path) -> FileIO:
    """A lock file, made if it is not there."""
    return FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")


def _wait_for(lock: FileIO, progress: Progress | None) -> None:
    """Wait until this process holds the lock; report how far its holder is."""
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            return
        lock.seek(0)
        with contextlib.suppress(ValueError):
            done = float(lock.read(_NOTED))
            if progress is not None:
                progress(done)
        time.sleep(_LOOK_SECONDS)


def _noting(lock: FileIO, progress: Progress | None) -> Progress:
    """Progress that is also written into the lock file, for those that wait for it."""
    note = lock.fileno()

    def say(done: float) -> None:
        # no append: one number in one place
        os.pwrite(note, f"{done:.3f}".encode().ljust(_NOTED), 0)
        if progress is not None:
            progress(done)

    say(0.0)
    return say


def _taken_over(aside: Path, earlier: Path, file: IndexFile) -> bool:
    """Whether the index could be made from an earlier one with other prices or prompts."""
    database = Database(MEMORY_LIMIT, aside / "spill", file.prices, file.prompt_files)
    try:
        database.execute(f"ATTACH {text(str(earlier))} AS earlier (READ_ONLY)")
        database.execute(f"ATTACH {text(str(aside / 'index'))} AS built")
        database.execute(f"ATTACH {text(str(aside / 'work'))} AS work")
        if not prompts.may_be_retold(database, "earlier"):
            return False
        retell(database, "earlier", "built", "work")
        database.execute("CHECKPOINT built")
        database.execute("DETACH built")
    except (TraceviewError, OSError):
        # removed or damaged meanwhile: the source itself has everything
        for name in ("index", "work"):
            (aside / name).unlink(missing_ok=True)
        return False
    finally:
        database.close()
    return True


def _build(aside: Path, relations: Sequence[Relation], file: IndexFile, progress: Progress | None) -> None:
    database = Database(MEMORY_LIMIT, aside / "spill", file.prices, file.prompt_files)
    try:
        database.execute(f"ATTACH {text(str(aside / 'index'))} AS built")
        database.execute(f"ATTACH {text(str(aside / 'work'))} AS work")
        reader = Reader(database, relations)
        # what a slice needs fits into memory, where nothing is compressed
        database.execute("CREATE SCHEMA memory.near")
        Builder(database, "built", "work", near="memory.near", lean=True, progress=progress).build(
            reader, [select for _, select in reader.spans()], infer="versions"
        )
        database.execute("CHECKPOINT built")
        database.execute("DETACH built")
    finally:
        database.close()


def _give_way() -> None:
    """Let whoever works at the machine go first, with the processor and, where Linux can, with the disk."""
    with contextlib.suppress(OSError):
        os.nice(10)
    ionice = shutil.which("ionice")
    if ionice is not None:
        command = [ionice, "-c", "2", "-n", "7", "-p", str(os.getpid())]
        with contextlib.suppress(OSError):
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main() -> int:
    """Build what stdin says."""

    def say(done: float) -> None:
        # the parent may be gone: the index is still worth finishing
        with contextlib.suppress(OSError):
            print(f"{done:.3f}", flush=True)

    file, relations, give_way = pickle.loads(sys.stdin.buffer.read())
    if give_way:
        _give_way()
    try:
        build_file(file, relations, say)
    except (TraceviewError, OSError) as error:
        print(error, file=sys.stderr)
        return TOLD
    return 0


if __name__ == "__main__":
    sys.exit(main())
