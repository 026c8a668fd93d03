"""The index of a large source as a file in the cache: named by what it is of, built aside by a child process."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
from msgspec import Struct

from traceview.definitions.prices import PriceTable
from traceview.definitions.prompt_files import PromptFiles
from traceview.files.dirs import cache_dir, private_dir
from traceview.model.errors import TraceviewError
from traceview.model.schema import SCHEMA_VERSION
from traceview.sources.open import Relation
from traceview.store.duck.schema import INDEX_VERSION
from traceview.store.interface import CancelToken

DIRECTORY = "index"
_PRICES = "-p"

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


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
