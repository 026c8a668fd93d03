"""A list and a trace in the themes of high contrast. `pytest --snapshot-update` draws them anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from textual.pilot import Pilot

from traceview.tui.app import TraceviewApp
from traceview.tui.themes import NAMES
from tui.conftest import Until
from tui.fake_engine import START_NS, FakeEngine

DAY_NS = 86_400_000_000_000


@pytest.fixture(autouse=True)
def frozen_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A day after the first trace, in UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr("time.time_ns", lambda: START_NS + DAY_NS)
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("theme", [name for name in NAMES if "contrast" in name])
@pytest.mark.parametrize("screen", ["list", "trace"])
def test_looks_in_each_theme(
    snap_compare: Any, make_app: Callable[..., TraceviewApp], wait_for: Until, screen: str, theme: str
) -> None:
    app = make_app(FakeEngine(60), theme=theme)

    async def settle(pilot: Pilot[None]) -> None:
        shown: Any = app.lists["traces"]
        await wait_for(pilot, lambda: shown.totals is not None and shown.rows.row is not None)
        await wait_for(pilot, lambda: shown.query_one("#preview").plain != "")
        if screen == "trace":
            await pilot.press("e", "enter")
            await wait_for(pilot, lambda: app.screen.query("#tree") and app.screen.query_one("#tree").row)  # type: ignore[attr-defined]
            await wait_for(pilot, lambda: app.screen.span_detail.section is not None)  # type: ignore[attr-defined]
        await pilot.pause(0.3)

    assert snap_compare(app, terminal_size=(120, 32), run_before=settle)
