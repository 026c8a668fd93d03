"""Foreign text on the screen is data: no markup, no control, escape or direction characters get through."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from traceview.text.cells import width
from traceview.tui.app import TraceviewApp
from traceview.tui.list_cells import RowCells
from traceview.tui.list_columns import known_columns, scores_in, shown_columns
from traceview.tui.rows import preview_lines
from traceview.tui.screens.lists import ListScreen
from traceview.tui.widgets.columns import Cell
from traceview.tui.widgets.lines import Bar, cut, line_width, wrapped
from tui.conftest import Until
from tui.fake_engine import FakeEngine

NASTY = (
    "[/",
    "[bold red]x[/bold",
    "[@click=app.quit]x[/]",
    "\x1b]52;c;aGk=\x07",
    "\x1b[2J\x9b31m",
    "a\u202eb\u2066c",
    "line\nline\r\nline\ttab\x00\x7f",
    "\ud800",
    "👩‍👩‍👧‍👦🇩🇪é" + "\u0301" * 40,
    "漢字" * 80,
    "{0[title]} %s {}",
    "x" * 5000,
)
texts = st.one_of(st.sampled_from(NASTY), st.text(max_size=200))


def is_dangerous(char: str) -> bool:
    return (
        unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
        or char in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )


def row_of(text: str) -> dict[str, Any]:
    row = FakeEngine(3).trace_row(1)
    return {
        **row,
        "name": text,
        "thread_id": text,
        "trace_id": text,
        "models": [text],
        "prompt_versions": [{"name": text, "version": text}],
        "input_preview": text,
        "output_preview": text,
        "first_input": text,
        "last_output": text,
        "scores": {text: {"human": {text: text, "ann": [text, text]}, "judge": {text: text}}},
    }


@given(texts, st.integers(2, 120), st.integers(1, 30))
def test_cells_and_preview_are_safe_and_fit(text: str, cells: int, height: int) -> None:
    row = row_of(text)
    for level in ("traces", "threads"):
        fields = (*known_columns(level), *sorted(scores_in([row])), f"attr.{text}")  # type: ignore[arg-type]
        make = RowCells("ann")
        make.fields = fields
        drawn = [cell.text for cell in make({**row, f"attr.{text}": (text, text)}).values()]
        drawn += [column.title for column in shown_columns(level, fields)]  # type: ignore[arg-type]
        lines = preview_lines(level, row, cells, height)  # type: ignore[arg-type]
        lines += preview_lines(level, row, cells, None, (text, text))  # type: ignore[arg-type]
        drawn += [part for line in lines for part, _ in line]
        assert not [char for one in drawn for char in one if is_dangerous(char)]
        assert all(line_width(line) <= cells for line in lines)


@given(st.lists(st.tuples(st.text(max_size=30), st.none()), max_size=5), st.integers(0, 40))
def test_a_cut_line_fits(parts: list[tuple[str, None]], cells: int) -> None:
    assert line_width(cut(parts, cells)) <= cells


@given(st.text(max_size=300), st.integers(1, 40), st.integers(1, 5))
def test_wrapped_text_fits_its_lines(text: str, cells: int, limit: int) -> None:
    from traceview.text.safe import safe_line

    lines = wrapped(safe_line(text), cells, None, limit)
    assert 1 <= len(lines) <= limit
    assert all(line_width(line) <= max(2, cells) for line in lines)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts)
async def test_the_screen_draws_any_text(
    make_app: Callable[..., TraceviewApp], wait_for: Until, text: str
) -> None:
    engine = FakeEngine(3)
    engine.overrides[2] = {
        key: value for key, value in row_of(text).items() if key not in ("trace_id", "thread_id")
    }
    app = make_app(engine, source_title=text, label_sentence=text, notices=(text,))
    async with app.run_test(size=(140, 30)) as pilot:
        screen: Any = app.screen
        await wait_for(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.selection is not None)
        screen = app.screen
        await wait_for(pilot, lambda: screen.query_one("#preview").plain != "")
        screen.say(text)
        screen.set_filter(text)
        await pilot.pause()
        for y in range(3):
            line = screen.rows.render_line(y).text
            assert not [char for char in line if is_dangerous(char)]
            assert width(line) == screen.rows.size.width
        for bar in screen.query(Bar):
            assert not [char for char in bar.plain if is_dangerous(char) and char != "\n"]


def test_a_cell_is_plain_text() -> None:
    cells = RowCells("ann")
    cells.fields = ("name",)
    assert cells(row_of("[/"))["name"] == Cell("[/", "accent")
