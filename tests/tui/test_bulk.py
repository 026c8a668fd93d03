"""Labelling all marked rows in one action."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.widgets import Input

from traceview.annotation import Annotator
from traceview.annotation.session_choosing import Plan
from traceview.model.definitions import FeedbackDefinition
from traceview.model.labels import Target
from traceview.store.labels.store import LabelStore
from traceview.tui.app import TraceviewApp
from traceview.tui.panels.mode_picker import ModePicker
from traceview.tui.screens.bulk import BulkScreen
from traceview.tui.screens.lists import ListScreen
from traceview.tui.state import LastPlace, keep_place
from traceview.tui.widgets.lines import Lines
from tui.conftest import Until
from tui.fake_engine import FakeEngine

GROUNDED = FeedbackDefinition("grounded", "boolean", ("trace", "thread"), "h1", required=True)
MakeApp = Callable[..., TraceviewApp]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LabelStore]:
    store = LabelStore.open(tmp_path / "week.labels.db")
    yield store
    store.close()


def app_on(make_app: MakeApp, store: LabelStore, count: int) -> TraceviewApp:
    definitions = (GROUNDED,)
    return make_app(
        FakeEngine(count), annotator=Annotator(store, definitions, "ann"), definitions=definitions
    )


def trace(number: int) -> Target:
    return Target("trace", f"trace-{number:06d}", f"trace-{number:06d}")


@pytest.mark.parametrize(("keys", "expected"), [("x x a", 2), ("X a", 30), ("X x a", 29)])
async def test_marked_rows_are_labelled_and_taken_back_as_one(
    make_app: MakeApp, wait_for: Until, store: LabelStore, keys: str, expected: int
) -> None:
    app = app_on(make_app, store, 30)
    async with app.run_test(size=(120, 34)) as pilot:
        screen: Any = app.screen
        await wait_for(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.selection is not None)
        screen = app.screen
        await wait_for(pilot, lambda: screen.rows.row is not None)
        await pilot.press(*keys.split())
        await wait_for(pilot, lambda: isinstance(app.screen, BulkScreen))
        await pilot.pause()
        assert f"{expected} marked traces" in app.screen.query_one("#bulk-count", Lines).plain
        assert store.current() == ()
        await pilot.press("1")
        await wait_for(pilot, lambda: len(store.current()) == expected)
        rows = store.current()
        assert {row.value for row in rows} == {True} and len({row.action_id for row in rows}) == 1
        await wait_for(pilot, lambda: "saved" in app.screen.query_one("#bulk-said", Lines).plain)
        await pilot.press("u")
        await wait_for(pilot, lambda: store.current() == ())
        await wait_for(pilot, lambda: "Finding" not in screen.query_one("#status", Lines).plain)
        # A failure mode comes beside those that some have, and goes alone.
        first = screen.rows.row["trace_id"]
        own = Annotator(store, (GROUNDED,), "ann")
        own.set_value([Target("trace", first, first)], "mode", ("slow",))
        await pilot.press("#")
        await wait_for(pilot, lambda: isinstance(app.screen, ModePicker))
        await pilot.press(*"lost", "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, BulkScreen))
        await wait_for(pilot, lambda: len(store.current(name="mode")) >= expected)
        modes = {row.target.id: row.value for row in store.current(name="mode")}
        assert sum("lost" in value for value in modes.values()) == expected and "slow" in modes[first]
        await pilot.press("u")
        await wait_for(pilot, lambda: [row.value for row in store.current()] == [("slow",)])
        await pilot.press("u")
        await wait_for(pilot, lambda: store.current() == ())
        await pilot.press("1")
        await wait_for(pilot, lambda: len(store.current()) == expected)
        await pilot.press("u")
        await wait_for(pilot, lambda: store.current() == ())
        taken_back = f"taken back: grounded = pass on {expected} items"
        await wait_for(pilot, lambda: taken_back in app.screen.query_one("#bulk-said", Lines).plain)
        await pilot.press("ctrl+r")
        await wait_for(pilot, lambda: len(store.current()) == expected)
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.screen is screen)
        await pilot.press("u")
        await wait_for(pilot, lambda: taken_back in screen.query_one("#status", Lines).plain)
        assert store.current() == ()


async def test_annotating_from_the_command_line_opens_the_first_unlabelled(
    make_app: MakeApp, wait_for: Until, store: LabelStore
) -> None:
    definitions = (GROUNDED,)
    engine = FakeEngine(30)
    annotator = Annotator(store, definitions, "ann")
    annotator.set_value([trace(29), trace(28)], "grounded", True)
    app = make_app(engine, annotator=annotator, definitions=definitions, plan=Plan())
    async with app.run_test(size=(120, 34)) as pilot:
        await wait_for(pilot, lambda: hasattr(app.screen, "target") and app.screen.query("AnnotatePanel"))
        screen: Any = app.screen
        assert screen.target.id == "trace-000027"
        await wait_for(pilot, lambda: screen.panel.open)


async def test_half_labelled_items_are_not_skipped_and_the_last_place_is_not_taken_up(
    make_app: MakeApp, wait_for: Until, store: LabelStore, tmp_path: Path
) -> None:
    keep_place(tmp_path / "place.json", LastPlace("threads", "error:", "duration_ms", row="thread-00003"))
    helpful = FeedbackDefinition("helpful", "boolean", ("trace", "thread"), "h2", required=True)
    definitions = (GROUNDED, helpful)
    engine = FakeEngine(30)
    annotator = Annotator(store, definitions, "ann")
    for name in ("grounded", "helpful"):
        annotator.set_value([trace(29), trace(27)], name, True)
    annotator.set_value([trace(28)], "grounded", True)
    Annotator(store, definitions, "bob").set_value([trace(28)], "helpful", True)
    app = make_app(
        engine,
        annotator=annotator,
        definitions=definitions,
        plan=Plan(),
        state_file=tmp_path / "place.json",
    )
    async with app.run_test(size=(120, 34)) as pilot:
        await wait_for(pilot, lambda: hasattr(app.screen, "target") and app.screen.query("AnnotatePanel"))
        screen: Any = app.screen
        assert screen.target.id == "trace-000028"
        await wait_for(pilot, lambda: not screen.panel.kept.waiting)
        await pilot.press("w")
        await wait_for(pilot, lambda: screen.target.id == "trace-000026")
        await pilot.press("escape")
        await wait_for(pilot, lambda: isinstance(app.screen, ListScreen))
        assert app.screen.level == "traces" and not app.screen.filter_text  # type: ignore[attr-defined]


async def test_exports_of_a_list_are_of_labelled_rows_unless_all_are_asked_for(
    make_app: MakeApp,
    wait_for: Until,
    store: LabelStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = app_on(make_app, store, 30)
    annotator = app.context.annotator
    assert annotator is not None
    labelled = [trace(3), trace(7)]
    annotator.set_value(labelled, "grounded", True)
    info = SimpleNamespace(files=("week.parquet",), identity="x")
    monkeypatch.setattr(app.context.engine, "info", lambda token=None: info)
    async with app.run_test(size=(120, 34)) as pilot:
        screen: Any = app.screen
        await wait_for(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.selection is not None)
        screen = app.screen
        commands = [one for one in screen.more_commands() if one[0].startswith("export")]
        assert [title for title, _ in commands] == [
            "export: labelled rows of the 30 traces that match",
            "export: all rows of the 30 traces that match",
        ]
        for (_, run), expected in zip(commands, (2, 30), strict=True):
            path = tmp_path / f"{expected}.jsonl"
            run()
            await wait_for(pilot, lambda: app.screen.query("#path-field"))
            app.screen.query_one("#path-field", Input).value = str(path)
            await pilot.press("enter")
            said = "2 labelled of 30 that match" if expected == 2 else "all 30 that match"
            await wait_for(pilot, lambda said=said: said in screen.query_one("#status", Lines).plain)
            assert len(path.read_text().splitlines()) == expected


async def test_near_duplicates_of_a_row_are_marked_together(
    make_app: MakeApp, wait_for: Until, store: LabelStore
) -> None:
    engine = FakeEngine(30)
    for number in range(30):
        engine.overrides[number] = {
            "output_preview": f"Answer number {number * 7919} of its own, {number:b}."
        }
    for number, text in (
        (29, "I could not find that page."),
        (20, "I  could not find that PAGE."),
        (3, "I could not find that page!"),
    ):
        engine.overrides[number] = {"output_preview": text}
    app = make_app(engine, annotator=Annotator(store, (GROUNDED,), "ann"), definitions=(GROUNDED,))
    async with app.run_test(size=(120, 34)) as pilot:
        await wait_for(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.selection is not None)
        screen: Any = app.screen
        run = dict(screen.more_commands())["list: mark the near-duplicates of this row"]
        run()
        await wait_for(pilot, lambda: screen.marks.ids == {"trace-000029", "trace-000020", "trace-000003"})
        assert "3 of 30" in screen.query_one("#status", Lines).plain
        screen.rows.put_cursor(1)
        await pilot.pause()
        run()
        await wait_for(pilot, lambda: "No other of 30" in screen.query_one("#status", Lines).plain)
