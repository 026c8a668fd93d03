"""An app to label in: definitions, a label file, and what its screen shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from traceview.annotation import Annotator
from traceview.model.definitions import FeedbackDefinition
from traceview.store.labels.store import LabelStore
from traceview.tui.app import TraceviewApp
from traceview.tui.context import AppContext
from traceview.tui.screens.item import ItemScreen
from tui.fake_engine import FakeEngine

BOTH: Any = ("trace", "thread")
GROUNDED = FeedbackDefinition(
    "grounded",
    "boolean",
    BOTH,
    "h1",
    pass_means="Every link in the answer came from a search result.",
    fail_means="At least one link did not.",
    required=True,
)
TONE = FeedbackDefinition(
    "tone", "categorical", BOTH, "h2", choices=("formal", "friendly", "rude"), keys={"rude": "D"}
)
EFFORT = FeedbackDefinition("effort", "numerical", BOTH, "h3", minimum=1, maximum=5, allow_na=False)
PRICE = FeedbackDefinition("price", "numerical", BOTH, "h4", minimum=0, maximum=1000)
FLAWS = FeedbackDefinition("flaws", "categorical", BOTH, "h5", choices=("a", "b", "c"), multi=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LabelStore]:
    store = LabelStore.open(tmp_path / "week.labels.db")
    yield store
    store.close()


def app_with(store: LabelStore | None, *definitions: FeedbackDefinition, **changes: Any) -> TraceviewApp:
    annotator = None if store is None else Annotator(store, definitions, "me")
    return TraceviewApp(
        AppContext(
            engine=FakeEngine(count=30),
            annotator=annotator,
            definitions=definitions,
            annotator_name="me",
            source_title="week.parquet",
            **{"label_sentence": "labels: week.labels.db", **changes},
        )
    )


async def settled(pilot: Pilot[None], condition: Any, tries: int = 200) -> None:
    """Let the event loop run until a condition holds."""
    for _ in range(tries):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("it never came to be")


def screen_of(app: TraceviewApp) -> ItemScreen[Any]:
    assert isinstance(app.screen, ItemScreen)
    return app.screen


def panel_text(app: TraceviewApp) -> str:
    panel = screen_of(app).panel
    return "\n".join(str(getattr(widget, "plain", "")) for widget in panel.query("#panel-title, #panel-body"))


async def open_panel(app: TraceviewApp, pilot: Pilot[None], *, panel: bool = True) -> None:
    await settled(pilot, lambda: app.screen.query("#rows").first().row is not None)  # type: ignore[attr-defined]
    await pilot.press("enter")
    await settled(pilot, lambda: isinstance(app.screen, ItemScreen) and app.screen.query("AnnotatePanel"))
    await settled(pilot, lambda: screen_of(app).panel.kept.ready)
    if panel:
        await pilot.press("a")


def rows(store: LabelStore) -> list[tuple[str, str, Any]]:
    return [(row.target.id, row.name, row.value) for row in store.current()]
