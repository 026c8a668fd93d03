"""Opens sources as an engine that answers the named queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from traceview.store.interface import Engine

if TYPE_CHECKING:
    from traceview.definitions.prices import PriceTable
    from traceview.definitions.prompt_files import PromptFiles
    from traceview.sources.open import OpenedSources
    from traceview.store.duck.mirror import LabelRows


def open_engine(
    arguments: Sequence[str],
    *,
    overrides: Mapping[str, str] | None = None,
    labels: LabelRows | None = None,
    prices: PriceTable | None = None,
    prompt_files: PromptFiles | None = None,
) -> Engine:
    """Open paths, directories or globs; returns at once, what takes long goes on in the background.

    `overrides` are `--map field=column`; `labels` is the label store whose current rows filters and lists meet
    (anything with `data_version` and `current_rows`); `prices` are those of the project, `prompt_files` the files that
    tell versions of prompts. Raises BadInput if nothing can be opened.
    """
    from traceview.sources.open import open_sources

    return engine_of(
        open_sources(arguments, overrides),
        overrides=overrides,
        labels=labels,
        prices=prices,
        prompt_files=prompt_files,
    )


def engine_of(
    sources: OpenedSources,
    *,
    overrides: Mapping[str, str] | None = None,
    labels: LabelRows | None = None,
    prices: PriceTable | None = None,
    prompt_files: PromptFiles | None = None,
) -> Engine:
    """The engine of sources that were located and probed already; the other half of `open_engine`."""
    from traceview.store.duck.engine import DuckEngine

    return DuckEngine(sources, labels=labels, overrides=overrides, prices=prices, prompt_files=prompt_files)
