"""A failure mode is split by key: some of its items are marked, or found by a filter, and moved to another mode."""

from __future__ import annotations

from pathlib import Path

import pytest

from traceview.annotation import Annotator
from traceview.model.labels import Target
from traceview.store.interface import ListQuery
from traceview.tui.panels.mode_picker import ModePicker
from traceview.tui.screens.lists import ListScreen
from traceview.tui.screens.mode_items import ModeItemsScreen
from traceview.tui.screens.modes import ModesScreen
from traceview.tui.widgets.lines import Bar, Lines
from tui.annotating import settled
from tui.sample_app import sample_app
from tui.test_modes_screen import names

LINK, SLOW = "made-up link", "slow search"


@pytest.fixture
def opened(tmp_path: Path):
    """An app with six traces, a thread and a span of one mode, and one trace that only another person gave it."""
    with sample_app(tmp_path) as app:
        engine, me = app.context.engine, app.context.annotator
        selection = engine.select(ListQuery("traces"))
        rows = engine.rows(selection, 0, 7).rows
        targets = [Target("trace", row["trace_id"], row["trace_id"]) for row in rows]
        span = engine.trace(targets[0].id).spans[1]
        thread = next(row["thread_id"] for row in rows if row["thread_id"])
        others = [Target("thread", thread), Target("span", span["span_id"], span["trace_id"])]
        for number, target in enumerate([*targets[:6], *others]):
            me.set_value([target], "mode", (LINK, "rude") if number == 0 else (LINK,))
        me.note(targets[2], "the link was invented")
        Annotator(me.store, (), "bob").set_value([targets[6]], "mode", (LINK,))
        yield app, targets


async def items_open(app, pilot) -> ModeItemsScreen:
    await settled(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.rows.row is not None)
    await pilot.press("#")
    await settled(pilot, lambda: isinstance(app.screen, ModesScreen) and app.screen.query("#rows"))
    await settled(pilot, lambda: app.screen.rows.row_count > 0)
    await pilot.press("#")
    await settled(pilot, lambda: isinstance(app.screen, ModeItemsScreen) and app.screen.query("#rows"))
    await settled(pilot, lambda: app.screen.rows.row_count > 0)
    return app.screen


def kinds(screen: ModeItemsScreen) -> list[str]:
    return [screen.rows.row_at(at)["kind"] for at in range(screen.rows.row_count)]


def about(screen: ModeItemsScreen) -> str:
    return screen.query_one("#about", Bar).plain


def modes_of(app, target: Target) -> object:
    return app.context.annotator.own(target)["mode"].value


async def test_marked_items_go_to_a_new_mode_and_come_back_with_one_undo(opened) -> None:
    app, targets = opened
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await items_open(app, pilot)
        assert kinds(screen) == ["span", "thread", *["trace"] * 6], "the newest first"
        assert "8 of your 8 items" in about(screen) and "1 that others gave it" in about(screen)
        assert screen.rows.row_at(5)["note"] == "the link was invented" and screen.rows.row_at(5)["text"]
        await pilot.press("space", "j", "x")
        assert "2 marked" in about(screen)
        await pilot.press("#")
        await settled(pilot, lambda: isinstance(app.screen, ModePicker) and app.screen.query("#heading"))
        assert "move 2 of 8 items of made-up link" in app.screen.query_one("#heading", Lines).plain
        await pilot.press(*"slow", "space", *"search", "enter")
        await settled(pilot, lambda: app.screen is screen and screen.rows.row_count == 6)
        assert "on 2 items" in screen.query_one("#status", Bar).plain
        assert modes_of(app, targets[5]) == (SLOW,) and modes_of(app, targets[4]) == (LINK,)
        await pilot.press("escape")
        await settled(pilot, lambda: (SLOW, "2") in names(app.screen))
        await pilot.press("u")
        await settled(pilot, lambda: names(app.screen) == [(LINK, "9"), ("rude", "1")])
        assert [row.value for row in app.context.annotator.history(targets[5])] == [(LINK,), (SLOW,), None]


async def test_all_that_a_filter_leaves_go_to_a_mode_that_is_there(opened) -> None:
    app, targets = opened
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await items_open(app, pilot)
        await pilot.press("#")
        assert app.screen is screen and "Mark items first" in screen.query_one("#status", Bar).plain
        await pilot.press("f", *f"trace:{targets[0].id}", "enter")
        await settled(pilot, lambda: "moves these" in about(screen))
        assert kinds(screen) == ["span", "thread", "trace"], "what a filter says of a trace is asked of all"
        await pilot.press("#")
        await settled(pilot, lambda: isinstance(app.screen, ModePicker) and app.screen.query("#heading"))
        await pilot.press(*"rde", "enter")
        await settled(pilot, lambda: app.screen is screen and screen._found.of == 5)
        assert modes_of(app, targets[0]) == ("rude",), "it had both: once is enough"


async def test_what_is_marked_stays_marked_under_a_filter(opened) -> None:
    app, _ = opened
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await items_open(app, pilot)
        await pilot.press("X")
        assert "8 marked" in about(screen)
        await pilot.press("f", *"name:nothing-is-called-so", "enter")
        await settled(pilot, lambda: screen.rows.row_count == 0)
        assert "0 of your 8" in about(screen) and "8 marked" in about(screen)
        await pilot.press("#")
        await settled(pilot, lambda: isinstance(app.screen, ModePicker) and app.screen.query("#heading"))
        assert "move 8 of 8 items" in app.screen.query_one("#heading", Lines).plain
        await pilot.press("escape")
        await settled(pilot, lambda: app.screen is screen)
        await pilot.press("X")
        assert "marked" not in about(screen)
