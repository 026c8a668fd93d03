"""The judges side by side, and the table of one: its cells, the items behind them, who is wrong there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from sample_files import sample_copy
from traceview.definitions.project import load_project
from traceview.judges.loading import load_judges
from traceview.model.labels import LabelRow, Target
from traceview.store.labels.splits import looks
from traceview.store.labels.store import LabelStore
from traceview.store.labels.verdict_notes import notes
from traceview.tui.app import TraceviewApp
from traceview.tui.screens.confusion import ConfusionScreen
from traceview.tui.screens.judges import JudgesScreen
from traceview.tui.screens.lists import ListScreen
from traceview.tui.screens.trace import TraceScreen
from traceview.tui.widgets.lines import Bar, Lines
from tui.conftest import Until
from tui.sample_app import app_on

JUDGE = """
metric = "grounded"
kind = "code"
version_note = "first try"
[check]
use = "urls_from_tools"
tool = "search_docs"
"""
BOTH_PASS, BOTH_FAIL, JUDGE_PASSES, PEOPLE_PASS = 24, 20, 2, 3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample data with a judge, a file that is refused, and what the judge and a person said."""
    source = sample_copy(tmp_path_factory.mktemp("judges"))
    folder = source.parent
    (folder / "judges").mkdir()
    (folder / "judges" / "links.toml").write_text(JUDGE)
    (folder / "judges" / "broken.toml").write_text('kind = "llm"\nmetrik = "grounded"\n')
    hash_ = load_judges(load_project(folder / "traceview.toml")).judges[0].hash
    import pyarrow.parquet as pq

    ids = sorted(set(pq.read_table(source, columns=["trace_id"])["trace_id"].to_pylist()))
    pairs = [(True, True)] * BOTH_PASS + [(False, False)] * BOTH_FAIL
    pairs += [(False, True)] * JUDGE_PASSES + [(True, False)] * PEOPLE_PASS
    rows = []
    for number, id_ in enumerate(ids[:200]):
        target = Target("trace", id_, id_)
        truth, said = pairs[number] if number < len(pairs) else (None, number % 3 > 0)
        if truth is not None:
            rows.append(LabelRow("", target, "grounded", truth, "human", "ana", "", blind=True))
        reason = f"said of {id_[:6]}\nwith \x1b[31mred"
        rows.append(
            LabelRow("", target, "grounded", said, "code", "links", "", reason=reason, definition_hash=hash_)
        )
    store = LabelStore.open(folder / "traces.labels.db")
    store.append_now(rows)
    store.close()
    return folder


@pytest.fixture
def app(made: Path, tmp_path: Path) -> Iterator[TraceviewApp]:
    folder = tmp_path / "copy"
    shutil.copytree(made, folder)
    with app_on(folder / "traces.parquet") as app:
        yield app


def plain(app: TraceviewApp, selector: str) -> str:
    return app.screen.query_one(selector, Lines).plain


def unbroken(app: TraceviewApp, selector: str) -> str:
    """What it says, however its lines are broken: paths have other lengths in every run."""
    return " ".join(plain(app, selector).split())


def store_of(app: TraceviewApp) -> LabelStore:
    assert app.context.annotator is not None
    return app.context.annotator.store


async def judges_open(app: Any, pilot: Pilot[None], wait_for: Until) -> JudgesScreen:
    await wait_for(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.rows.row is not None)
    await pilot.press("f5")
    await wait_for(pilot, lambda: isinstance(app.screen, JudgesScreen) and app.screen.query("#rows"))
    await wait_for(pilot, lambda: app.screen.rows.row_count > 0)
    screen: JudgesScreen = app.screen
    return screen


async def table_open(app: Any, pilot: Pilot[None], wait_for: Until) -> ConfusionScreen:
    screen = await judges_open(app, pilot, wait_for)
    await pilot.press("m")
    await wait_for(pilot, lambda: "all labels" in screen.query_one("#about", Bar).plain)
    await pilot.press("enter")
    await wait_for(pilot, lambda: isinstance(app.screen, ConfusionScreen) and app.screen.query("#rows"))
    await wait_for(pilot, lambda: app.screen.rows.row_count > 0)
    table: ConfusionScreen = app.screen
    return table


async def test_judges_are_listed_and_a_refused_file_says_why(app: Any, wait_for: Until) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await judges_open(app, pilot, wait_for)
        assert [screen.rows.row_at(at)["name"] for at in (0, 1)] == ["links", "broken"]
        assert "2 judges  TPR and TNR on labels of the dev split  1 cannot be used" in plain(app, "#about")
        assert "this version: first try" in plain(app, "#here")
        await pilot.press("m")
        await wait_for(pilot, lambda: "all labels" in plain(app, "#about"))
        row = screen.rows.row_at(0)
        assert (row["tpr"], row["tnr"], row["scored"]) == ("0.89 of 27", "0.91 of 22", "200")
        await pilot.press("j")
        await wait_for(pilot, lambda: "metrik: unknown key" in unbroken(app, "#here"))
        assert "did you mean metric?" in unbroken(app, "#here")
        await pilot.press("enter")
        await wait_for(pilot, lambda: "✗" in plain(app, "#status"))
        assert app.screen is screen
        await pilot.press("escape")
        await wait_for(pilot, lambda: isinstance(app.screen, ListScreen))


async def test_cells_show_their_items_and_open_them(app: Any, wait_for: Until) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        table = await table_open(app, pilot, wait_for)
        cells = plain(app, "#cells")
        assert "only the judge passes 2   only people pass 3   both pass 24   both fail 20" in cells
        assert table.rows.row_count == JUDGE_PASSES
        row = table.rows.row_at(0)
        assert (row["truth"], row["said"]) == ("fail", "pass")
        assert [column.column.key for column in table.rows.placed][:3] == ["id", "truth", "said"]
        assert "TPR       0.889" in plain(app, "#figures")
        await wait_for(
            pilot, lambda: "said of" in plain(app, "#here") and plain(app, "#here").count("\n") > 1
        )
        assert "\x1b" not in plain(app, "#here")
        await pilot.press("right")
        await wait_for(pilot, lambda: table.rows.row_count == PEOPLE_PASS)
        await pilot.press("left", "left")
        await wait_for(pilot, lambda: table.rows.row_count == BOTH_FAIL)
        await pilot.press("right", "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, TraceScreen) and app.screen.query("#title"))
        await wait_for(pilot, lambda: "1 of 2" in plain(app, "#title"))
        await pilot.press("J")
        await wait_for(pilot, lambda: "2 of 2" in plain(app, "#title"))
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.screen is table)
        assert table.rows.cursor == 1


async def test_while_blind_only_what_one_has_labelled_is_shown_with_its_verdict(
    app: Any, wait_for: Until
) -> None:
    app.blind = True
    async with app.run_test(size=(120, 40)) as pilot:
        await judges_open(app, pilot, wait_for)
        await pilot.press("m", "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfusionScreen) and app.screen.query("#cells"))
        await wait_for(pilot, lambda: "49 hidden: not labelled by you" in plain(app, "#cells"))
        table = app.screen
        assert "only the judge passes 2" in plain(app, "#cells")
        assert table.rows.row_count == 0
        await pilot.press("H", "L", "enter")
        assert notes(store_of(app)) == ()
        wrong = next(one for one in table._known.calibration.evidence.compared if one.said and not one.truth)
        app.context.annotator.set_value([wrong.target], "grounded", False)
        await pilot.press("R")
        await wait_for(pilot, lambda: "48 hidden" in plain(app, "#cells") and table.rows.row_count == 1)


async def test_who_is_wrong_is_kept_and_a_label_changed_and_taken_back(app: Any, wait_for: Until) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        table = await table_open(app, pilot, wait_for)
        await pilot.press("H")
        await wait_for(pilot, lambda: table.rows.row_at(0)["noted"] == "the judge is wrong")
        assert "✓ noted: the judge is wrong" in plain(app, "#status")
        await pilot.press("U")
        await wait_for(pilot, lambda: app.screen is not table and app.screen.query("#name"))
        await pilot.press(*"tables", "enter")
        await wait_for(pilot, lambda: table.rows.row_at(0)["noted"] == "the rubric is unclear: tables")
        target = Target("trace", table.rows.row_at(0)["id"], table.rows.row_at(0)["id"])
        await pilot.press("L")
        # ana says fail and the tester, who has seen both, pass: that decides, and no item is lost
        await wait_for(pilot, lambda: table.rows.row_count == JUDGE_PASSES - 1)
        assert "your pass decides (u takes it back)" in plain(app, "#status")
        assert f"both pass {BOTH_PASS + 1}" in plain(app, "#cells")
        assert {row.annotator: row.value for row in store_of(app).current([target], source="human")} == {
            "ana": False,
            "tester@example.com": True,
        }
        await wait_for(pilot, lambda: plain(app, "#here").count("\n") > 2)
        await pilot.press("u")
        await wait_for(pilot, lambda: table.rows.row_count == JUDGE_PASSES)
        kept = [("judge_wrong", ""), ("unclear", "tables")]
        assert [(note.kind, note.text) for note in notes(store_of(app), "links")] == kept
        await wait_for(pilot, lambda: table.rows.row_at(0)["noted"] == "the rubric is unclear: tables")
        await pilot.press("ctrl+r")
        await wait_for(pilot, lambda: table.rows.row_count == JUDGE_PASSES - 1)
        assert notes(store_of(app), "links")[-1].kind == "human_wrong"


async def test_undo_in_the_table_takes_back_only_what_was_done_there(app: Any, wait_for: Until) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        table = await table_open(app, pilot, wait_for)
        target = Target("trace", table.rows.row_at(0)["id"], table.rows.row_at(0)["id"])
        app.context.annotator.set_value([target], "grounded", False)

        def own() -> list[Any]:
            return [row.value for row in store_of(app).current([target], annotator="tester@example.com")]

        await pilot.press("u")
        await wait_for(pilot, lambda: "nothing to undo here" in plain(app, "#status"))
        await pilot.press("H")
        await wait_for(pilot, lambda: table.rows.row_at(0)["noted"] == "the judge is wrong")
        await pilot.press("u")
        await wait_for(pilot, lambda: "notes stay, and no label was changed" in plain(app, "#status"))
        await pilot.press("ctrl+r")
        await wait_for(pilot, lambda: "nothing to redo here" in plain(app, "#status"))
        assert own() == [False]
        await pilot.press("L")
        await wait_for(pilot, lambda: own() == [True])
        await wait_for(pilot, lambda: table.rows.row_count == JUDGE_PASSES - 1)
        await pilot.press("u")
        await wait_for(pilot, lambda: own() == [False])
        await pilot.press("ctrl+r")
        await wait_for(pilot, lambda: own() == [True])
        elsewhere = Target("trace", "elsewhere", "elsewhere")
        app.context.annotator.set_value([elsewhere], "grounded", False)
        await pilot.press("u")
        await wait_for(pilot, lambda: "what you did last was elsewhere" in plain(app, "#status"))
        assert own() == [True]
        assert store_of(app).current([elsewhere], annotator="tester@example.com")


async def test_a_look_at_the_test_split_is_asked_for_twice_and_noted_once(app: Any, wait_for: Until) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        table = await table_open(app, pilot, wait_for)
        await pilot.press("m")
        await wait_for(pilot, lambda: "each look at it is noted" in plain(app, "#status"))
        assert looks(store_of(app)) == ()
        await pilot.press("m")
        await wait_for(pilot, lambda: len(looks(store_of(app))) == 1)
        await wait_for(pilot, lambda: not table.is_asking_any and table.rows.row_count > 0)
        assert "test split" in plain(app, "#title")
        await pilot.press("H")
        await wait_for(pilot, lambda: table.rows.row_at(0)["noted"] == "the judge is wrong")
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(app.screen, TraceScreen))
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.screen is table)
        assert len(looks(store_of(app))) == 1


async def test_without_a_label_file_it_says_so_and_runs_nothing(
    make_app: Callable[..., TraceviewApp], wait_for: Until
) -> None:
    app: Any = make_app(label_sentence="labels: name a file with --labels")
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.rows.row is not None)
        await pilot.press("P")
        await wait_for(pilot, lambda: "name a file with --labels" in plain(app, "#status"))
        await pilot.press("f5")
        await wait_for(pilot, lambda: isinstance(app.screen, JudgesScreen) and app.screen.query("#about"))
        await wait_for(pilot, lambda: "name a file with --labels" in plain(app, "#about"))
        await pilot.press("P", "Z", "ctrl+x", "p", "O", "enter", "m", "R")
        await wait_for(pilot, lambda: "There is no judge file here." in plain(app, "#status"))
        assert not app.judge_runs.active


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", ["judges", "table"])
def test_looks_of_screens(snap_compare: Any, app: Any, wait_for: Until, size: Any, screen: str) -> None:
    async def settle(pilot: Pilot[None]) -> None:
        opened: Callable[..., Any] = judges_open if screen == "judges" else table_open
        await opened(app, pilot, wait_for)
        await wait_for(pilot, lambda: not app.screen.is_asking_any)
        app.screen.said_seen()
        await pilot.pause(0.2)

    assert snap_compare(app, terminal_size=size, run_before=settle)
