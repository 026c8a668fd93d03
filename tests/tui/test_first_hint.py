"""The hint of the first start: shown once, ended by any key, which does what it does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from traceview.tui.app import TraceviewApp
from traceview.tui.widgets.lines import Bar
from tui.conftest import Until
from tui.fake_engine import FakeEngine


async def test_the_first_hint(make_app: Callable[..., TraceviewApp], wait_for: Until, tmp_path: Path) -> None:
    def made() -> TraceviewApp:
        return make_app(FakeEngine(20), state_file=tmp_path / "place.json", keys={"help": ["ctrl+g", "?"]})

    app = made()
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_for(pilot, lambda: "ctrl+g shows all keys" in app.screen.query_one("#status", Bar).plain)
        await wait_for(pilot, lambda: app.lists["traces"].rows.row is not None)
        await pilot.press("j")
        await wait_for(pilot, lambda: app.lists["traces"].rows.cursor == 1)
        assert "shows all keys" not in app.screen.query_one("#status", Bar).plain
        assert app.keep_habits() is None
    again = made()
    async with again.run_test(size=(100, 30)) as pilot:
        await wait_for(pilot, lambda: again.lists["traces"].rows.row is not None)
        await pilot.pause()
        assert "shows all keys" not in again.screen.query_one("#status", Bar).plain
