"""Copies of the sample data, and their index: it is built once in each process of a test run and lent to each copy."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from traceview.definitions.prices import PriceTable
from traceview.definitions.prompt_files import PromptFiles
from traceview.sources.open import open_sources
from traceview.store.duck.index_file import IndexFile
from traceview.store.indexing import make_index

SAMPLE = Path(__file__).parents[1] / "sample_data"

_aside = tempfile.TemporaryDirectory(prefix="traceview-tests-")
_built: dict[str, Path] = {}
"""Index files by what is in the source."""


def sample_copy(folder: Path, *more: str) -> Path:
    """A copy of the sample data, with `more` of its files; its traces."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("traces.parquet", "traceview.toml", *more):
        shutil.copyfile(SAMPLE / name, folder / name)
    return with_index(folder / "traces.parquet")


def with_index(source: Path) -> Path:
    """A file whose index is in the cache from now on."""
    content = hashlib.sha256(source.read_bytes()).hexdigest()
    built = _built.get(content)
    if built is None:
        made = make_index((str(source),))
        assert made.file is not None
        _built[content] = Path(shutil.copyfile(made.file, Path(_aside.name) / f"{content}.duckdb"))
        return source
    kept = IndexFile.of(open_sources((str(source),)).identity, PriceTable(), PromptFiles())
    shutil.copyfile(built, kept.path)
    return source
