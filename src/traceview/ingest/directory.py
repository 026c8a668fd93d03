"""A store as its writers see it: the contract of the directory.

- Spans are in `part-N.parquet`, in the canonical schema; scores of files of scores in `scores-N.jsonl`. What the
  numbers mean says `sources.part_names`: a span in a later part replaces the same span in an earlier one, whoever
  wrote them.
- A file appears whole: it is written under a temporary name (`.traceview-*.tmp`), synced, and renamed to the next free
  number while `.traceview-store.lock` is held (`publish`). That lock is held for the rename alone, never for longer, so
  `import`, `listen` and `compact` may write at the same time. A file is never changed once it is there.
- `.traceview-work.lock` is held by `import` and `store compact` for as long as they run: one of them at a time, since
  both ask what the store has (`working`). `listen` does not take it.
- Merged files supersede the files that they are made of: `.traceview-merges.json` says which, with the size and a
  digest of each, and is written before the merged file takes its name. A name alone, a torn file, one of another store
  hide nothing (`sources.superseding`). Superseded files are removed once nobody reads them (`sources.lease`).
- Readers hold a lease and list the directory afterwards.
- Stores of older versions have merged parts without such a record. Each of those hides the parts within its numbers
  that hold nothing that it does not hold, which is asked of their content; they are left where they are, and removed
  after the next compaction that merges them again. Parts that hold more are read too, the merged one after them.
- `.traceview-store.json` is the memory of `import` (which files are in the store already); without it files are read
  again, and no span is added twice.
- After kill -9 at any point there may be a temporary file, which a writer removes after an hour, and superseded files;
  nothing else, and nothing that a reader sees.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from traceview.files.atomic import SIDE_FILES, TEMPORARY_PREFIX, TEMPORARY_SUFFIX, fsync_directory
from traceview.files.dirs import private_dir
from traceview.files.lock import FileLock
from traceview.sources.lease import READERS, remove_superseded
from traceview.sources.part_names import Kind, Numbers, name_of, next_number, numbers_of
from traceview.sources.parts import parts_in
from traceview.sources.superseding import current, record, superseded

NAMING_LOCK = ".traceview-store.lock"
WORK_LOCK = ".traceview-work.lock"
NO_STORE = "name another directory for the store, one that can be made and written"
ABANDONED_SECONDS = 3600
"""A temporary file that nobody wrote to for this long belongs to a writer that was killed."""


class StoreDirectory:
    """One store directory, made if it is not there. Raises BadInput if it cannot be."""

    def __init__(self, path: Path) -> None:
        self.path = private_dir(path.expanduser().absolute(), hint=NO_STORE)
        # it is there before the first part, so that every reader of a part has had a lease to take
        os.close(os.open(self.path / READERS, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        self._naming = FileLock(self.path / NAMING_LOCK)
        self._work = FileLock(self.path / WORK_LOCK)

    def parts(self) -> tuple[Path, ...]:
        """The parts that readers see now, oldest first."""
        return parts_in(self.path)

    def score_files(self) -> tuple[Path, ...]:
        """The files of scores that readers see now, oldest first."""
        numbered = (
            path for path in self.path.iterdir() if (told := numbers_of(path.name)) and told.kind == "scores"
        )
        return tuple(current(sorted(numbered)))

    def publish(self, write: Callable[[Path], object], kind: Kind = "part", mark: str = "") -> Path:
        """Have a file written under a temporary name, and give it the next number; its path. Raises OSError."""
        with self._written(write) as temporary, self._naming.hold():
            path = self.path / name_of(kind, next_number(self.path.iterdir(), kind), mark=mark)
            temporary.rename(path)
            fsync_directory(self.path)
        return path

    def supersede(self, merged: Callable[[Path], object], run: Sequence[Path]) -> Path:
        """Have a file written that stands for a run of neighbours, which it supersedes; its path. Raises OSError."""
        told = [one for path in run if (one := numbers_of(path.name)) is not None]
        with self._written(merged) as temporary, self._naming.hold():
            path = self.path / self._name_over(told)
            listed = list(self.path.iterdir())
            # what the files of the run supersede themselves may still be there for readers
            within = [one for one, by in superseded(listed).items() if by in run]
            record(temporary, path.name, [*run, *within])
            temporary.rename(path)
            fsync_directory(self.path)
        return path

    def _name_over(self, told: Sequence[Numbers]) -> str:
        """A name that no file has: a file is never replaced by one of the same name."""
        kind, first, last = told[0].kind, min(one.first for one in told), max(one.last for one in told)
        name = name_of(kind, first, last)
        return name_of(kind, first, last, secrets.token_hex(4)) if (self.path / name).exists() else name

    @contextmanager
    def working(self, on_wait: Callable[[int], object] | None = None) -> Iterator[None]:
        """The block runs while nobody else imports or compacts; `on_wait` gets the process that is waited for."""
        with self._work.hold(on_wait):
            yield

    def tidy(self) -> tuple[list[Path], list[Path]]:
        """Remove what killed writers left and superseded files that nobody reads; the removed, and the kept.

        Raises OSError.
        """
        left = [
            path for path in leftovers(self.path) if time.time() - path.stat().st_mtime > ABANDONED_SECONDS
        ]
        for path in left:
            path.unlink(missing_ok=True)
        removed, kept = remove_superseded(self.path)
        return [*left, *removed], kept

    @contextmanager
    def _written(self, write: Callable[[Path], object]) -> Iterator[Path]:
        """The path of a temporary file that is written and synced; it is gone after the block."""
        temporary = self.path / f"{TEMPORARY_PREFIX}part.{secrets.token_hex(6)}{TEMPORARY_SUFFIX}"
        try:
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            write(temporary)
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
            yield temporary
        finally:
            for left in (temporary, *(temporary.with_name(temporary.name + side) for side in SIDE_FILES)):
                with suppress(OSError):
                    left.unlink(missing_ok=True)


def leftovers(directory: Path) -> list[Path]:
    """The temporary files in a directory: of writers that write now, or that were killed."""
    return sorted(directory.glob(f"{TEMPORARY_PREFIX}*{TEMPORARY_SUFFIX}*"))
