"""Helpers of the app's tests: an app on the engine in memory, and waiting for what must come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot

from traceview.tui.app import TraceviewApp
from traceview.tui.context import AppContext
from tui.fake_engine import FakeEngine

Until = Callable[[Pilot[None], Callable[[], object]], Awaitable[None]]
TURNS = 1000


@pytest.fixture(scope="session", autouse=True)
def style_sheets_read_once() -> Iterator[None]:
    """The same style sheets with the same colours are parsed once for all apps: a fifth of what a test of one costs."""
    parsed: dict[Any, dict[Any, list[RuleSet]]] = {}
    known: dict[int, tuple[Any, dict[Any, list[RuleSet]]]] = {}
    parse = Stylesheet._parse_rules

    def parse_once(self: Stylesheet, *sheet: Any, **told: Any) -> list[RuleSet]:
        colours = self._variables
        if id(colours) not in known:
            if len(known) > 50:
                known.clear()
            # The colours are kept, so that no others come to have their id.
            known[id(colours)] = colours, parsed.setdefault(frozenset(colours.items()), {})
        found = known[id(colours)][1]
        key = (*sheet, *told.items())
        if key not in found:
            found[key] = parse(self, *sheet, **told)
        return found[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parse_once)
        yield


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
