"""Names in a list's filter that nothing is called: refused where names are known, else said in the empty list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from traceview.model.definitions import FeedbackDefinition
from traceview.tui.app import TraceviewApp
from traceview.tui.screens.lists import ListScreen
from traceview.tui.widgets.lines import Lines
from tui.conftest import Until
from tui.fake_engine import FakeEngine

MakeApp = Callable[..., TraceviewApp]
GROUNDED = FeedbackDefinition("grounded", "boolean", ("trace",), "h1", required=True)


async def test_a_score_that_is_not_called_so_is_refused_and_the_rows_stay(
    make_app: MakeApp, wait_for: Until
) -> None:
    app = make_app(FakeEngine(50), definitions=(GROUNDED,))
    async with app.run_test(size=(140, 30)) as pilot:
        screen: Any = app.screen
        await wait_for(pilot, lambda: isinstance(screen, ListScreen) and screen.selection is not None)
        screen.set_filter("score.groundd:fail")
        below = screen.query_one("#filter-below", Lines)
        await wait_for(pilot, lambda: "did you mean grounded?" in below.plain)
        assert "rows of: no filter" in below.plain and screen.rows.row_count == 50
        screen.set_filter("score.grounded:failed")
        await wait_for(pilot, lambda: "'failed' is no value of grounded (pass, fail, n/a)" in below.plain)
        screen.set_filter("status:error")
        await wait_for(
            pilot, lambda: screen.rows.row_count == 7 and not screen.filter_bar.has_class("-wrong")
        )


async def test_an_empty_list_says_which_name_the_source_does_not_have(
    make_app: MakeApp, wait_for: Until
) -> None:
    app = make_app(FakeEngine(50))
    async with app.run_test(size=(140, 30)) as pilot:
        screen: Any = app.screen
        await wait_for(pilot, lambda: isinstance(screen, ListScreen) and screen.selection is not None)
        screen.set_filter("version:v9")
        await wait_for(pilot, lambda: screen.rows.row_count == 0)
        shown = "\n".join(screen.rows.render_line(y).text for y in range(screen.rows.size.height))
        assert "No traces match this filter." in shown
        assert "no version 'v9' here, there are v1, v2, v3." in shown


async def test_a_near_name_is_asked_for_with_one_sign(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(50))
    async with app.run_test(size=(140, 30)) as pilot:
        screen: Any = app.screen
        await wait_for(pilot, lambda: isinstance(screen, ListScreen) and screen.selection is not None)
        screen.set_filter("version:v33")
        await wait_for(pilot, lambda: screen.rows.row_count == 0)
        shown = "\n".join(screen.rows.render_line(y).text for y in range(screen.rows.size.height))
        assert "did you mean v3?" in shown and "?." not in shown


async def test_another_condition_begins_behind_the_filter_that_is_there(
    make_app: MakeApp, wait_for: Until
) -> None:
    app = make_app(FakeEngine(50))
    async with app.run_test(size=(140, 30)) as pilot:
        screen: Any = app.screen
        await wait_for(pilot, lambda: isinstance(screen, ListScreen) and screen.selection is not None)
        screen.set_filter("status:error")
        await pilot.press("f", *"name:x")
        await wait_for(pilot, lambda: screen.filter_bar.text == "status:error name:x")
