"""The palette: ranking, what is picked out, what cannot run, themes looked at and kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from traceview.definitions.user import load_user_config
from traceview.store.interface import EngineStatus
from traceview.tui.app import TraceviewApp
from traceview.tui.commands import Command, commands_of
from traceview.tui.habits import RECENT, Habits, keep_habits, read_habits
from traceview.tui.screens.list_heads import engine_parts
from traceview.tui.screens.palette import PaletteScreen, line_of, ranked
from traceview.tui.widgets.lines import Lines
from tui.conftest import Until
from tui.fake_engine import FakeEngine

MakeApp = Callable[..., TraceviewApp]


def command(title: str, why_not: str = "", keys: str = "x") -> Command:
    return Command(title, keys, lambda: None, why_not)


COMMANDS = (command("list: sort"), command("view: search"), command("label: undo", "only in a trace"))


def titles(text: str, recent: tuple[str, ...] = ()) -> list[str]:
    return [found.title for found, _ in ranked(COMMANDS, text, recent)]


def test_without_a_text_there_is_what_can_run_and_what_was_used_last_comes_first() -> None:
    assert titles("") == ["list: sort", "view: search"]
    assert titles("", ("view: search", "gone")) == ["view: search", "list: sort"]


def test_what_cannot_run_is_found_and_comes_last() -> None:
    assert titles("undo") == ["label: undo"]
    assert titles("l")[-1] == "label: undo"


def test_what_matches_is_picked_out_and_the_keys_stand_on_the_right() -> None:
    (found,) = ranked(COMMANDS, "sea")
    line = line_of(found, 30)
    assert line.plain == "view: search" + " " * 17 + "x"
    assert {span.start for span in line.spans if "underline" in str(span.style)} == {6, 7, 8}


@pytest.mark.parametrize("cells", [10, 20, 40, 80])
def test_a_line_fills_its_cells(cells: int) -> None:
    long = command("view: " + "a very long name " * 9, "only in a trace or a transcript")
    assert line_of((long, (0, 150)), cells).cell_length == cells


def test_a_reason_takes_the_place_of_the_keys() -> None:
    assert line_of((COMMANDS[2], ()), 40).plain.endswith(" only in a trace")


@pytest.fixture
def opened(make_app: MakeApp, wait_for: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeApp:
    monkeypatch.setenv("TRACEVIEW_CONFIG_DIR", str(tmp_path / "config"))
    return lambda: make_app(FakeEngine(20), state_file=tmp_path / "state" / "place.json")


async def open_palette(pilot: Pilot[None], wait_for: Until, text: str) -> OptionList:
    await wait_for(pilot, lambda: pilot.app.screen.query("#rows"))
    await pilot.press("ctrl+p")
    await wait_for(pilot, lambda: isinstance(pilot.app.screen, PaletteScreen))
    await pilot.press(*text)
    await pilot.pause()
    return pilot.app.screen.query_one(OptionList)


async def test_a_theme_is_shown_before_it_is_chosen(opened: MakeApp, wait_for: Until) -> None:
    app = opened()
    async with app.run_test(size=(100, 30)) as pilot:
        await open_palette(pilot, wait_for, "theme")
        await wait_for(pilot, lambda: app.theme == "dark")
        await pilot.press("down")
        await wait_for(pilot, lambda: app.theme == "light")
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.theme == "dark")
        assert load_user_config().theme is None
        await open_palette(pilot, wait_for, "theme")
        await pilot.press("down", "down", "enter")
        await wait_for(pilot, lambda: load_user_config().theme == "high-contrast")
        assert app.theme == "high-contrast"


async def test_without_colours_no_theme_is_offered(
    opened: MakeApp, wait_for: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = opened()
    async with app.run_test(size=(100, 30)) as pilot:
        rows = await open_palette(pilot, wait_for, "theme:light")
        assert "NO_COLOR is set" in str(rows.get_option_at_index(0).prompt)
        await pilot.press("enter")
        assert isinstance(app.screen, PaletteScreen) and app.theme == "mono"


async def test_what_was_used_last_is_kept(opened: MakeApp, wait_for: Until) -> None:
    app = opened()
    async with app.run_test(size=(100, 30)) as pilot:
        await open_palette(pilot, wait_for, "reverse")
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.screen.query("#rows"))
        assert app.keep_habits() is None
    again = opened()
    async with again.run_test(size=(100, 30)) as pilot:
        rows = await open_palette(pilot, wait_for, "")
        assert "list: reverse the sort" in str(rows.get_option_at_index(0).prompt)


def test_habits_come_back(tmp_path: Path) -> None:
    habits = Habits(["a"], {"list": 60}, True)
    habits.used("b")
    habits.used("a")
    assert habits.recent == ["a", "b"]
    for number in range(20):
        habits.used(str(number))
    assert len(habits.recent) == RECENT
    assert keep_habits(tmp_path / "deep", habits) is None
    assert read_habits(tmp_path / "deep") == habits


@pytest.mark.parametrize(
    "content",
    [b"", b"[1]", b"\xff", b'{"recent": 1, "panes": 2}', b'{"recent": [1], "panes": {"a": 0, "b": "c"}}'],
)
def test_a_broken_file_has_no_habits(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "habits.json").write_bytes(content)
    assert read_habits(tmp_path) == Habits()


def test_habits_that_cannot_be_written_are_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert "not kept" in (keep_habits(tmp_path / "file" / "state", Habits()) or "")
    assert keep_habits(None, Habits()) is None and read_habits(None).hint_seen


async def test_a_list_without_rows_says_why_nothing_is_shared_or_exported(
    make_app: MakeApp, wait_for: Until
) -> None:
    app: Any = make_app(FakeEngine(20))
    async with app.run_test(size=(120, 30)) as pilot:
        await wait_for(pilot, lambda: app.screen.query("#rows") and app.screen.selection is not None)
        offered = {one.title: one.why_not for one in commands_of(app.screen)}
        assert offered["share: page of this trace (HTML)"] == ""
        app.screen.set_filter("name:nothing")
        await wait_for(pilot, lambda: app.screen.rows.row_count == 0)
        offered = {one.title: one.why_not for one in commands_of(app.screen)}
        assert offered["share: page of this trace"] == "no traces are shown"
        assert offered["export: traces that match"] == "no traces match"
        assert not any(title.startswith("export: labelled rows") for title in offered)
        await pilot.press("f6")
        await wait_for(pilot, lambda: app.screen.AREA == "stats")
        offered = {one.title: one.why_not for one in commands_of(app.screen)}
        assert offered["share: page of a trace or a conversation"] == "only on lists or inside of one"


async def test_the_command_that_the_status_line_names_is_found_by_its_word(
    make_app: MakeApp, wait_for: Until
) -> None:
    status = EngineStatus("ready", 1.0, 5, 1, skipped=3)
    told = "".join(text for text, _ in engine_parts(status))
    assert told.endswith("3 skipped  why: ctrl+p, source")
    app: Any = make_app(FakeEngine(20))
    async with app.run_test(size=(120, 30)) as pilot:
        await wait_for(pilot, lambda: app.screen.query("#rows"))
        best, _ = ranked(commands_of(app.screen), "source")[0]
        assert best.title == "source: figures, what was skipped and why"


@pytest.mark.parametrize("key", ["a", "x", "B"])
async def test_a_key_that_does_nothing_here_says_where_it_works(
    make_app: MakeApp, wait_for: Until, key: str
) -> None:
    app: Any = make_app(FakeEngine(20))
    async with app.run_test(size=(140, 30)) as pilot:
        await wait_for(pilot, lambda: app.screen.query("#rows") and app.screen.selection is not None)
        await pilot.press("f6")
        await wait_for(pilot, lambda: app.screen.AREA == "stats" and app.screen.found is not None)
        await pilot.press(key)
        await wait_for(pilot, lambda: f"{key} (" in app.screen.query_one("#status", Lines).plain)
        assert "works on lists" in app.screen.query_one("#status", Lines).plain


@pytest.mark.parametrize("key", ["s", "x", "F", "V"])
async def test_a_key_of_lists_says_so_in_a_trace(make_app: MakeApp, wait_for: Until, key: str) -> None:
    app: Any = make_app(FakeEngine(20))
    async with app.run_test(size=(140, 30)) as pilot:
        await wait_for(pilot, lambda: app.screen.query("#rows") and app.screen.selection is not None)
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.screen.AREA == "trace" and app.screen.panel.kept.ready)
        await pilot.press(key)
        await wait_for(pilot, lambda: "works on lists" in app.screen.query_one("#status", Lines).plain)


async def test_a_source_without_spans_says_that_it_waits(make_app: MakeApp, wait_for: Until) -> None:
    app: Any = make_app(FakeEngine(0))
    async with app.run_test(size=(120, 30)) as pilot:
        await wait_for(pilot, lambda: app.screen.query("#rows") and app.screen.selection is not None)
        shown = "\n".join(app.screen.rows.render_line(y).text for y in range(6))
        assert "There are no traces here yet. What arrives is shown by itself." in shown
