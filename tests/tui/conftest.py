"""Helpers of the app's tests: an app on the engine in memory, and waiting for what must come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from traceview.tui.app import TraceviewApp
from traceview.tui.context import AppContext
from tui.fake_engine import FakeEngine

Until = Callable[[Pilot[None], Callable[[], object]], Awaitable[None]]
TURNS = 1000


@pytest.fixture
def make_app() -> Callable[..., TraceviewApp]:
    """`make_app(engine, **context)`: the app on an engine, labelling as `ann` without a label store."""

    def make(engine: Any = None, **context: Any) -> TraceviewApp:
        fields: dict[str, Any] = {
            "engine": engine or FakeEngine(),
            "annotator": None,
            "definitions": (),
            "annotator_name": "ann",
            "source_title": "support.parquet",
            "label_sentence": "labels: support.labels.db",
        }
        return TraceviewApp(AppContext(**{**fields, **context}))

    return make


@pytest.fixture
def wait_for() -> Until:
    """`await wait_for(pilot, condition)`: let workers, timers and messages run until the condition holds."""

    async def wait(pilot: Pilot[None], condition: Callable[[], object]) -> None:
        for _ in range(TURNS):
            if condition():
                return
            await pilot.pause(0.005)
        raise AssertionError("what the test waits for did not happen")

    return wait
