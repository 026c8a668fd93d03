"""Failure modes and the first bad span or turn: set and taken off by a key, on disk before they are called saved."""

from __future__ import annotations

import pytest

from traceview.model.labels import LabelRow, Target
from traceview.store.labels.store import LabelStore
from traceview.tui.panels.mode_picker import ModePicker, found_modes
from traceview.tui.screens.trace import TraceScreen
from traceview.tui.widgets.lines import Bar
from traceview.tui.widgets.text_view import TextView
from traceview.tui.widgets.virtual_list import VirtualList
from tui.annotating import GROUNDED, app_with, open_panel, panel_text, rows, screen_of, settled, store

__all__ = ["store"]


def modes_said(store: LabelStore) -> list[object]:
    return [value for _, name, value in rows(store) if name == "mode"]


async def picker_open(app, pilot) -> ModePicker:
    await settled(pilot, lambda: isinstance(app.screen, ModePicker) and app.screen.query(VirtualList))
    await pilot.pause()
    return app.screen


async def test_a_mode_is_named_on_the_spot_and_found_again_by_a_few_letters(store: LabelStore) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        first = screen_of(app).target
        await pilot.press("#")
        await picker_open(app, pilot)
        await pilot.press(*"made-up", "space", *"link", "enter")
        await settled(pilot, lambda: modes_said(store) == [("made-up link",)])
        await settled(pilot, lambda: "# made-up link" in panel_text(app))
        assert screen_of(app).target == first, "a failure mode completes nothing"
        await pilot.press("J")
        await settled(pilot, lambda: screen_of(app).target != first and screen_of(app).panel.kept.ready)
        await pilot.press("#")
        await picker_open(app, pilot)
        await pilot.press(*"mlink", "enter")
        await settled(pilot, lambda: modes_said(store) == [("made-up link",), ("made-up link",)])
        await pilot.press("#")
        await picker_open(app, pilot)
        await pilot.press("enter")
        await settled(pilot, lambda: modes_said(store) == [("made-up link",)]), "picked again it is taken off"


async def test_several_modes_are_picked_with_tab_and_escape_changes_nothing(store: LabelStore) -> None:
    other = Target("trace", "elsewhere")
    store.append_now([LabelRow("", other, "mode", ("slow", "rude"), "human", "bob", "")])
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        await pilot.press("#")
        await picker_open(app, pilot)
        await pilot.press("tab", "escape")
        await settled(pilot, lambda: not isinstance(app.screen, ModePicker))
        assert len(rows(store)) == 1
        await pilot.press("#")
        await picker_open(app, pilot)
        await pilot.press("tab", *"odd", "tab", "enter")
        await settled(pilot, lambda: len(rows(store)) == 2)
        assert set(rows(store)[-1][2]) == {"rude", "odd"}


async def test_right_after_a_label_moved_on_the_mode_is_about_the_item_before(store: LabelStore) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        first = screen_of(app).target.id
        await pilot.press("2")
        await settled(pilot, lambda: screen_of(app).target.id != first and screen_of(app).panel.kept.ready)
        second = screen_of(app).target.id
        await pilot.press("#")
        await picker_open(app, pilot)
        await pilot.press(*"bad", "enter")
        await settled(pilot, lambda: (first, "mode", ("bad",)) in rows(store))
        await settled(pilot, lambda: screen_of(app).target.id == second)


def marked_lines(screen: TraceScreen) -> int:
    return sum("! first bad" in screen.tree_pane.render_line(line).text for line in range(10))


async def test_the_first_bad_span_is_marked_in_the_tree_and_in_the_transcript(store: LabelStore) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(160, 30)) as pilot:
        await open_panel(app, pilot, panel=False)
        screen = app.screen
        assert isinstance(screen, TraceScreen)
        await pilot.press("j", "j", "!")
        span = screen.tree_pane.row["span_id"]
        await settled(
            pilot, lambda: [(name, value) for _, name, value in rows(store)] == [("first_bad", span)]
        )
        assert marked_lines(screen) == 1
        await pilot.press("t")
        await settled(pilot, lambda: app.screen is not screen and app.screen.query(TextView))
        talk = app.screen.query_one(TextView)
        await settled(pilot, lambda: any("! first bad" in talk.render_line(line).text for line in range(20)))
        await pilot.press("g", "'")
        assert talk.current.key.span_id == span
        await pilot.press("t")
        await settled(pilot, lambda: isinstance(app.screen, TraceScreen) and app.screen.panel.kept.ready)
        screen = app.screen
        assert isinstance(screen, TraceScreen)
        await settled(pilot, lambda: marked_lines(screen) == 1)
        screen.tree_pane.go_to_position(0)
        await pilot.press("'")
        assert screen.tree_pane.row["span_id"] == span
        await settled(pilot, lambda: "as you marked it" in screen.query_one("#status", Bar).plain)
        await pilot.press("!")
        await settled(pilot, lambda: rows(store) == [])
        await settled(pilot, lambda: not marked_lines(screen))
        await pilot.press("u")
        await settled(pilot, lambda: len(rows(store)) == 1)
        await settled(pilot, lambda: marked_lines(screen) == 1)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ["chosen", "often", "seldom"]),
        ("sld", ["seldom"]),
        ("e", ["chosen", "often", "seldom"]),
        ("xyz", []),
    ],
)
def test_letters_find_modes_and_those_of_the_item_come_first(typed: str, found: list[str]) -> None:
    counts = {"seldom": 1, "often": 9, "chosen": 0}
    names = found_modes(counts, ("chosen",), typed)
    assert (sorted(names) if typed == "e" else names) == found
