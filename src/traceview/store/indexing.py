"""The index file of a source, made or removed on its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from traceview.store.interface import EngineStatus

if TYPE_CHECKING:
    from traceview.definitions.prices import PriceTable
    from traceview.definitions.prompt_files import PromptFiles


class Indexed(Struct, frozen=True):
    """What an index holds, and where it is: `file` is None for a source so small that it is indexed at every open.

    `made` says that the file was not there before; `bytes` are its size.
    """

    file: Path | None
    made: bool
    bytes: int
    spans: int
    traces: int
    threads: int
    seconds: float


def make_index(
    arguments: Sequence[str],
    *,
    overrides: Mapping[str, str] | None = None,
    prices: PriceTable | None = None,
    prompt_files: PromptFiles | None = None,
    on_progress: Callable[[EngineStatus], None] | None = None,
) -> Indexed:
    """Make the index file of a source if it is not there, waiting for whoever makes it. Raises TraceviewError."""
    from traceview.definitions.prices import PriceTable
    from traceview.definitions.prompt_files import PromptFiles
    from traceview.sources.open import open_sources
    from traceview.store.duck.engine import DuckEngine
    from traceview.store.duck.index_file import IndexFile

    began = time.monotonic()
    prices, prompt_files = prices or PriceTable(), prompt_files or PromptFiles()
    sources = open_sources(arguments, overrides)
    kept = IndexFile.of(sources.identity, prices, prompt_files)
    there = kept.ready()
    engine = DuckEngine(sources, overrides=overrides, prices=prices, prompt_files=prompt_files)
    try:
        engine.wait_ready(on_progress)
        seconds = time.monotonic() - began
        info, file = engine.info(), engine.index_file
    finally:
        engine.close()
    if file is None and kept.ready():
        # built in memory, and kept now that the engine is closed
        file = kept.path
    return Indexed(
        file=file,
        made=file is not None and not there,
        bytes=file.stat().st_size if file is not None else 0,
        spans=info.spans,
        traces=info.traces,
        threads=info.threads,
        seconds=seconds,
    )


def drop_index(arguments: Sequence[str], overrides: Mapping[str, str] | None = None) -> int:
    """Remove the index files of a source; how many bytes they had. Raises BadInput if it cannot be opened."""
    from traceview.sources.open import open_sources
    from traceview.store.duck import index_file

    return index_file.drop(open_sources(arguments, overrides).identity)
