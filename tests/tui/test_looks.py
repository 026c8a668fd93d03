"""How the app looks: few pictures, on a frozen clock. `pytest --snapshot-update` draws them anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from textual.pilot import Pilot

from traceview.tui.app import TraceviewApp
from traceview.tui.screens.lists import ListScreen
from tui.conftest import Until
from tui.fake_engine import START_NS, FakeEngine

DAY_NS = 86_400_000_000_000


@pytest.fixture(autouse=True)
def frozen_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A day after the first trace, in UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr("traceview.tui.list_cells.time.time_ns", lambda: START_NS + DAY_NS)
    yield
    monkeypatch.undo()
    time.tzset()


def labelled() -> FakeEngine:
    engine = FakeEngine(500)
    for number in range(490, 500):
        values: dict[str, Any] = {"ann": number % 3 > 0}
        judged = {"judge": {"gpt": number % 2 > 0}}
        if number % 4 == 0:
            values["bob"] = "n/a"
        engine.scores[f"trace-{number:06d}"] = {"grounded": {"human": values, **judged}}
    return engine


@pytest.mark.parametrize(
    ("size", "keys"),
    [
        pytest.param((100, 30), "j j x", id="list"),
        pytest.param((160, 30), "f3", id="threads_wide"),
        pytest.param((100, 30), "vertical_line", id="columns"),
        pytest.param((80, 24), "e v s", id="filtered_narrow"),
        pytest.param((100, 30), "question_mark", id="help"),
    ],
)
def test_looks(
    snap_compare: Any,
    make_app: Callable[..., TraceviewApp],
    wait_for: Until,
    size: tuple[int, int],
    keys: str,
) -> None:
    async def settle(pilot: Pilot[None]) -> None:
        app = pilot.app

        def quiet() -> bool:
            screen = app.screen_stack[1] if len(app.screen_stack) > 1 else None
            asked = ("first", "select", "totals", "seek")
            return (
                isinstance(screen, ListScreen)
                and screen.totals is not None
                and screen.rows.row is not None
                and not any(screen.is_asking(channel) for channel in asked)
            )

        await wait_for(pilot, quiet)
        for key in keys.split():
            await pilot.press(key)
            await wait_for(pilot, quiet)
        screen: Any = app.screen_stack[1]
        preview = screen.preview
        await wait_for(pilot, lambda: not preview.display or preview.plain != "")
        preview.show_row(screen.rows.row, blind=False)
        await wait_for(pilot, lambda: not preview.is_asking("texts") and not screen.is_asking("extra"))
        await pilot.pause()

    assert snap_compare(make_app(labelled()), terminal_size=size, run_before=settle)
