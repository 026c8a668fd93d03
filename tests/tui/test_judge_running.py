"""Judges run from the app: what they are run over, the price first, how far they are, what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from textual.pilot import Pilot

from sample_files import sample_copy
from traceview.definitions.consents import consented
from traceview.definitions.project import load_project
from traceview.filters import parse
from traceview.judges.fake_server.script import answering
from traceview.judges.fake_server.server import KEY, FakeServer
from traceview.judges.ledger.telling import ask_ledger
from traceview.judges.ledger.telling import runs as told_runs
from traceview.judges.selecting import Chosen, filter_of
from traceview.model.judges import JudgeDefinition, ScoreShape
from traceview.model.labels import Target
from traceview.store.interface import ListQuery
from traceview.store.labels.store import LabelStore
from traceview.text import human
from traceview.tui.app import TraceviewApp
from traceview.tui.copying import Invocation
from traceview.tui.judge_runs import JudgeRuns, ModelRun
from traceview.tui.panels.pick import PickScreen
from traceview.tui.screens.judge_running import LeaveScreen, PlanScreen
from traceview.tui.screens.judges import JudgesScreen
from traceview.tui.screens.lists import ListScreen
from traceview.tui.widgets.lines import Bar, Lines
from tui.conftest import Until
from tui.sample_app import app_on

CODE = """
kind = "code"
[check]
use = "no_loop"
"""
MODEL = """
metric = "grounded"
kind = "llm"
[model]
id = "claude-haiku-4-5"
[variables]
answer = { path = "trace.output.text" }
[prompt]
system = "You check whether the links of an answer come from a search."
user = "{{answer}}"
"""
LAST = 40


def trace(id_: str) -> Target:
    return Target("trace", id_, id_)


@pytest.mark.parametrize(
    ("targets", "scope", "filter_", "kept"),
    [
        ([trace("a"), trace("b c")], "trace", "", True),
        ([trace("a"), trace("b c")], "span", 'trace:"a","b c"', False),
        ([Target("thread", "c1")], "trace", 'thread:"c1"', False),
        ([Target("span", "s", "a"), Target("thread", "c1")], "trace", '(thread:"c1" or trace:"a")', False),
    ],
)
def test_items_of_another_kind_stand_for_what_is_in_them(
    targets: list[Target], scope: Any, filter_: str, kept: bool
) -> None:
    judge = JudgeDefinition("j", "j", "code", scope, ScoreShape("boolean"))
    assert Chosen("x", targets=tuple(targets)).for_judges([judge]) == (
        filter_,
        tuple(targets) if kept else None,
    )
    assert parse(filter_of(targets)) is not None


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = sample_copy(tmp_path / "sample")
    (source.parent / "judges").mkdir()
    (source.parent / "judges" / "loops.toml").write_text(CODE)
    return source


@pytest.fixture
def app(source: Path) -> Iterator[TraceviewApp]:
    with app_on(source, invocation=Invocation((str(source),))) as app:
        yield app


def plain(app: TraceviewApp, selector: str = "#status") -> str:
    return app.screen.query_one(selector, Bar).plain


def store_of(app: TraceviewApp) -> LabelStore:
    assert app.context.annotator is not None
    return app.context.annotator.store


async def listed(app: Any, pilot: Pilot[None], wait_for: Until) -> ListScreen:
    await wait_for(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.selection is not None)
    await wait_for(pilot, lambda: app.screen.rows.row is not None)
    screen: ListScreen = app.screen
    return screen


async def picking(app: Any, pilot: Pilot[None], wait_for: Until, heading: str) -> PickScreen[Any]:
    await wait_for(pilot, lambda: isinstance(app.screen, PickScreen) and app.screen.query("#heading"))
    await wait_for(pilot, lambda: heading in app.screen.query_one("#heading", Lines).plain)
    screen: PickScreen[Any] = app.screen
    return screen


async def test_a_code_judge_runs_over_the_marked_rows(app: Any, wait_for: Until) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await listed(app, pilot, wait_for)
        wanted = [screen.rows.row_at(at)["trace_id"] for at in range(3)]
        await pilot.press("x", "x", "x", "P")
        await picking(app, pilot, wait_for, "which judge")
        await pilot.press("enter")
        asked = await picking(app, pilot, wait_for, "loops over what?")
        assert [pick.title for pick in asked._picks] == ["the 3 marked traces", "the 1,800 traces"]
        await pilot.press("enter")
        store = store_of(app)
        await wait_for(pilot, lambda: len(store.current(source="code")) == 3)
        assert {row.target.id for row in store.current(source="code")} == set(wanted)
        await wait_for(pilot, lambda: "loops: 3 scored of 3" in plain(app))
        await wait_for(pilot, lambda: not app.judge_runs.active)
        # nothing goes on any more: leaving asks nothing
        await pilot.press("ctrl+q")
        await wait_for(pilot, lambda: app._exit)


async def test_a_code_judge_runs_over_what_matches_from_the_screen_of_judges_and_is_stopped(
    app: Any, wait_for: Until
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(app, pilot, wait_for)
        await pilot.press("f5")
        await wait_for(pilot, lambda: isinstance(app.screen, JudgesScreen) and app.screen.query("#rows"))
        screen: JudgesScreen = app.screen
        await wait_for(pilot, lambda: screen.rows.row_count == 1)
        await pilot.press("P")
        await wait_for(pilot, lambda: app.judge_runs.active)
        await wait_for(pilot, lambda: screen.rows.row_at(0)["state"].endswith("% done"))
        assert "not paused" in app.judge_runs.pause("loops")
        assert "loops" in "".join(text for text, _ in app.judge_runs.parts())
        await pilot.press("ctrl+x")
        await wait_for(pilot, lambda: not app.judge_runs.active)
        left = 1_800 - len(store_of(app).current(source="code"))
        await pilot.press("P")
        await wait_for(pilot, lambda: len(store_of(app).current(source="code")) == 1_800)
        await wait_for(pilot, lambda: screen.rows.row_at(0)["scored"] == "1,800")
        assert screen.rows.row_at(0)["state"] == "enabled"
        # nothing is judged twice, whenever the first run was stopped
        told = plain(app)
        assert f" scored of {left:,}" in told
        # what came of it is whole: the place of the labels steps back for it
        assert left < 1_800 or ("1,620 scored of 1,800 (" in told and "…" not in told)


async def test_a_project_beside_the_source_sends_nothing(source: Path, wait_for: Until) -> None:
    (source.parent / "judges" / "model.toml").write_text(MODEL)
    with app_on(source, invocation=Invocation((str(source),)), offline=True) as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await listed(app, pilot, wait_for)
            await pilot.press("enter", "P")
            await picking(app, pilot, wait_for, "which judge")
            await pilot.press(*"model", "enter")
            await wait_for(pilot, lambda: "--offline refuses to ask a model" in plain(app))
            assert not app.judge_runs.active


async def test_a_model_tells_its_price_first_is_paused_and_goes_on_without_the_app(
    source: Path, wait_for: Until, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (source.parent / "judges" / "model.toml").write_text(MODEL)
    monkeypatch.setenv("TRACEVIEW_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(source.parent)
    project = load_project()
    with FakeServer(answering(0.6)) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        with app_on(source, invocation=Invocation((str(source),))) as app:
            engine = app.context.engine
            rows = engine.rows(engine.select(ListQuery("traces")), 0, LAST).rows
            filter_ = f"since:{human.rfc3339(rows[-1]['start_ns'], digits=0)}"
            async with app.run_test(size=(120, 40)) as pilot:
                screen = await listed(app, pilot, wait_for)
                screen.set_filter(filter_)
                await wait_for(
                    pilot, lambda: screen.selection is not None and len(screen.selection) <= LAST + 1
                )
                count = len(screen.selection)
                await pilot.press("P")
                await picking(app, pilot, wait_for, "which judge")
                await pilot.press(*"model", "enter")
                await wait_until(pilot, lambda: isinstance(app.screen, PlanScreen))
                await wait_for(pilot, lambda: app.screen.lines)
                plan = app.screen.query_one(Lines).plain
                assert f"model: {count} to judge" in plan and server.url in plan and "$" in plan
                assert not server.calls and not consented(project.folder)
                # whoever just types on sends nothing
                await pilot.press("enter")
                assert isinstance(app.screen, PlanScreen)
                await pilot.press("y")
                await wait_until(pilot, lambda: "up to $" in plain(app))
                assert consented(project.folder) == (server.url,)
                path = store_of(app).path
                await wait_until(pilot, lambda: len(server.calls) > 0)
                await pilot.press("q")
                await wait_for(pilot, lambda: isinstance(app.screen, LeaveScreen))
                await pilot.press("enter")
                await wait_for(pilot, lambda: app._exit)
        app.end_runs()
        ended = await until(
            lambda: [one for one in ask_ledger(path, told_runs, ()) if one.ended_at is not None]
        )
        assert [(one.judge, one.planned, one.scored, one.stopped_by) for one in ended] == [
            ("model", count, count, None)
        ]
        store = LabelStore.open(path)
        assert len(store.current(source="judge")) == count
        store.close()


async def wait_until(pilot: Pilot[None], condition: Any, seconds: float = 30) -> None:
    """Wait for what a process of its own has to do first."""
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        await pilot.pause(0.05)
    raise AssertionError("what the test waits for did not happen")


async def until(condition: Any, seconds: float = 30) -> Any:
    import asyncio

    for _ in range(int(seconds / 0.1)):
        if found := condition():
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("what the test waits for did not happen")


@pytest.mark.parametrize(("left", "begun"), [(False, 1), (True, 0)])
def test_judges_of_which_models_say_parts_begin_once_those_have(left: bool, begun: int) -> None:
    began: list[int] = []
    runs = JudgeRuns(MagicMock())
    run = ModelRun(MagicMock(), ("model",), left=left, afterwards=lambda: began.append(1))
    runs._models.append(run)
    runs._model_ended(run, 0)
    assert len(began) == begun
