"""Stats and prompts: what is counted, opened, narrowed, sorted, copied and kept; what waits and what is cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from traceview.tui.app import TraceviewApp
from traceview.tui.copying import Invocation
from traceview.tui.figures import GroupLine, small_note
from traceview.tui.screens.copy_menu import CopyMenu
from traceview.tui.screens.group_frame import GroupScreen
from traceview.tui.screens.lists import ListScreen
from traceview.tui.screens.opened_list import OpenedList
from traceview.tui.screens.prompts import PromptsScreen, version_before
from traceview.tui.screens.stats import StatsScreen
from traceview.tui.state import LastPlace, keep_place, read_place
from traceview.tui.widgets.lines import Lines
from traceview.tui.widgets.text_view import TextView
from tui.conftest import Until
from tui.fake_engine import FakeEngine

MakeApp = Callable[..., TraceviewApp]
SIZE = (120, 40)


def group_screen(app: TraceviewApp) -> GroupScreen:
    assert isinstance(app.screen, GroupScreen)
    return app.screen


def said(app: TraceviewApp, bar: str) -> str:
    return app.screen.query_one(bar, Lines).plain


def names(screen: GroupScreen) -> list[str]:
    return ["all" if line.total else str(line.row[screen.key_fields[-1]]) for line in screen._shown]


async def list_ready(pilot: Pilot[None], wait_for: Until) -> ListScreen:
    app: Any = pilot.app
    await wait_for(
        pilot,
        lambda: (
            isinstance(app.screen, ListScreen)
            and app.screen.selection is not None
            and app.screen.totals is not None
            and not app.screen.is_asking("select")
        ),
    )
    found: ListScreen = app.screen
    return found


async def counted(pilot: Pilot[None], wait_for: Until) -> Any:
    app: Any = pilot.app
    await wait_for(
        pilot,
        lambda: (
            isinstance(app.screen, GroupScreen)
            and app.screen.found is not None
            and not app.screen.is_asking("figures")
        ),
    )
    return app.screen


@pytest.mark.parametrize("key", [pytest.param("f6", id="stats"), pytest.param("f4", id="prompts")])
async def test_enter_opens_exactly_the_traces_of_the_group_and_esc_returns_to_its_row(
    make_app: MakeApp, wait_for: Until, key: str
) -> None:
    engine = FakeEngine(100)
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        await list_ready(pilot, wait_for)
        await pilot.press(key)
        screen = await counted(pilot, wait_for)
        if isinstance(screen, StatsScreen):
            screen.choose(("name",), None)
            await counted(pilot, wait_for)
            assert names(screen)[0] == "all"
        await pilot.press("home", "j", "j")
        line = screen.line
        await pilot.press("enter")
        opened = await list_ready(pilot, wait_for)
        assert isinstance(opened, OpenedList)
        assert len(opened.selection or ()) == line.row["n"]
        assert opened.filter_text == line.row["filter"]
        assert "Esc" in said(app, "#footer")
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.screen is not opened)
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.screen is opened)
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.screen is screen)
        assert screen.line == line


async def test_the_filter_of_the_list_applies_and_goes_with_the_group(
    make_app: MakeApp, wait_for: Until
) -> None:
    app = make_app(FakeEngine(100), initial_filter="status:error")
    async with app.run_test(size=SIZE) as pilot:
        traces = await list_ready(pilot, wait_for)
        matching = len(traces.selection or ())
        await pilot.press("f6")
        screen = await counted(pilot, wait_for)
        assert screen._shown[0].row["n"] == matching
        screen.choose(("name",), None)
        await counted(pilot, wait_for)
        await pilot.press("j", "enter")
        opened = await list_ready(pilot, wait_for)
        assert opened.filter_text.startswith("status:error ") and "name:" in opened.filter_text
        await pilot.press("f4")
        prompts = await counted(pilot, wait_for)
        assert prompts.filter_text == opened.filter_text == traces.filter_text
        assert "that match status:error" in said(app, "#about")


async def test_a_filter_typed_in_stats_is_that_of_the_list(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(100))
    async with app.run_test(size=SIZE) as pilot:
        await list_ready(pilot, wait_for)
        await pilot.press("f6")
        screen = await counted(pilot, wait_for)
        await pilot.press("f", *"status:ok", "enter")
        await wait_for(pilot, lambda: screen.filter_text == "status:ok" and not screen.is_asking("figures"))
        n = screen._shown[0].row["n"]
        await pilot.press("f2")
        await wait_for(pilot, lambda: isinstance(app.screen, ListScreen))
        traces = app.lists["traces"]
        await wait_for(pilot, lambda: len(traces.selection or ()) == n and traces.filter_text == "status:ok")


async def test_figures_wait_for_the_index_and_come_by_themselves(make_app: MakeApp, wait_for: Until) -> None:
    engine = FakeEngine(100, phase="indexing")
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f6")
        await wait_for(pilot, lambda: isinstance(app.screen, StatsScreen))
        await wait_for(pilot, lambda: "after indexing, 43 %" in said(app, "#filter-shown"))
        assert group_screen(app).rows.row_count == 0
        asked = engine.asked.count("stats  -")
        seen = group_screen(app)._pulses
        await wait_for(pilot, lambda: group_screen(app)._pulses > seen + 2)
        assert engine.asked.count("stats  -") == asked
        engine.phase = "ready"
        engine.bump()
        screen = await counted(pilot, wait_for)
        assert screen.rows.row_count == 2
        assert "1 groups" in said(app, "#filter-shown")


async def test_another_choice_interrupts_the_running_question(make_app: MakeApp, wait_for: Until) -> None:
    engine = FakeEngine(100)
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        await list_ready(pilot, wait_for)
        engine.gate = threading.Event()
        await pilot.press("f6")
        await wait_for(pilot, lambda: "stats  -" in engine.asked)
        assert "counting" in said(app, "#filter-shown")
        await pilot.press("m")
        await wait_for(pilot, lambda: "cancelled" in engine.asked)
        engine.gate.set()
        screen = await counted(pilot, wait_for)
        assert screen.over == "day" and "stats model day" in engine.asked
        assert "stats model -" not in engine.asked


async def test_esc_stops_counting(make_app: MakeApp, wait_for: Until) -> None:
    engine = FakeEngine(100)
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        await list_ready(pilot, wait_for)
        engine.gate = threading.Event()
        await pilot.press("f6")
        await wait_for(pilot, lambda: "stats  -" in engine.asked)
        await pilot.press("escape")
        await wait_for(pilot, lambda: "cancelled" in engine.asked)
        assert "Stopped counting" in said(app, "#status") and not group_screen(app).is_asking("figures")
        engine.gate.set()
        await pilot.press("R")
        assert (await counted(pilot, wait_for)).rows.row_count == 2


async def test_new_labels_count_again_with_the_cursor_on_its_group(
    make_app: MakeApp, wait_for: Until
) -> None:
    engine = FakeEngine(99)
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        await list_ready(pilot, wait_for)
        await pilot.press("f6")
        screen = await counted(pilot, wait_for)
        screen.choose(("name",), None)
        await counted(pilot, wait_for)
        await pilot.press("end")
        line = screen.line
        engine.scores["trace-000098"] = {"grounded": {"human": {"ann": True}, "judge": {"j": False}}}
        engine.bump()
        await wait_for(pilot, lambda: screen._shown and screen._shown[0].row["scores"])
        assert screen.line.key == line.key
        cells = screen._cells({"line": screen._shown[0]})
        assert cells["score.grounded.human"].text == "100% 1/1"
        assert cells["score.grounded.judge"].text == "0% 0/1"


async def test_lines_are_kept_by_words_and_sorted(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(100))
    async with app.run_test(size=SIZE) as pilot:
        await list_ready(pilot, wait_for)
        await pilot.press("f6")
        screen = await counted(pilot, wait_for)
        screen.choose(("name",), None)
        await counted(pilot, wait_for)
        await pilot.press("s")
        first = screen.sort
        assert names(screen)[0] == "all" and first is not None and first.field == "name"
        assert names(screen)[1:] == sorted(names(screen)[1:])
        await pilot.press("S")
        assert names(screen)[1:] == sorted(names(screen)[1:], reverse=True)
        await pilot.press("ampersand", *"DRAFT")
        await wait_for(pilot, lambda: names(screen) == ["all", "draft plan"])
        assert "1 of 3 groups" in said(app, "#filter-shown")
        await pilot.press("enter", "j")
        assert screen.line.row["name"] == "draft plan"


async def test_fields_are_chosen_by_typing(make_app: MakeApp, wait_for: Until) -> None:
    engine = FakeEngine(100)
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        await list_ready(pilot, wait_for)
        await pilot.press("f6")
        screen = await counted(pilot, wait_for)
        await pilot.press("vertical_line", *"statu", "enter")
        await wait_for(pilot, lambda: screen.by == ("status",))
        await counted(pilot, wait_for)
        assert names(screen) == ["all", "ok", "error"]
        assert "by status" in said(app, "#about")
        await pilot.press("vertical_line", *"prompt_v", "space", "enter")
        await wait_for(pilot, lambda: screen.by == ("status", "prompt_name", "prompt_version"))


async def test_the_command_line_that_prints_the_same_is_offered(make_app: MakeApp, wait_for: Until) -> None:
    invocation = Invocation(sources=("my traces.parquet",))
    app = make_app(FakeEngine(20), initial_filter="status:ok", invocation=invocation)
    async with app.run_test(size=SIZE) as pilot:
        await list_ready(pilot, wait_for)
        await pilot.press("f6")
        screen = await counted(pilot, wait_for)
        screen.choose(("model", "name"), "day")
        await counted(pilot, wait_for)
        copies = screen.copies()
        assert copies.command == (
            "traceview stats 'my traces.parquet' --by model,name --over day --filter status:ok"
        )
        assert copies.text == "status:ok" and copies.row["n"] == screen.found.traces
        await pilot.press("y")
        await wait_for(pilot, lambda: isinstance(app.screen, CopyMenu))
        await pilot.press("escape", "f4")
        prompts = await counted(pilot, wait_for)
        assert prompts.copies().command == "traceview prompts 'my traces.parquet' --filter status:ok"


async def test_prompts_begin_at_the_version_of_the_trace_in_front(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(100))
    async with app.run_test(size=SIZE) as pilot:
        traces = await list_ready(pilot, wait_for)
        await pilot.press("j")
        version = traces.rows.row["prompt_versions"][0].rpartition("@")[2] if traces.rows.row else ""
        await pilot.press("f4")
        screen = await counted(pilot, wait_for)
        assert isinstance(screen, PromptsScreen)
        assert screen.line is not None and screen.line.row["prompt_version"] == version
        # The newest trace is the last one: its version was seen last.
        assert names(screen) == ["v1", "v3", "v2"]
        view = screen.query_one("#preview", TextView)
        await wait_for(pilot, lambda: view.block_index is not None)


async def test_the_choice_is_kept_for_the_source(make_app: MakeApp, wait_for: Until, tmp_path: Path) -> None:
    file = tmp_path / "place.json"
    keep_place(file, LastPlace(screen="stats", filter="status:ok", stats_by="name,status", stats_over="week"))
    app = make_app(FakeEngine(100), state_file=file)
    async with app.run_test(size=SIZE) as pilot:
        screen = await counted(pilot, wait_for)
        assert isinstance(screen, StatsScreen)
        assert (screen.by, screen.over, screen.filter_text) == (("name", "status"), "week", "status:ok")
        await pilot.press("m", "s")
        await counted(pilot, wait_for)
    keep_place(file, app.place())
    kept = read_place(file)
    assert (kept.screen, kept.stats_by, kept.stats_over, kept.filter) == (
        "stats", "name,status", "hour", "status:ok",
    )  # fmt: skip
    assert kept.stats_sort


async def test_what_was_kept_and_is_no_field_is_forgotten(
    make_app: MakeApp, wait_for: Until, tmp_path: Path
) -> None:
    file = tmp_path / "place.json"
    keep_place(file, LastPlace(screen="stats", stats_by="colour", stats_over="year"))
    app = make_app(FakeEngine(20), state_file=file)
    async with app.run_test(size=SIZE) as pilot:
        screen = await counted(pilot, wait_for)
        assert (screen.by, screen.over) == (("model",), None)


async def test_many_versions_are_one_virtual_list(make_app: MakeApp, wait_for: Until) -> None:
    engine = FakeEngine(5000)
    for number in range(5000):
        engine.overrides[number] = {"prompt_versions": [f"support@v{number}"]}
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        await list_ready(pilot, wait_for)
        await pilot.press("f4")
        screen = await counted(pilot, wait_for)
        assert screen.rows.row_count == 5000
        await pilot.press("end")
        assert screen.line.row["prompt_version"] == "v0"
        await pilot.press("home", "down")
        assert screen.line.row["prompt_version"] == "v4998"


def test_a_percentile_that_is_not_told_has_its_reason() -> None:
    row = {"unit": "calls", "units": 12, "p95_ms": None, "p99_ms": None}
    assert small_note([row]) == "– too few model calls: p95 from 20 on, p99 from 100 on"
    assert small_note([{**row, "p95_ms": 1.0, "p99_ms": 2.0}]) == ""
    assert small_note([{**row, "units": 0}]) == ""


def test_the_version_before_is_of_the_same_prompt_and_came_into_use_before() -> None:
    # v1 was still used when v3 was not any more, as with a rollout that is taken back.
    used = [("a", "v1", 10, 90), ("a", "v3", 30, 70), ("a", "v2", 20, 50), ("b", "v9", 25, 99)]
    lines = [
        GroupLine(
            f"{name}@{version}",
            {"prompt_name": name, "prompt_version": version, "first_seen_ns": first, "last_seen_ns": last},
        )
        for name, version, first, last in used
    ]
    before = {line.key: version_before(line, lines) for line in lines}
    assert {key: found and found.key for key, found in before.items()} == {
        "a@v1": None, "a@v2": "a@v1", "a@v3": "a@v2", "b@v9": None,
    }  # fmt: skip


@pytest.mark.parametrize("key", [pytest.param(None, id="list"), pytest.param("f6", id="stats")])
async def test_enter_with_nothing_to_open_says_so(
    key: str | None, make_app: MakeApp, wait_for: Until
) -> None:
    app = make_app(FakeEngine(0))
    async with app.run_test(size=SIZE) as pilot:
        await list_ready(pilot, wait_for)
        if key is not None:
            await pilot.press(key)
            await counted(pilot, wait_for)
        await pilot.press("enter")
        await wait_for(pilot, lambda: "There is nothing to open." in said(app, "#status"))
