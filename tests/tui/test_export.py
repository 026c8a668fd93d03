"""Exports from the app: offered on every screen, the path said whole beforehand, the result said in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from traceview.exports.base import ExportReport
from traceview.tui.app import TraceviewApp
from traceview.tui.commands import commands_of
from traceview.tui.screens.export import ExportScreen
from traceview.tui.screens.item import ItemScreen
from traceview.tui.screens.lists import ListScreen
from traceview.tui.widgets.lines import Lines
from tui.conftest import Until
from tui.fake_engine import FakeEngine

MakeApp = Callable[..., TraceviewApp]


def plain(app: TraceviewApp, selector: str) -> str:
    return app.screen.query_one(selector, Lines).plain


def reporting(monkeypatch: pytest.MonkeyPatch, rows: int, of: int) -> list[Any]:
    """What is asked to be written, from now on; each is answered with a report of so many rows."""
    asked: list[Any] = []

    def write(
        context: Any, wish: Any, kind: str, node: Any, marks: Any, all_targets: bool, token: Any
    ) -> Any:
        asked.append((kind, node, marks, all_targets))
        return ExportReport(rows, of, wish.path.absolute(), None, rows, {kind: of})

    monkeypatch.setattr("traceview.tui.screens.export.write_export", write)
    return asked


async def test_an_open_trace_offers_its_export_and_those_of_its_list(
    make_app: MakeApp, wait_for: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written = reporting(monkeypatch, 1, 4)
    app = make_app(FakeEngine(30))
    async with app.run_test(size=(160, 30)) as pilot:
        screen: Any = app.screen
        await wait_for(pilot, lambda: isinstance(screen, ListScreen) and screen.selection is not None)
        screen.set_filter("status:error")
        await wait_for(pilot, lambda: screen.rows.row_count == 4)
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(app.screen, ItemScreen) and app.screen.panel.kept.ready)
        item: Any = app.screen
        offered = {
            command.title: command for command in commands_of(item) if command.title.startswith("export")
        }
        assert "export: this trace" in offered
        assert "export: labelled rows of the 4 traces that match" in offered
        offered["export: this trace"].run()
        await wait_for(pilot, lambda: isinstance(app.screen, ExportScreen) and app.screen.query("#path-said"))
        await wait_for(pilot, lambda: str(tmp_path) in "".join(plain(app, "#path-said").split("\n")))
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.screen is item and written)
        kind, node, marks, all_targets = written[0]
        assert (kind, node, all_targets) == ("trace", None, True) and item.target.id in marks
        await wait_for(pilot, lambda: "✓ 1 labelled of 4 that match (4 traces); in " in plain(app, "#status"))


async def test_an_export_of_nothing_is_said_as_a_warning(
    make_app: MakeApp, wait_for: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reporting(monkeypatch, 0, 30)
    app = make_app(FakeEngine(30))
    async with app.run_test(size=(160, 30)) as pilot:
        screen: Any = app.screen
        await wait_for(pilot, lambda: isinstance(screen, ListScreen) and screen.selection is not None)
        labelled = next(one for one in commands_of(screen) if one.title.startswith("export: labelled"))
        labelled.run()
        await wait_for(pilot, lambda: isinstance(app.screen, ExportScreen) and app.screen.query("#path-said"))
        await pilot.press("enter")
        await wait_for(pilot, lambda: "warning: none of 30 that match" in plain(app, "#status"))
