"""The index of a source as a file in the cache: named by what it is of, made aside.

A child process builds that of a large source; that of a small one is what was built in memory.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
from msgspec import Struct

from traceview.definitions.prices import PriceTable
from traceview.definitions.prompt_files import PromptFiles
from traceview.files.dirs import cache_dir, private_dir
from traceview.model.errors import TraceviewError
from traceview.model.schema import SCHEMA_VERSION
from traceview.sources.open import Relation
from traceview.store.duck.connection import BUILDING
from traceview.store.duck.schema import INDEX_VERSION
from traceview.store.interface import CancelToken

DIRECTORY = "index"
_PRICES = "-p"
_SMALL_BYTES = 64_000_000
_UNUSED_SECONDS = 30 * 86_400
"""So long a small file that nobody used stays; a new one takes hardly longer than to look for it."""

TOLD = 2
"""How the child process ends if it has said on stderr what is wrong, and below perhaps what to do next."""


class BuilderDied(TraceviewError):
    """The child process ended without a word of its own: it was killed, or crashed. It may be tried again."""


class IndexFile(Struct, frozen=True):
    """One index file.

    `path` names DuckDB's version, the schema's, the index's, the identity of the source, the prices that costs were
    computed with, and the files that prompt versions were told by.
    """

    path: Path
    prices: PriceTable
    prompt_files: PromptFiles

    @classmethod
    def of(cls, identity: str, prices: PriceTable, prompt_files: PromptFiles) -> IndexFile:
        """The file for a source of this identity with these prices and prompts, there or not."""
        versions = f"duckdb{duckdb.__version__}-s{SCHEMA_VERSION}-i{INDEX_VERSION}"
        name = f"{identity}.{versions}{_PRICES}{prices.hash}{prompt_files.hash}.duckdb"
        return cls(private_dir(cache_dir() / DIRECTORY) / name, prices, prompt_files)

    def earlier(self) -> Path | None:
        """The newest index of the same source with other prices or prompts: all but what these tell can be taken."""
        beginning = self.path.name.rpartition(_PRICES)[0]
        others = [
            path for path in self.path.parent.glob(f"{beginning}{_PRICES}*.duckdb") if path != self.path
        ]
        return max(others, key=_modified, default=None)

    def ready(self) -> bool:
        """True if it was built; it appears whole or not at all."""
        return self.path.is_file()

    def touch(self) -> None:
        """Note that it was used, for `cache clear`."""
        with contextlib.suppress(OSError):
            os.utime(self.path)

    @contextmanager
    def made_aside(self) -> Iterator[Path]:
        """Where to make it, alone in a directory; when the block ends it is there whole, or not at all if it failed.

        Raises OSError.
        """
        from traceview.files.atomic import fsync_directory
        from traceview.files.owned import OwnedDirectory, remove_orphans

        parent = self.path.parent
        remove_orphans(parent, BUILDING)
        owned = OwnedDirectory(parent, BUILDING)
        try:
            aside = owned.path / "index"
            yield aside
            with aside.open("rb+") as made:
                os.fsync(made.fileno())
            aside.replace(self.path)
            fsync_directory(parent)
        finally:
            owned.close()

    def build(
        self,
        relations: Sequence[Relation],
        token: CancelToken,
        progress: Callable[[float], object],
        give_way: bool = True,
    ) -> None:
        """Build it in a child process and wait. Raises Cancelled, TraceviewError with the child's words.

        The child gives way to whatever else runs, unless somebody waits for it and for nothing else.
        """
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "traceview.store.duck.build_file"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        with process, token.interrupting(process.terminate):
            try:
                process.stdin.write(pickle.dumps((self, tuple(relations), give_way)))
                process.stdin.close()
            except BrokenPipeError:
                pass
            for line in process.stdout:
                with contextlib.suppress(ValueError):
                    progress(float(line))
            words = process.stderr.read().decode("utf-8", "replace").strip()
            code = process.wait()
        token.check()
        if code == TOLD:
            message, _, hint = words.partition("\n")
            raise TraceviewError(message, hint=hint or None)
        if code or not self.ready():
            ended = f"its process was ended by signal {-code}" if code < 0 else f"exit code {code}"
            last = words.splitlines()[-1] if words else ended
            raise BuilderDied(f"the index could not be built: {last}", hint="R tries again")


def drop(identity: str) -> int:
    """Remove the index files of a source, of whatever versions, prices and prompts; how many bytes they had.

    Who has one open keeps it.
    """
    freed = 0
    for path in (cache_dir() / DIRECTORY).glob(f"{identity}.*.duckdb"):
        with contextlib.suppress(FileNotFoundError):
            freed += path.stat().st_size
            path.unlink()
    return freed


def remove_unused() -> None:
    """Remove the small files that were not used for a month, of sources that changed or are gone."""
    for path in (cache_dir() / DIRECTORY).glob("*.duckdb"):
        with contextlib.suppress(OSError):
            found = path.stat()
            if found.st_size <= _SMALL_BYTES and time.time() - found.st_mtime > _UNUSED_SECONDS:
                path.unlink()


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
