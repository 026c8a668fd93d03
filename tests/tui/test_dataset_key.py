"""An item goes into a data set by a key: asked once to which, then at once, with its correction as what is expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sample_files import sample_copy
from traceview.model.labels import Target
from traceview.store.labels import datasets
from traceview.tui.panels.name_field import NameScreen
from traceview.tui.panels.pick import PickScreen
from traceview.tui.screens.item import ItemScreen
from traceview.tui.screens.lists import ListScreen
from traceview.tui.widgets.lines import Bar
from tui.annotating import screen_of, settled
from tui.sample_app import app_on


def status(app: Any) -> str:
    return app.screen.query_one("#status", Bar).plain


async def opened(app: Any, pilot: Any) -> None:
    await settled(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.rows.row is not None)
    await pilot.press("enter")
    await settled(pilot, lambda: isinstance(app.screen, ItemScreen) and app.screen.query("AnnotatePanel"))
    await settled(pilot, lambda: screen_of(app).panel.kept.ready)


async def test_an_item_is_added_with_its_correction(tmp_path: Path) -> None:
    source = sample_copy(tmp_path)
    with app_on(source) as app:
        store = app.context.annotator.store
        async with app.run_test(size=(120, 40)) as pilot:
            await opened(app, pilot)
            first = screen_of(app).target
            app.context.annotator.correction(first, "It should say: I do not know.")
            await pilot.press("*")
            await settled(pilot, lambda: isinstance(app.screen, NameScreen) and app.screen.query("#name"))
            await pilot.press(*"a@b", "enter")
            await settled(pilot, lambda: "no name of a data set" in status(app))
            await pilot.press("*")
            await settled(pilot, lambda: isinstance(app.screen, NameScreen) and app.screen.query("#name"))
            await pilot.press(*"hard", "enter")
            await settled(pilot, lambda: "added to hard@1: 1 item" in status(app))
            await pilot.press("*")
            await settled(pilot, lambda: "hard@1 has it already" in status(app))
            await pilot.press("J")
            await settled(pilot, lambda: screen_of(app).target != first and screen_of(app).panel.kept.ready)
            second = screen_of(app).target
            await pilot.press("*")
            await settled(pilot, lambda: "added to hard@2: 2 items" in status(app))
        newest = datasets.versions(store)[-1]
        found = [(one.target, one.expected, one.origin) for one in datasets.items(store, newest.id)]
    assert found == [
        (first, "It should say: I do not know.", "added"),
        (second, None, "added"),
    ]
    with app_on(source) as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await opened(app, pilot)
            await pilot.press("*")
            await settled(
                pilot, lambda: isinstance(app.screen, PickScreen) and app.screen.query("VirtualList")
            )
            await pilot.pause()
            await pilot.press("enter")
            await settled(pilot, lambda: "hard@2 has it already" in status(app))
            assert isinstance(first, Target) and screen_of(app).target == first
