"""Panes that are made wider and narrower, beside each other and stacked, and come back as they were."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from traceview.tui.app import TraceviewApp
from traceview.tui.screens.split import LEAST, MOST
from tui.conftest import Until
from tui.fake_engine import FakeEngine

MakeApp = Callable[..., TraceviewApp]


@pytest.mark.parametrize("size", [(200, 50), (90, 30)], ids=["beside", "stacked"])
async def test_the_shares_of_tree_and_span(
    make_app: MakeApp, wait_for: Until, tmp_path: Path, size: tuple[int, int]
) -> None:
    app = make_app(FakeEngine(20), state_file=tmp_path / "place.json")

    def part(name: str, of: TraceviewApp = app) -> int:
        region = of.screen.query_one(name).region
        return region.width if size[0] > 100 else region.height

    async with app.run_test(size=size) as pilot:
        await wait_for(pilot, lambda: app.lists["traces"].rows.row is not None)
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.screen.query("#tree") and part("#tree") > 0)
        before = part("#tree")
        await pilot.press("greater_than_sign", "greater_than_sign")
        await wait_for(pilot, lambda: part("#tree") > before)
        wide = part("#tree")
        await pilot.press("tab", "greater_than_sign")
        await wait_for(pilot, lambda: part("#tree") < wide)
        for _ in range(30):
            await pilot.press("less_than_sign")
        (share,) = app.habits.panes.values()
        await wait_for(
            pilot, lambda: part("#span") <= (part("#tree") + part("#span")) * (100 - MOST) // 100 + 1
        )
        assert share == MOST > LEAST
        kept = part("#tree")
        assert app.keep_habits() is None
    again = make_app(FakeEngine(20), state_file=tmp_path / "place.json")
    async with again.run_test(size=size) as pilot:
        await wait_for(pilot, lambda: again.lists["traces"].rows.row is not None)
        await pilot.press("enter")
        await wait_for(pilot, lambda: again.screen.query("#tree") and part("#tree", again) == kept)


async def test_one_pane_cannot_be_resized(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(20))
    async with app.run_test(size=(60, 20)) as pilot:
        await wait_for(pilot, lambda: app.lists["traces"].rows.row is not None)
        await pilot.press("greater_than_sign")
        await wait_for(pilot, lambda: "only one pane" in app.screen.query_one("#status").plain)  # type: ignore[attr-defined]
