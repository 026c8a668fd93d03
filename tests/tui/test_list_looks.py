"""How lists are looked at: columns, attributes, scores, totals, bars, views, preview, the marked ones alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from traceview.definitions.project import load_project
from traceview.definitions.views import SavedView
from traceview.store.interface import SortKey, Totals
from traceview.tui.app import TraceviewApp
from traceview.tui.list_cells import _versions, sparkline
from traceview.tui.looks import Choice, Looks
from traceview.tui.screens.list_heads import totals_line
from traceview.tui.screens.lists import ListScreen
from traceview.tui.widgets.columns import Column, place
from traceview.tui.widgets.lines import Lines, line_width
from traceview.tui.widgets.list_lines import bar
from traceview.tui.widgets.scroll_lines import ScrollLines
from tui.conftest import Until
from tui.fake_engine import FakeEngine

MakeApp = Callable[..., TraceviewApp]
SIZE = (120, 30)


async def ready(pilot: Pilot[None], wait_for: Until) -> ListScreen:
    app: Any = pilot.app
    await wait_for(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.selection is not None)
    await wait_for(pilot, lambda: app.screen.totals is not None)
    screen: ListScreen = app.screen
    return screen


def header(screen: ListScreen) -> str:
    return screen.rows.render_line(0).text


def line(screen: ListScreen, at: int = 1) -> str:
    return screen.rows.render_line(at).text


def totals(screen: ListScreen) -> str:
    return screen.query_one("#totals", Lines).plain


# Columns.


async def test_columns_are_chosen_ordered_kept_and_reset(
    make_app: MakeApp, wait_for: Until, tmp_path: Path
) -> None:
    kept = tmp_path / "columns.json"
    app = make_app(FakeEngine(50), looks=Looks(file=kept))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press("vertical_line")
        await wait_for(pilot, lambda: app.screen is not screen)
        # Started goes off; the column below it one place down.
        await pilot.press("space", "J")
        await pilot.press("slash", *"attr.plan", "enter", "enter")
        await wait_for(pilot, lambda: app.screen is screen)
        await wait_for(
            pilot, lambda: "gold" in line(screen) or "silver" in line(screen) or "plain" in line(screen)
        )
        assert "started" not in header(screen) and "plan" in header(screen)
        columns = screen._columns.fields()
        assert columns[:2] == ("name", "status") and columns[-1] == "attr.plan"
    again = make_app(FakeEngine(50), looks=Looks(file=kept))
    async with again.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        assert screen._columns.fields() == columns and "plan" in header(screen)
        await pilot.press("vertical_line")
        await wait_for(pilot, lambda: again.screen is not screen)
        # The default is shown first, and kept by the key that keeps any other choice.
        await pilot.press("r")
        assert again.screen is not screen
        await pilot.press("enter")
        await wait_for(pilot, lambda: "started" in header(screen))
        assert again.screen is screen
    assert Looks(file=kept).choice("traces") is None


async def test_columns_of_the_project_are_shown_until_others_are_chosen(
    make_app: MakeApp, wait_for: Until, tmp_path: Path
) -> None:
    path = tmp_path / "traceview.toml"
    path.write_text('[columns]\ntraces = ["name", "latency", "attr.plan"]\n')
    looks = Looks(load_project(path), tmp_path / "kept.json")
    app = make_app(FakeEngine(50), looks=looks)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        assert header(screen).split() == ["name", "time", "plan"]
    assert looks.choose("traces", Choice(("name",))) is None
    assert Looks(load_project(path), tmp_path / "kept.json").choice("traces") == Choice(("name",))


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"traces": 3}', b'{"traces": {"columns": ["nope", 4]}}', b"\xff"]
)
def test_kept_columns_that_are_none_are_left_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "kept.json").write_bytes(content)
    assert Looks(file=tmp_path / "kept.json").choice("traces") is None


async def test_attributes_are_pending_until_they_are_there(make_app: MakeApp, wait_for: Until) -> None:
    engine = FakeEngine(50)
    looks = Looks()
    looks.choose("traces", Choice(("name", "attr.plan")))
    app = make_app(engine, looks=looks)
    gate = threading.Event()
    select = engine.select

    def gated(query: Any, token: Any = None) -> Any:
        engine.gate = None
        found = select(query, token)
        engine.gate = gate
        return found

    engine.select = gated  # type: ignore[method-assign]
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        assert line(screen).split()[-1] == "…"
        await pilot.press("j", "j")
        assert screen.rows.cursor == 2
        gate.set()
        await wait_for(pilot, lambda: line(screen).split()[-1] in ("gold", "silver", "plain"))


async def test_many_columns_are_sorted_by_a_picked_one(make_app: MakeApp, wait_for: Until) -> None:
    looks = Looks()
    names = ("start_time", "duration_ms", "spans", "llm_calls", "tool_calls", "tokens", "cost_usd", "ttft_ms")
    looks.choose("traces", Choice((*names, "attr.plan", "score.grounded.judge")))
    app = make_app(FakeEngine(50), looks=looks)
    async with app.run_test(size=(160, 30)) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press("s")
        await wait_for(pilot, lambda: app.screen is not screen)
        await pilot.press(*"plan", "enter")
        await wait_for(
            pilot, lambda: screen.sort == SortKey("attr.plan", True) and not screen.is_asking("select")
        )
        assert "plan ▼" in header(screen)
        await pilot.press("s", *"plan", "enter")
        await wait_for(pilot, lambda: screen.sort == SortKey("attr.plan", False))


# Scores.


async def test_scores_of_people_and_machines_have_columns_of_their_own(
    make_app: MakeApp, wait_for: Until
) -> None:
    scores: Any = {
        "trace-000049": {
            "grounded": {"human": {"ann": True}, "judge": {"gpt": False}},
            "thumbs": {"user": {"u_1": "down"}},
            "note": {"human": {"ann": "a note is no score"}},
        }
    }
    app = make_app(FakeEngine(50, scores=scores))
    async with app.run_test(size=(164, 30)) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press("p")
        await wait_for(pilot, lambda: "thumbs·user" in header(screen))
        assert "grounded  " in header(screen) and "grounded·llm" in header(screen)
        assert "note" not in header(screen)
        cells = screen._cells(screen.rows.row or {})
        assert (cells["score.grounded.human"].text, cells["score.grounded.human"].part) == ("✓ pass", "good")
        assert (cells["score.grounded.judge"].text, cells["score.grounded.judge"].part) == (
            "✗ fail",
            "machine",
        )


async def test_a_score_left_off_stays_off_and_a_new_one_comes_by_itself(
    make_app: MakeApp, wait_for: Until
) -> None:
    looks = Looks()
    looks.choose("traces", Choice(("name",), ("score.grounded.human",)))
    scores: Any = {"trace-000049": {"grounded": {"human": {"a": True}}, "tone": {"human": {"a": "rude"}}}}
    app = make_app(FakeEngine(50, scores=scores), looks=looks)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        assert header(screen).split() == ["name", "tone"]


# Bars, sparklines, totals.


@pytest.mark.parametrize(
    ("share", "drawn"), [(0.001, "▏"), (0.25, "█"), (0.5, "██"), (0.53, "██▏"), (1.0, "████")]
)
def test_a_bar_is_filled_in_eighths(share: float, drawn: str) -> None:
    assert bar(share, 4) == drawn


@pytest.mark.parametrize(
    ("values", "most", "drawn"),
    [((), 4, ""), ((0.0, None), 4, "▁▁"), ((1.0, 8.0), 4, "▂█"), ((9.0, 1.0, 1.0, 4.0), 3, "…▃█")],
)
def test_a_sparkline_says_what_it_leaves_out(values: Any, most: int, drawn: str) -> None:
    assert sparkline(values, most) == drawn


async def test_durations_have_bars_and_turns_a_sparkline(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(50))
    async with app.run_test(size=(150, 30)) as pilot:
        screen = await ready(pilot, wait_for)
        await wait_for(pilot, lambda: "█" in "".join(line(screen, at) for at in range(1, 20)))
        await pilot.press("f3")
        screen = await ready(pilot, wait_for)
        await wait_for(pilot, lambda: "█" in line(screen) and "turns" in header(screen))


@pytest.mark.parametrize("room", range(10, 200, 7))
def test_columns_and_bars_never_take_more_than_there_is(room: int) -> None:
    columns = [Column(str(at), "x", 6 + at, rank=at + 1, bar=4 * (at % 2), flex=at % 3) for at in range(9)]
    placed = place(columns, room)
    assert sum(one.cells for one in placed) + 2 * (len(placed) - 1) <= room
    assert all(one.bar in (0, 5) and one.cells - one.bar >= one.column.width for one in placed)


@pytest.mark.parametrize("cells", [30, 60, 80, 120])
def test_totals_say_how_many_figures_have_no_room(cells: int) -> None:
    known = Totals(500, 1000, 3, 1_200_000, 340_000, 12.5, 2100.0, 8700.0)
    shown = totals_line(known, (9, 14), "|", cells)
    text = "".join(part for part, _ in shown)
    words = ("3 with errors (0.6 %)", "p50 2.1s", "p95 8.7s", "1.2M→340k tokens", "$12.50", "9 of 14 columns")
    gone = [word for word in words if word not in text]
    assert line_width(shown) <= cells and words[0] in text
    assert (f"+{len(gone)}" in text) == bool(gone)
    assert "counting" in "".join(part for part, _ in totals_line(None, None, "|", cells))


async def test_totals_are_counting_until_the_index_is_ready(make_app: MakeApp, wait_for: Until) -> None:
    engine = FakeEngine(5000, phase="indexing", message="part 3 cannot be shown yet, trying again")
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        await wait_for(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.rows.row_count == 256)
        screen: Any = app.screen
        assert "counting" in totals(screen)
        assert "part 3 cannot be shown yet" in screen.query_one("#status", Lines).plain
        engine.phase = "ready"
        engine.bump()
        await ready(pilot, wait_for)
        assert "p95 8.7s" in totals(screen)


async def test_a_failed_source_says_the_whole_sentence_and_the_hint(
    make_app: MakeApp, wait_for: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    from traceview.model.errors import BadInput

    sentence = "part-7.parquet is no Parquet file: its last bytes are not PAR1, as if writing it had stopped half-way"
    engine = FakeEngine(
        0, phase="failed", message=sentence, hint="write it again, or leave it out with a glob"
    )

    def fail(*_: Any) -> Any:
        raise BadInput(sentence, hint=engine.hint)

    monkeypatch.setattr(engine, "first_page", fail)
    monkeypatch.setattr(engine, "select", fail)
    monkeypatch.setattr(engine, "totals", fail)
    app = make_app(engine)
    async with app.run_test(size=(60, 20)) as pilot:
        screen: Any = app.screen
        await wait_for(pilot, lambda: "half-way" in " ".join(line(screen, at) for at in range(2, 8)))
        body = " ".join(" ".join(line(screen, at).split()) for at in range(2, 10))
        assert sentence in body and "leave it out with a glob" in body


# Views.


async def test_a_view_is_opened_and_saved(make_app: MakeApp, wait_for: Until, tmp_path: Path) -> None:
    path = tmp_path / "traceview.toml"
    path.write_text(
        "# ours\n[views]\nbad = { filter = 'status:error', sort = '-latency', columns = ['name', 'latency'] }\n"
    )
    app = make_app(FakeEngine(70), looks=Looks(load_project(path)))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press("V", "enter")
        await wait_for(pilot, lambda: screen.filter_text == "status:error" and screen.rows.row_count == 10)
        assert screen.sort == SortKey("duration_ms", True) and header(screen).split()[:2] == ["name", "time"]
        await pilot.press("S")
        await pilot.press("V", *"save this", "enter", *"my own", "enter")
        await wait_for(pilot, lambda: "my own" in load_project(path).views)
        saved = SavedView("my own", "status:error", "duration_ms", ("name", "duration_ms"))
        assert load_project(path).views["my own"] == saved and "# ours" in path.read_text()
        await pilot.press("V", *"everything", "enter")
        await wait_for(pilot, lambda: screen.rows.row_count == 70 and "started" in header(screen))
        assert "view: my own" in [title for title, _ in screen.more_commands()]


async def test_a_view_of_the_other_list_opens_there(
    make_app: MakeApp, wait_for: Until, tmp_path: Path
) -> None:
    path = tmp_path / "traceview.toml"
    path.write_text("[views]\ntalks = { screen = 'threads', sort = '-traces' }\n")
    app = make_app(FakeEngine(30), looks=Looks(load_project(path)))
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot, wait_for)
        await pilot.press("V", "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.level == "threads")
        await wait_for(pilot, lambda: app.screen.sort == SortKey("traces", True))  # type: ignore[attr-defined]


# The preview, and the marked ones.


async def test_the_preview_shows_whole_texts_and_scrolls_with_the_focus(
    make_app: MakeApp, wait_for: Until
) -> None:
    app = make_app(FakeEngine(50))
    async with app.run_test(size=(100, 24)) as pilot:
        screen = await ready(pilot, wait_for)
        preview = screen.query_one("#preview", ScrollLines)
        await wait_for(pilot, lambda: "How do I move a goal?" in preview.plain)
        await pilot.press("tab")
        await wait_for(pilot, lambda: preview.has_focus)
        await pilot.press("shift+tab")
        await wait_for(pilot, lambda: screen.rows.has_focus)
        await pilot.press("p")
        assert not preview.display
        await pilot.press("p")
        assert preview.display
        assert app.place().preview == "on"


async def test_the_preview_stands_beside_the_rows_where_there_is_room(
    make_app: MakeApp, wait_for: Until
) -> None:
    app = make_app(FakeEngine(50))
    async with app.run_test(size=(159, 30)) as pilot:
        screen = await ready(pilot, wait_for)
        assert screen.query_one("#preview").region.y > screen.rows.region.y
        await pilot.resize_terminal(160, 30)
        await wait_for(pilot, lambda: screen.query_one("#preview").region.x > screen.rows.region.x)


async def test_only_the_marked_rows(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(50))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press("x", "j", "x", "V", *"only", "enter")
        await wait_for(pilot, lambda: screen.rows.row_count == 2)
        assert "only the 2 marked" in screen.query_one("#title", Lines).plain
        await pilot.press("V", *"all, marked", "enter")
        await wait_for(pilot, lambda: screen.rows.row_count == 50)


@pytest.mark.parametrize(
    ("pairs", "shown"),
    [
        ([("router", "v1"), ("answer", "v3")], "v1, v3"),
        ([("router", "v1"), ("answer", "v1")], "router@v1, answer@v1"),
        ([("answer", "v1")], "v1"),
    ],
    ids=["different", "the-same", "one"],
)
def test_versions_that_are_the_same_are_told_apart_by_their_prompts(
    pairs: list[tuple[str, str]], shown: str
) -> None:
    row = {"prompt_versions": [{"name": name, "version": version} for name, version in pairs]}
    assert _versions(row).text == shown
