"""How the trace and its annotate panel look, at the sizes people have."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from textual.pilot import Pilot

from traceview.annotation import Annotator
from traceview.model.definitions import FeedbackDefinition
from traceview.store.labels.store import LabelStore
from traceview.tui.app import TraceviewApp
from traceview.tui.context import AppContext
from traceview.tui.screens.trace import TraceScreen
from tui.fake_engine import FakeEngine

DEFINITIONS = (
    FeedbackDefinition(
        "grounded",
        "boolean",
        ("trace",),
        "h1",
        pass_means="Every link in the answer came from a search result of this trace.",
        fail_means="At least one link did not.",
        required=True,
    ),
    FeedbackDefinition("tone", "categorical", ("trace",), "h2", choices=("formal", "friendly", "rude")),
    FeedbackDefinition("effort", "numerical", ("trace",), "h3", minimum=1, maximum=5),
)


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local times are those of UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize("size", [(80, 24), (100, 30), (160, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_annotating_a_failed_trace(snap_compare: Any, tmp_path: Any, size: tuple[int, int]) -> None:
    store = LabelStore.open(tmp_path / "week.labels.db")
    app = TraceviewApp(
        AppContext(
            engine=FakeEngine(count=30),
            annotator=Annotator(store, DEFINITIONS, "me"),
            definitions=DEFINITIONS,
            annotator_name="me",
            source_title="week.parquet",
            label_sentence="labels: week.labels.db",
        )
    )

    async def label_a_failed_trace(pilot: Pilot[None]) -> None:
        async def settled(condition: Any) -> None:
            for _ in range(300):
                if condition():
                    return
                await pilot.pause(0.01)
            raise AssertionError("it never came to be")

        await settled(lambda: app.screen.query_one("#rows").row is not None)  # type: ignore[attr-defined]
        await pilot.press("e", "enter")
        await settled(lambda: isinstance(app.screen, TraceScreen) and app.screen.query("#tree"))
        screen = app.screen
        assert isinstance(screen, TraceScreen)
        await settled(lambda: screen.tree_pane.row is not None and screen.panel.kept.ready)
        await pilot.press("e", "a", "right_square_bracket", "2")
        await settled(lambda: screen.panel.unsaved is None and "Tool" in screen.query_one("#sections").plain)  # type: ignore[attr-defined]
        await settled(lambda: len(store.current()) == 1)
        await pilot.pause(0.2)

    try:
        assert snap_compare(app, terminal_size=size, run_before=label_a_failed_trace)
    finally:
        store.close()
