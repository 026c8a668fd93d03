"""The footer: one line, the most useful keys, and how many there was no room for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from traceview.tui.actions import BY_ID
from traceview.tui.app import TraceviewApp
from traceview.tui.panes import PANES, of_pane, pane_named
from traceview.tui.widgets.footer import KeyFooter, footer_line
from traceview.tui.widgets.lines import line_width
from tui.conftest import Until
from tui.fake_engine import FakeEngine

HINTS = [("Enter", "open"), ("f", "filter"), ("s", "sort"), ("漢", "wide")]


def plain(cells: int, hints: list[tuple[str, str]] = HINTS) -> str:
    return "".join(text for text, _ in footer_line(hints, "?", cells))


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        (60, "Enter open  f filter  s sort  漢 wide  " + " " * 15 + "? help"),
        (45, "Enter open  f filter  s sort  漢 wide  ? help"),
        (44, "Enter open  f filter  s sort            +1 ?"),
        (24, "Enter open          +3 ?"),
        (10, "      +4 ?"),
        (3, ""),
        (0, ""),
    ],
)
def test_what_does_not_fit_is_counted(cells: int, shown: str) -> None:
    assert plain(cells) == shown


@pytest.mark.parametrize("cells", range(4, 60))
def test_it_fills_its_line_and_never_more(cells: int) -> None:
    assert line_width(footer_line(HINTS, "?", cells)) == cells


def test_panes_name_actions_once() -> None:
    for pane in PANES.values():
        own = of_pane(pane, list(BY_ID.values()))
        assert len(set(own)) == len(own) and len(set(pane.actions)) == len(pane.actions)
    assert pane_named([None, "x", "tree"]) is PANES["tree"] and pane_named(["x"]) is None


async def test_the_footer_follows_the_focus(make_app: Callable[..., TraceviewApp], wait_for: Until) -> None:
    app = make_app(FakeEngine(20))
    async with app.run_test(size=(120, 30)) as pilot:

        def footer() -> str:
            return app.screen.query_one(KeyFooter).plain if app.screen.query(KeyFooter) else ""

        async def shows(what: str) -> None:
            await wait_for(pilot, lambda: what in footer())

        await shows("f filter")
        await _open_trace(pilot, wait_for)
        await shows("Enter open  Esc back  Space fold")
        await pilot.press("tab")
        await shows("Right next section")
        await pilot.press("slash")
        await shows("Enter accept  Esc leave the field")
        await pilot.press("escape")
        await shows("Right next section")


async def _open_trace(pilot: Pilot[None], wait_for: Until) -> None:
    await wait_for(pilot, lambda: pilot.app.screen.query_one("#rows").row is not None)  # type: ignore[attr-defined]
    await pilot.press("enter")
    await wait_for(pilot, lambda: pilot.app.screen.query("#tree"))
