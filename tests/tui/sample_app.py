"""The app on a copy of the sample data, as `traceview demo` opens it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sample_files import sample_copy
from traceview.annotation import Annotator
from traceview.definitions.project import load_project
from traceview.store.labels.location import label_location
from traceview.store.labels.store import LabelStore
from traceview.store.open import open_engine
from traceview.tui.app import TraceviewApp
from traceview.tui.context import AppContext


@contextmanager
def sample_app(folder: Path, **settings: Any) -> Iterator[TraceviewApp]:
    """An app on a copy of the sample data that was not started yet; `settings` are fields of its context."""
    with app_on(sample_copy(folder), **settings) as app:
        yield app


@contextmanager
def app_on(source: Path, **settings: Any) -> Iterator[TraceviewApp]:
    """An app on a source, with the definitions and labels beside it."""
    project = load_project(source.parent / "traceview.toml", [source])
    location = label_location((str(source),))
    store = LabelStore.open(location.path)
    engine = open_engine((str(source),), labels=store)
    engine.wait_ready()
    try:
        yield TraceviewApp(
            AppContext(
                engine=engine,
                annotator=Annotator(store, project.definitions, "tester@example.com"),
                definitions=project.definitions,
                annotator_name="tester@example.com",
                source_title=source.name,
                project=project,
                **settings,
            )
        )
    finally:
        engine.close()
        store.close()
