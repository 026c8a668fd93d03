"""Lists whose filter asks for texts: what is found comes as it is found, the cursor keeps its row, keys stop it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot

from traceview.tui.app import TraceviewApp
from traceview.tui.screens.lists import ListScreen
from traceview.tui.widgets.lines import Bar, Lines
from tui.conftest import Until
from tui.fake_engine import FakeEngine

MakeApp = Callable[..., TraceviewApp]
SIZE = (100, 30)


def said(app: TraceviewApp, bar: str) -> str:
    return app.screen.query_one(bar, Lines).plain


async def searching(pilot: Pilot[None], wait_for: Until, engine: FakeEngine, found: int) -> ListScreen:
    """A list in the middle of a search that has found so many rows."""
    app: Any = pilot.app
    await wait_for(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.totals is not None)
    screen = app.screen
    engine.found, engine.gate = found, threading.Event()
    await pilot.press("/", *"dashboard", "enter")
    await wait_for(pilot, lambda: screen.searched is not None and screen.rows.row_count == found)
    return screen


def row_of(screen: ListScreen) -> str:
    assert screen.rows.row is not None
    return str(screen.rows.row["trace_id"])


async def test_hits_come_below_while_the_cursor_stays_and_the_count_is_said(
    make_app: MakeApp, wait_for: Until
) -> None:
    engine = FakeEngine(500)
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        screen = await searching(pilot, wait_for, engine, 3)
        await wait_for(pilot, lambda: "3 so far, 43 % searched" in said(app, "#filter-shown"))
        assert "counting" in said(app, "#totals")
        await pilot.press("j", "j")
        under = row_of(screen)
        engine.found, engine.searched = 20, 0.9
        await wait_for(pilot, lambda: screen.rows.row_count == 20)
        assert row_of(screen) == under and screen.rows.cursor == 2
        assert "20 so far, 90 % searched" in said(app, "#filter-shown")
        assert engine.gate is not None
        engine.gate.set()
        await wait_for(pilot, lambda: screen.totals is not None)
        assert "100 of 500 traces" in said(app, "#filter-shown")
        assert row_of(screen) == under and screen.searched is None


async def test_a_search_without_a_hit_yet_says_so(make_app: MakeApp, wait_for: Until) -> None:
    engine = FakeEngine(500)
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        screen = await searching(pilot, wait_for, engine, 0)
        line = "".join(segment.text for segment in screen.rows.render_line(2))
        assert "No traces found yet: 43 % of the texts searched." in line
        await wait_for(pilot, lambda: "0 so far, 43 % searched" in said(app, "#filter-shown"))


async def test_esc_stops_a_search_and_refreshing_goes_on(make_app: MakeApp, wait_for: Until) -> None:
    engine = FakeEngine(500)
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        screen = await searching(pilot, wait_for, engine, 3)
        engine.bump()
        await pilot.press("escape")
        pulses = screen._pulses
        await wait_for(pilot, lambda: screen._pulses > pulses + 1 and not screen.is_asking("pulse"))
        assert not screen.is_asking("select")
        assert "3 so far, stopped at 43 %" in said(app, "#filter-shown")
        await pilot.press("X")
        assert "Still counting" in app.screen.query_one("#status", Bar).plain
        assert engine.gate is not None
        engine.gate.set()
        await pilot.press("R")
        await wait_for(pilot, lambda: "100 of 500 traces" in said(app, "#filter-shown"))


async def test_another_screen_pauses_a_search_and_coming_back_goes_on(
    make_app: MakeApp, wait_for: Until
) -> None:
    engine = FakeEngine(500)
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        screen = await searching(pilot, wait_for, engine, 3)
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.screen is not screen)
        await wait_for(pilot, lambda: not screen.is_asking("select"))
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.screen is screen and screen.is_asking("select"))
        assert engine.gate is not None
        engine.gate.set()
        await wait_for(pilot, lambda: "100 of 500 traces" in said(app, "#filter-shown"))


async def test_typing_on_ends_the_search_for_what_was_typed_before(
    make_app: MakeApp, wait_for: Until
) -> None:
    engine = FakeEngine(500)
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        screen = await searching(pilot, wait_for, engine, 3)
        token = screen._asked["select"].token
        await pilot.press("f", "m")
        assert token.cancelled
        assert engine.gate is not None
        engine.gate.set()
        await pilot.press("backspace", "enter")
        await wait_for(pilot, lambda: "100 of 500 traces" in said(app, "#filter-shown"))
        assert screen.filter_text.strip() == "dashboard"


async def test_hits_are_marked_in_the_rows_and_the_opened_item_goes_on_from_there(
    make_app: MakeApp, wait_for: Until
) -> None:
    engine = FakeEngine(500)
    app = make_app(engine)
    async with app.run_test(size=(160, 30)) as pilot:
        await wait_for(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.totals is not None)
        screen: Any = app.screen
        await pilot.press("/", *"GOAL", "enter")
        await wait_for(pilot, lambda: screen.filter_text == "GOAL" and screen.totals is not None)
        hit = screen.rows._style("hit").bgcolor
        marked = [
            segment.text
            for line in range(1, 20)
            for segment in screen.rows.render_line(line)
            if segment.style is not None and segment.style.bgcolor == hit
        ]
        assert marked and {text.lower() for text in marked} == {"goal"}
        await pilot.press("enter")
        await wait_for(pilot, lambda: " GOAL " in said(app, "#status") and "hit" in said(app, "#status"))
        item: Any = app.screen
        await wait_for(pilot, lambda: not item.is_asking("search"))
        await wait_for(pilot, lambda: "here span 1" in said(app, "#status"))
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.screen is screen)
        await pilot.press("t")
        await wait_for(pilot, lambda: " GOAL " in said(app, "#status"))
        shown: Any = app.screen
        assert shown.text_pane().hit_count > 0
        await pilot.press("n")
        assert "2 of" in said(app, "#status")
