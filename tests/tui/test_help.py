"""The help: what comes first, every key of the place, filters that are filters, at any width."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from traceview.filters import parse
from traceview.tui.actions import ACTIONS
from traceview.tui.app import TraceviewApp
from traceview.tui.panes import LABELLING, PANES
from traceview.tui.screens.help import FILTERS, HelpScreen, filter_lines, help_lines
from traceview.tui.widgets.lines import Lines, line_width
from tui.conftest import Until
from tui.fake_engine import FakeEngine

MakeApp = Callable[..., TraceviewApp]


@pytest.mark.parametrize("example", [one for text, _ in FILTERS for one in text.split("  ")])
def test_every_example_is_a_filter(example: str) -> None:
    assert parse(example) is not None


@pytest.mark.parametrize("cells", [30, 34, 60, 75, 120])
@pytest.mark.parametrize("area", ["list", "trace", "transcript"])
def test_nothing_is_wider_than_the_window_and_no_key_is_missing(
    make_app: MakeApp, area: str, cells: int
) -> None:
    context = make_app().context
    panes = {"trace": (PANES["tree"],), "transcript": (LABELLING, PANES["talk"])}.get(area, ())
    lines = help_lines(ACTIONS, area, context, cells, panes)  # type: ignore[arg-type]
    assert max(map(line_width, lines)) <= max(cells, 36)
    text = "\n".join("".join(part for part, _ in line) for line in lines)
    for action in ACTIONS:
        if (area in action.screens or "app" in action.screens) and not action.id.startswith("value_"):
            assert action.keys[0] in text
    begins = {"list": "List", "trace": "This pane: tree", "transcript": "Labelling"}
    assert text.startswith(begins[area])
    assert text.count("\nc  ") == (area != "list"), "once, however many parts the help has"
    assert text.index("Everywhere") > text.index(":")


def test_filters_fit_a_narrow_window() -> None:
    assert max(map(line_width, filter_lines(34))) <= 36


async def test_the_help_scrolls_and_leads_to_the_filters(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(20))
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: app.screen.query("#rows"))
        await pilot.press("question_mark")
        await wait_for(
            pilot, lambda: isinstance(app.screen, HelpScreen) and app.screen.query_one(Lines).plain
        )
        frame = app.screen.query_one("#dialog")
        assert frame.max_scroll_y > 0 and frame.region.width <= 80
        await pilot.press("j")
        await wait_for(pilot, lambda: frame.scroll_y == 1)
        await pilot.press("f")
        await wait_for(pilot, lambda: frame.scroll_y > 10)
        await pilot.press("question_mark")
        await wait_for(pilot, lambda: not isinstance(app.screen, HelpScreen))
