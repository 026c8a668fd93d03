"""The list screens: rows, filter, sort, marks, going, arriving labels and rows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from textual.pilot import Pilot

from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput
from traceview.tui.app import TraceviewApp
from traceview.tui.screens.lists import ListScreen
from traceview.tui.screens.trace import TraceScreen
from traceview.tui.state import LastPlace, keep_place
from traceview.tui.widgets.lines import Bar, Lines
from traceview.tui.widgets.scroll_lines import ScrollLines
from tui.conftest import Until
from tui.fake_engine import FakeEngine

MakeApp = Callable[..., TraceviewApp]
SIZE = (100, 30)


def screen_of(app: TraceviewApp) -> ListScreen:
    assert isinstance(app.screen, ListScreen)
    return app.screen


def said(app: TraceviewApp, bar: str) -> str:
    return app.screen.query_one(bar, Lines).plain


def preview_of(app: TraceviewApp) -> str:
    return app.screen.query_one("#preview", ScrollLines).plain


def row_id(app: TraceviewApp) -> str | None:
    row = screen_of(app).rows.row
    return None if row is None else str(row["trace_id"])


def columns_shown(screen: ListScreen) -> list[str]:
    screen.rows.render_line(0)
    return [placed.column.key for placed in screen.rows._placed]


async def ready(pilot: Pilot[None], wait_for: Until) -> ListScreen:
    app: Any = pilot.app
    await wait_for(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.selection is not None)
    await wait_for(pilot, lambda: app.screen.totals is not None)
    return screen_of(app)


async def type_text(pilot: Pilot[None], text: str) -> None:
    await pilot.press(*(" " if char == " " else char for char in text))


async def test_the_list_shows_newest_first_with_n_of_m(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(500))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        assert row_id(app) == "trace-000499"
        assert "500 of 500 traces" in said(app, "#filter-shown")
        assert "71 with errors (14 %)" in said(app, "#totals") and "p95 8.7s" in said(app, "#totals")
        assert "labels: support.labels.db" in said(app, "#status")
        assert screen.rows.row_count == 500


async def test_first_rows_come_before_the_index(make_app: MakeApp, wait_for: Until) -> None:
    engine = FakeEngine(5000, phase="indexing")
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        await wait_for(pilot, lambda: screen_of(app).rows.row_count == 256)
        assert "first 256 traces, counting" in said(app, "#filter-shown")
        assert "indexing 43 %" in said(app, "#status")
        await pilot.press("j", "j")
        await wait_for(pilot, lambda: row_id(app) == "trace-004997")
        engine.phase = "ready"
        engine.bump()
        screen = await ready(pilot, wait_for)
        assert "5,000 of 5,000 traces" in said(app, "#filter-shown")
        assert row_id(app) == "trace-004997" and screen.rows.cursor == 2
        await wait_for(pilot, lambda: "indexing" not in said(app, "#status"))


async def test_the_cursor_keeps_the_way_it_went_while_the_list_came(
    make_app: MakeApp, wait_for: Until
) -> None:
    engine = FakeEngine(500)
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        engine.gate = threading.Event()
        engine.bump()
        await wait_for(pilot, lambda: screen.is_asking("select"))
        await pilot.press("j", "j")
        engine.gate.set()
        await wait_for(pilot, lambda: not screen.is_asking("select"))
        assert row_id(app) == "trace-000497" and screen.rows.cursor == 2


async def test_a_list_that_is_not_ready_is_asked_for_once_a_generation(
    make_app: MakeApp, wait_for: Until
) -> None:
    engine = FakeEngine(5000, phase="indexing")
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        screen = screen_of(app)
        await wait_for(pilot, lambda: screen.rows.row_count == 256 and not screen.is_asking("select"))
        seen = screen._pulses
        await wait_for(pilot, lambda: screen._pulses >= seen + 3)
        assert engine.asked.count("select") == 1 and engine.asked.count("first_page") == 1
        assert "✗" not in said(app, "#status")


async def test_a_source_that_cannot_be_read_is_said_and_not_asked_again(
    make_app: MakeApp, wait_for: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> NoReturn:
        engine.asked.append("broken")
        raise BadInput("a file of the source cannot be read: gone.parquet")

    engine = FakeEngine(50)
    monkeypatch.setattr(engine, "select", broken)
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        await wait_for(pilot, lambda: "gone.parquet" in said(app, "#status"))
        screen = screen_of(app)
        seen = screen._pulses
        await wait_for(pilot, lambda: screen._pulses >= seen + 2)
        assert engine.asked.count("broken") == 1
        assert screen.rows.row_count == 50


async def test_rows_that_arrive_keep_the_cursor_on_its_row_and_line(
    make_app: MakeApp, wait_for: Until
) -> None:
    engine = FakeEngine(500)
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        screen.rows.put_cursor(100)
        line = screen.rows.cursor - screen.rows.top
        before = row_id(app)
        engine.count = 700
        engine.bump()
        await wait_for(pilot, lambda: screen.rows.row_count == 700)
        assert row_id(app) == before
        assert screen.rows.cursor == 300 and screen.rows.cursor - screen.rows.top == line


async def test_following_stays_on_the_newest_row_until_the_cursor_is_moved(
    make_app: MakeApp, wait_for: Until
) -> None:
    engine = FakeEngine(500)
    app = make_app(engine)

    async def arrive(count: int) -> None:
        engine.count = count
        engine.bump()
        await wait_for(pilot, lambda: screen.rows.row_count == count and not screen.is_asking("select"))

    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press("s", "j", "j", "F")
        await wait_for(pilot, lambda: row_id(app) == "trace-000499" and screen.sort is None)
        assert "Following: " in said(app, "#status")
        await arrive(520)
        assert row_id(app) == "trace-000519"
        screen.said_seen()
        assert "· following" in said(app, "#status")
        await pilot.press("j")
        assert "No longer following" in said(app, "#status")
        await arrive(540)
        assert row_id(app) == "trace-000518" and screen.rows.cursor == 21
        await pilot.press("F")
        await wait_for(pilot, lambda: row_id(app) == "trace-000539")
        await pilot.press("F")
        await arrive(560)
        assert row_id(app) == "trace-000539"
        await pilot.press("F", "S")
        await wait_for(pilot, lambda: row_id(app) == "trace-000000")
        assert not screen.following


async def test_moving_while_the_followed_list_is_on_its_way(make_app: MakeApp, wait_for: Until) -> None:
    engine = FakeEngine(500)
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press("F")
        engine.gate = threading.Event()
        engine.count = 510
        engine.bump()
        await wait_for(pilot, lambda: screen.is_asking("select"))
        await pilot.press("j")
        await wait_for(pilot, lambda: not screen.following)
        engine.gate.set()
        await wait_for(pilot, lambda: screen.rows.row_count == 510 and not screen.is_asking("select"))
        assert row_id(app) == "trace-000498"


async def test_a_label_of_another_app_appears(make_app: MakeApp, wait_for: Until) -> None:
    engine = FakeEngine(100)
    app = make_app(engine)
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await ready(pilot, wait_for)
        assert "grounded" not in screen.rows.render_line(0).text
        engine.scores["trace-000099"] = {"grounded": {"human": {"bob": False}}}
        engine.bump()
        await wait_for(pilot, lambda: "✗ fail" in screen.rows.render_line(1).text)
        assert "grounded" in screen.rows.render_line(0).text


async def test_label_columns_leave_the_standard_ones_their_place(make_app: MakeApp, wait_for: Until) -> None:
    names = ("tone", "clear", "grounded", "safe", "brief")
    definitions = [
        FeedbackDefinition(name, "boolean", ("trace",), name, required=name in ("grounded", "safe"))
        for name in names
    ]
    scores = {name: {"human": {"bob": True}} for name in ("other", *sorted(names))}
    engine = FakeEngine(100, scores={"trace-000099": scores})
    app = make_app(engine, definitions=definitions)
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await ready(pilot, wait_for)
        header = screen.rows.render_line(0).text
        assert all(name in header for name in ("version", "tokens", "cost", "grounded", "(5 more scores)"))
        assert columns_shown(screen)[-1] == "score.grounded.human"
        await pilot.resize_terminal(180, 30)
        await pilot.press("z")
        await wait_for(pilot, lambda: len(columns_shown(screen)) > 12)
        shown = [key for key in columns_shown(screen) if key.startswith("score.")]
        order = [f"score.{name}.human" for name in ("grounded", "safe", "tone", "clear", "brief", "other")]
        assert shown == order[: len(shown)]
        assert f"({6 - len(shown)} more score" in screen.rows.render_line(0).text or len(shown) == 6


async def test_blind_lists_show_no_scores(make_app: MakeApp, wait_for: Until) -> None:
    engine = FakeEngine(10, scores={"trace-000009": {"grounded": {"human": {"bob": False}}}})
    app = make_app(engine, blind=True)
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await ready(pilot, wait_for)
        await wait_for(pilot, lambda: "user" in preview_of(app))
        assert "grounded" not in screen.rows.render_line(0).text
        assert "grounded" not in preview_of(app)


async def test_a_filter_applies_while_it_is_typed(make_app: MakeApp, wait_for: Until) -> None:
    engine = FakeEngine(500)
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press("f")
        await type_text(pilot, "status:error")
        await wait_for(pilot, lambda: screen.rows.row_count == 71)
        assert "71 of 500 traces" in said(app, "#filter-count")
        assert screen.filter_bar.is_editing
        await pilot.press("escape")
        await wait_for(pilot, lambda: screen.rows.has_focus)
        assert screen.filter_text == "status:error" and not screen.filter_bar.is_editing
        assert "status:error" in said(app, "#filter-shown")
        await pilot.press("j")
        assert screen.rows.cursor == 1


async def test_letters_that_were_typed_before_the_field_opened_are_in_it(
    make_app: MakeApp, wait_for: Until
) -> None:
    from textual import events

    app = make_app(FakeEngine(50))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        for char in "fsort":
            app.post_message(events.Key(char, char))
        await wait_for(pilot, lambda: screen.filter_bar.text == "sort")
        assert screen.sort is None


async def test_a_wrong_filter_keeps_the_list_and_says_where(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(500))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        screen.set_filter("statsu:error")
        await pilot.pause()
        below = said(app, "#filter-below")
        assert "did you mean status?" in below and below.index("▲") == len(" filter  ")
        assert screen.rows.row_count == 500
        screen.set_filter("")
        assert not screen.filter_bar.has_class("-wrong")


async def test_enter_on_an_unfinished_filter_stays_and_says_what_the_rows_are_of(
    make_app: MakeApp, wait_for: Until
) -> None:
    app = make_app(FakeEngine(500))
    async with app.run_test(size=(140, 30)) as pilot:
        screen = await ready(pilot, wait_for)
        screen.set_filter("status:error")
        await wait_for(pilot, lambda: screen.rows.row_count == 71)
        await pilot.press("f")
        await type_text(pilot, "version:v3 score.grounded:")
        await pilot.press("enter")
        # What is typed behind it is no command: the field still has it.
        await type_text(pilot, "xq")
        text = "status:error version:v3 score.grounded:"
        await wait_for(pilot, lambda: screen.filter_bar.text == f"{text}xq")
        await pilot.press("backspace", "backspace", "enter")
        await wait_for(pilot, lambda: screen.filter_bar.has_class("-wrong"))
        field: Any = screen.focused
        assert screen.filter_bar.is_editing and field.value == text and field.cursor_position == len(text)
        below = said(app, "#filter-below")
        assert "a value is missing here" in below and f"rows of: {screen.filter_text}" in below
        assert not screen.marks.ids and not app._exit
        await pilot.press("escape")
        await wait_for(pilot, lambda: screen.filter_text == "status:error" and screen.rows.row_count == 71)
        assert screen.filter_bar.text == "status:error" and screen.rows.has_focus
        left = "score.grounded: is no filter; status:error applies"
        await wait_for(pilot, lambda: left in said(app, "#status"))


async def test_a_wrong_text_leaves_list_and_totals_together_and_gives_way_when_left(
    make_app: MakeApp, wait_for: Until
) -> None:
    app = make_app(FakeEngine(500))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press("f")
        await type_text(pilot, "status:error")
        await type_text(pilot, " statsu:")
        await type_text(pilot, "x")
        await wait_for(pilot, lambda: screen.filter_bar.has_class("-wrong"))
        await wait_for(pilot, lambda: not screen.is_asking("select") and not screen.is_asking("totals"))
        assert screen.totals is not None and screen.totals.count == screen.rows.row_count
        assert screen.filter_text == "" and screen.rows.row_count == 500
        await pilot.press("escape")
        await wait_for(pilot, lambda: screen.filter_bar.text == screen.filter_text == "")
        assert not screen.filter_bar.has_class("-wrong")
        await wait_for(pilot, lambda: "statsu:x is no filter" in said(app, "#status"))


async def test_a_filter_that_the_engine_refuses_leaves_list_and_totals(
    make_app: MakeApp, wait_for: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FakeEngine(500)
    app = make_app(engine)
    select = engine.select

    def refuse(query: Any, token: Any = None) -> Any:
        if query.filter is not None:
            raise BadInput("traces have no such field")
        return select(query, token)

    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        monkeypatch.setattr(engine, "select", refuse)
        await pilot.press("f")
        await type_text(pilot, "status:error")
        await wait_for(pilot, lambda: "no such field" in said(app, "#filter-below"))
        await wait_for(pilot, lambda: screen.totals is not None and screen.totals.count == 500)
        assert screen.rows.row_count == 500
        await pilot.press("enter")
        assert screen.filter_bar.is_editing and screen.filter_bar.text == "status:error"
        await pilot.press("escape")
        await wait_for(pilot, lambda: screen.filter_bar.text == "")


async def test_slash_filters_by_a_word_and_item_keys_say_where_they_work(
    make_app: MakeApp, wait_for: Until
) -> None:
    app = make_app(FakeEngine(500))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press("c")
        await wait_for(pilot, lambda: "c (note) works inside an item" in said(app, "#status"))
        # What is typed behind it was meant as a note.
        await pilot.press(*"xXseGq")
        assert screen.sort is None and not screen.marks.ids and screen.rows.cursor == 0
        await pilot.press("down", "x")
        await wait_for(pilot, lambda: len(screen.marks.ids) == 1)
        await pilot.press("right_square_bracket")
        assert "] (next definition) works inside an item" in said(app, "#status")
        screen.set_filter("status:error")
        await pilot.press("slash", *"draft")
        await wait_for(pilot, lambda: screen.filter_text == "draft" and 0 < screen.rows.row_count < 500)
        await pilot.press("enter", "slash", "end", *" status:error", "enter")
        await wait_for(pilot, lambda: screen.filter_text == "draft status:error" and screen.rows.has_focus)
        await wait_for(pilot, lambda: 0 < screen.rows.row_count < 71)
        await pilot.press("f")
        await pilot.press("ctrl+u", "enter")
        await wait_for(pilot, lambda: screen.rows.row_count == 500)


async def test_tab_completes_fields_and_values(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(30))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press("f")
        await type_text(pilot, "environ")
        await pilot.press("tab")
        await wait_for(pilot, lambda: screen.filter_bar.text == "environment:")
        await pilot.press("ctrl+u")
        await type_text(pilot, "version:")
        await pilot.press("tab")
        await wait_for(pilot, lambda: screen.filter_bar.text == "version:v1")
        await pilot.press("tab")
        assert screen.filter_bar.text == "version:v2"
        await wait_for(pilot, lambda: screen.rows.row_count == 10)
        assert screen.focused is not screen.rows


async def test_fast_typing_asks_once(make_app: MakeApp, wait_for: Until) -> None:
    engine = FakeEngine(500)
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        engine.gate = threading.Event()
        engine.asked.clear()
        for text in ("status:ok", "status:error", "name:x", "status:error"):
            screen.set_filter(text)
        assert screen.is_asking("select")
        engine.gate.set()
        await wait_for(pilot, lambda: screen.rows.row_count == 71)
        assert screen.filter_text == "status:error"


async def test_sorting_cycles_and_reverses(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(60))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press("s")
        await wait_for(
            pilot, lambda: "time ▼" in screen.rows.render_line(0).text and not screen.is_asking("select")
        )
        longest = max(app.context.engine.trace_row(n)["duration_ms"] for n in range(60))  # type: ignore[attr-defined]
        assert screen.rows.row is not None and screen.rows.row["duration_ms"] == longest
        await pilot.press("S")
        await wait_for(
            pilot, lambda: "time ▲" in screen.rows.render_line(0).text and not screen.is_asking("select")
        )
        assert screen.rows.row is not None and screen.rows.row["duration_ms"] < longest


async def test_marks_follow_the_rows_and_x_on_all(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(100))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press("x", "x")
        assert "2 marked" in said(app, "#title") and screen.rows.cursor == 2
        assert "trace-000099" in screen.marks and "trace-000097" not in screen.marks
        screen.set_filter("status:error")
        await wait_for(pilot, lambda: screen.rows.row_count == 14)
        assert "2 marked" in said(app, "#title")
        await pilot.press("X")
        assert "marked" not in said(app, "#title")
        await pilot.press("X")
        assert "14 marked" in said(app, "#title")
        await pilot.press("x")
        assert "13 marked" in said(app, "#title")
        screen.set_filter("")
        await wait_for(pilot, lambda: screen.rows.row_count == 100)
        assert "marked" not in said(app, "#title")
        assert "all marks were taken off" in said(app, "#status")


async def test_a_row_reached_by_its_error_opens_at_the_span_that_failed(
    make_app: MakeApp, wait_for: Until
) -> None:
    engine = FakeEngine(
        100, spans_per_trace=4
    )  # the root's only children: the last one fails, and so the root
    app = make_app(engine)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot, wait_for)
        await pilot.press("e")
        await wait_for(pilot, lambda: row_id(app) == "trace-000094")
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(app.screen, TraceScreen) and app.screen.tree_pane.row)
        assert isinstance(app.screen, TraceScreen)
        assert app.screen.tree_pane.row is not None and app.screen.tree_pane.row["error_type"] == "Timeout"
        assert app.screen.tree_pane.position == app.screen.tree_pane.facts.errors[0] > 0
        # moved by hand, a row opens at its beginning
        await pilot.press("escape", "j", "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, TraceScreen) and app.screen.tree_pane.row)
        assert app.screen.tree_pane.position == 0


async def test_e_and_w_go_to_errors_and_unlabelled(make_app: MakeApp, wait_for: Until) -> None:
    scores: Any = {f"trace-{n:06d}": {"grounded": {"human": {"ann": True}}} for n in range(90, 100)}
    app = make_app(FakeEngine(100, scores=scores))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press("e")
        await wait_for(pilot, lambda: row_id(app) == "trace-000094")
        await pilot.press("e")
        await wait_for(pilot, lambda: row_id(app) == "trace-000087")
        await pilot.press("E")
        await wait_for(pilot, lambda: row_id(app) == "trace-000094")
        await pilot.press("w")
        await wait_for(pilot, lambda: row_id(app) == "trace-000089")
        await pilot.press("W")
        await wait_for(pilot, lambda: "No unlabelled row above" in said(app, "#status"))
        assert screen.rows.cursor == 10


async def test_v_filters_to_the_version_of_the_row(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(90))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press("v")
        await wait_for(pilot, lambda: screen.rows.row_count == 30)
        assert screen.filter_text == "prompt:support@v3"


async def test_the_item_walks_the_list_and_comes_back_there(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(100))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        cursor = screen.cursor_here()
        assert cursor is not None
        place = cursor.peek(1)
        assert place is not None
        cursor.move(place)
        assert row_id(app) == "trace-000098"
        assert place.row["trace_id"] == "trace-000098"


async def test_screens_change_and_q_quits_from_a_list_only(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(100))
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot, wait_for)
        await pilot.press("f3")
        screen = await ready(pilot, wait_for)
        assert screen.level == "threads" and screen.rows.row_count == 34
        await pilot.press("escape", "escape")
        assert app.screen is screen
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.screen is not screen)
        await pilot.press("q")
        assert app._exit is False
        await wait_for(pilot, lambda: "ctrl+q quits" in said(app, "#status"))
        await pilot.press("f2")
        await wait_for(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.level == "traces")
        await pilot.press("q")
        await wait_for(pilot, lambda: app._exit)


async def test_place_and_filter_come_back(make_app: MakeApp, wait_for: Until, tmp_path: Path) -> None:
    state = tmp_path / "place.json"
    app = make_app(FakeEngine(500), state_file=state)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        screen.set_filter("status:error")
        await wait_for(pilot, lambda: screen.rows.row_count == 71)
        await pilot.press("j", "j", "j")
        await wait_for(pilot, lambda: screen.last_row == row_id(app))
    left = app.place()
    assert keep_place(state, left) is None
    assert (left.filter, left.row) == ("status:error", screen.last_row)
    again = make_app(FakeEngine(500), state_file=state)
    async with again.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        await wait_for(pilot, lambda: screen.rows.row_count == 71)
        assert row_id(again) == left.row and screen.rows.cursor == 3


async def test_a_filter_given_at_start_wins(make_app: MakeApp, wait_for: Until, tmp_path: Path) -> None:
    state = tmp_path / "place.json"
    keep_place(state, LastPlace(screen="threads", filter="status:error"))
    app = make_app(FakeEngine(90), state_file=state, initial_filter="version:v1", initial_screen="traces")
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        assert screen.level == "traces" and screen.rows.row_count == 30


async def test_a_small_terminal_is_said_and_a_narrow_one_has_no_preview(
    make_app: MakeApp, wait_for: Until
) -> None:
    app = make_app(FakeEngine(20))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await ready(pilot, wait_for)
        assert not screen.query_one("#preview").display
        await pilot.resize_terminal(39, 24)
        await wait_for(pilot, lambda: screen.has_class("-too-small"))
        assert "39x24" in said(app, "#too-small") and not screen.query_one("#body").display
        await pilot.resize_terminal(250, 50)
        await wait_for(pilot, lambda: not screen.has_class("-too-small"))
        assert screen.query_one("#preview").region.x > screen.rows.region.x


async def test_rebound_keys_work_and_are_shown(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(20), keys={"filter": "s", "sort": "f"})
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        assert "s filter" in said(app, "#footer")
        await pilot.press("f")
        await wait_for(pilot, lambda: screen.sort is not None)
        await pilot.press("s")
        await wait_for(pilot, lambda: screen.filter_bar.is_editing)
        assert said(app, "#footer").startswith("Enter accept  Esc leave the field")


async def test_no_color_means_the_theme_without_colour(make_app: MakeApp, monkeypatch: Any) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert make_app(FakeEngine(3)).theme == "mono"


async def test_help_and_palette_open_and_run(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(20))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press("question_mark")
        await wait_for(pilot, lambda: app.screen is not screen)
        text = app.screen.query_one(Lines).plain
        assert "Filter the list" in text and "You label as ann." in text
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.screen is screen)
        await pilot.press("ctrl+p")
        await type_text(pilot, "reverse")
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.screen is screen and screen.sort is not None)
        assert screen.sort is not None and not screen.sort.descending
        await pilot.press("colon")
        await type_text(pilot, "mono")
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.theme == "mono")


async def test_an_engine_that_failed_is_said(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(20, phase="failed"))
    async with app.run_test(size=SIZE) as pilot:
        await wait_for(pilot, lambda: "✗" in app.screen.query_one("#status", Bar).plain)


async def test_the_preview_wraps_to_its_pane(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(20))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.resize_terminal(150, 30)
        await wait_for(pilot, lambda: "assistant" in preview_of(app))
        width = screen.query_one("#preview").size.width
        assert max(len(line) for line in preview_of(app).splitlines()) <= width


async def test_keys_that_come_at_once_keep_their_order(make_app: MakeApp, wait_for: Until) -> None:
    from textual import events

    app = make_app(FakeEngine(20))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        for key in ("x", "x", "ctrl+p"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await wait_for(pilot, lambda: app.screen is not screen)
        await pilot.press("f")
        assert screen.marks.count(20) == 2
        assert app.screen.query_one("#command").value == "f"  # type: ignore[attr-defined]


@pytest.mark.parametrize("key", ["a", "u", "ctrl+r"])
async def test_a_list_says_why_labels_cannot_be_kept(make_app: MakeApp, wait_for: Until, key: str) -> None:
    why = "labels cannot be kept for several sources: name a file with --labels PATH"
    app = make_app(FakeEngine(20), label_sentence=why)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press(key)
        await wait_for(pilot, lambda: screen._sentence == (why, "error"))
