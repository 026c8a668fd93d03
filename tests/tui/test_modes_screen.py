"""The screen of failure modes: counts, their traces, renaming, merging, undo."""

from __future__ import annotations

from traceview.annotation import Annotator
from traceview.annotation.modes import since_new_mode
from traceview.model.labels import LabelRow, Target
from traceview.store.labels.store import LabelStore
from traceview.tui.commands import commands_of
from traceview.tui.panels.pick import PickScreen
from traceview.tui.screens.lists import ListScreen
from traceview.tui.screens.modes import ModesScreen
from traceview.tui.screens.opened_list import OpenedList
from traceview.tui.widgets.footer import KeyFooter
from traceview.tui.widgets.lines import Bar, Lines
from tui.annotating import GROUNDED, app_with, settled, store

__all__ = ["store"]


def target(number: int) -> Target:
    return Target("trace", f"trace-{number:06d}", f"trace-{number:06d}")


def given(store: LabelStore) -> None:
    me = Annotator(store, (GROUNDED,), "me")
    me.set_value([target(1), target(2)], "mode", ("made-up link",))
    me.set_value([target(3)], "mode", ("invented link", "slow"))
    me.set_value([target(4)], "grounded", True)


async def modes_open(app, pilot) -> ModesScreen:
    await settled(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.rows.row is not None)
    await pilot.press("#")
    await settled(pilot, lambda: isinstance(app.screen, ModesScreen) and app.screen.query("#rows"))
    await settled(pilot, lambda: app.screen.rows.row_count > 0)
    return app.screen


def names(screen: ModesScreen) -> list[tuple[str, str]]:
    rows = [screen.rows.row_at(index) for index in range(screen.rows.row_count)]
    return [(row["name"], row["count"]) for row in rows]


def status(screen: ModesScreen) -> str:
    return screen.query_one("#status", Bar).plain


async def test_modes_are_counted_and_open_their_traces(store: LabelStore) -> None:
    given(store)
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await modes_open(app, pilot)
        assert names(screen) == [("made-up link", "2"), ("invented link", "1"), ("slow", "1")]
        assert screen.rows.row_at(0)["rate"] == "50.0%"
        about = screen.query_one("#about", Bar).plain
        assert "3 failure modes" in about and "4 items" in about and about.rstrip().endswith("last 1 item")
        await pilot.press("enter")
        await settled(pilot, lambda: isinstance(app.screen, OpenedList))
        assert app.screen.filter_text == 'mode:"made-up link"'
        await pilot.press("escape")
        await settled(pilot, lambda: app.screen is screen)
        spans = app.context.engine.trace("trace-000001").spans
        me = Annotator(store, (GROUNDED,), "me")
        me.set_value([target(1)], "first_bad", str(spans[2]["span_id"]))
        me.set_value([target(2)], "first_bad", "gone")
        next(one for one in commands_of(screen) if one.title == "label: where it went wrong first").run()
        await settled(pilot, lambda: isinstance(app.screen, PickScreen) and app.screen.query("#heading"))
        heading = app.screen.query_one("#heading", Lines)
        await settled(pilot, lambda: "in 2 traces that people marked; 1 on spans" in heading.plain)
        await pilot.press("enter")
        await settled(pilot, lambda: isinstance(app.screen, OpenedList))
        assert app.screen.filter_text == "trace:trace-000001"


async def test_marked_modes_are_merged_and_taken_apart_by_one_undo(store: LabelStore) -> None:
    given(store)
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await modes_open(app, pilot)
        footer = screen.query_one("#footer", KeyFooter).plain
        assert "# split" in footer and "= rename, merge" in footer and "failure mode" not in footer
        await pilot.press("u")
        await settled(pilot, lambda: "nothing to undo here" in status(screen))
        await pilot.press("x", "x", "=")
        await settled(pilot, lambda: app.screen is not screen and app.screen.query("#name"))
        await pilot.press(*"fake", "space", *"link", "enter")
        await settled(pilot, lambda: app.screen is screen)
        await settled(pilot, lambda: names(screen) == [("fake link", "3"), ("slow", "1")])
        # What another process of the same person wrote since then stays.
        other = Annotator(store, (GROUNDED,), "me")
        other.set_value([target(5)], "grounded", False)
        await pilot.press("u")
        await settled(pilot, lambda: "Not undone" in status(screen))
        assert other.own(target(5))["grounded"].value is False and names(screen)[0] == ("fake link", "3")
        other.undo()
        await pilot.press("u")
        await settled(pilot, lambda: names(screen)[0] == ("made-up link", "2") and len(names(screen)) == 3)
        await pilot.press("ctrl+r")
        await settled(pilot, lambda: names(screen)[0] == ("fake link", "3"))
        await pilot.press("ctrl+r")
        await settled(pilot, lambda: "nothing to redo here" in status(screen))
        await pilot.press("u")
        await settled(pilot, lambda: names(screen)[0] == ("made-up link", "2"))


async def test_a_rename_of_what_others_named_says_that_it_stays(store: LabelStore) -> None:
    Annotator(store, (GROUNDED,), "bob").set_value([target(1)], "mode", ("slow",))
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await modes_open(app, pilot)
        assert "the last item brought a new one" in screen.query_one("#about", Bar).plain
        await pilot.press("=")
        await settled(pilot, lambda: app.screen is not screen and app.screen.query("#name"))
        await pilot.press(*"fast", "enter")
        await settled(pilot, lambda: "stays theirs" in screen.query_one("#status", Bar).plain)
        assert names(screen) == [("slow", "1")]


def test_the_count_begins_anew_with_every_new_mode() -> None:
    def row(number: int, name: str, value: object, op: str = "set", source: str = "human") -> LabelRow:
        return LabelRow(f"{number}", target(number), name, value, source, "me", "", op)

    rows = [row(1, "mode", ("a",)), row(2, "grounded", True), row(3, "mode", ("a",)), row(3, "note", "x")]
    assert since_new_mode(rows) == 2
    rows += [row(4, "mode", ("a", "b")), row(5, "grounded", False), row(6, "v", True, source="judge")]
    assert since_new_mode(rows) == 1
    rows += [row(one, "mode", ("c",)) for one in (1, 3)]
    assert since_new_mode(rows) == 1, "a was renamed: nobody looked at an item"
    rows += [row(1, "mode", None, "undo"), row(1, "mode", ("d",))]
    assert since_new_mode(rows) == 0 and since_new_mode([]) == 0
