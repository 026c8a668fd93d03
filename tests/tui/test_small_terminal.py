"""A terminal too small to show anything: it says so, and no key does what nobody can see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from traceview.store.labels.store import LabelStore
from traceview.tui.screens.help import HelpScreen
from traceview.tui.screens.list_heads import tab_parts
from traceview.tui.widgets.lines import Lines
from tui.test_annotate import GROUNDED, app_with, open_panel, rows, screen_of, settled


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LabelStore]:
    store = LabelStore.open(tmp_path / "week.labels.db")
    yield store
    store.close()


async def test_no_label_is_written_blindly(store: LabelStore) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        first = screen_of(app).target
        await pilot.resize_terminal(39, 30)
        await settled(pilot, lambda: app.screen.has_class("-too-small"))
        await pilot.press("1", "n", "c", "x", "enter", "escape")
        await pilot.resize_terminal(120, 30)
        await settled(pilot, lambda: not app.screen.has_class("-too-small"))
        assert rows(store) == []
        assert screen_of(app).target == first
        await pilot.press("1")
        await settled(pilot, lambda: rows(store) == [(first.id, "grounded", True)])


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
async def test_quitting_and_help_need_no_room(store: LabelStore, key: str) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(30, 8)) as pilot:
        await settled(pilot, lambda: app.screen.has_class("-too-small"))
        await pilot.press("?")
        await settled(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press("escape")
        await settled(pilot, lambda: not isinstance(app.screen, HelpScreen))
        await pilot.press(key)
        await settled(pilot, lambda: not app.is_running)


@pytest.mark.parametrize("size", [(39, 24), (20, 5), (12, 6), (100, 2)])
async def test_the_notice_fits(store: LabelStore, size: tuple[int, int]) -> None:
    app: Any = app_with(store, GROUNDED)
    async with app.run_test(size=size) as pilot:
        await settled(pilot, lambda: app.screen.has_class("-too-small"))
        told = app.screen.query_one("#too-small", Lines).plain
        lines = told.splitlines()
        assert "ctrl+q quits." in " ".join(line.strip() for line in lines)
        assert len(lines) <= size[1]
        assert all(len(line) <= size[0] for line in lines)


def test_tabs_without_room_name_the_screen_and_the_keys() -> None:
    title = [(" ", None), ("traces.parquet", "title")]
    assert "".join(text for text, _ in tab_parts("stats", 40, title)) == "stats F2–F6 "
    wide = "".join(text for text, _ in tab_parts("stats", 80, title))
    assert all(name in wide for name in ("F2 traces", "F3 threads", "F4 prompts", "F5 judges", "F6 stats"))
