"""The virtual text pane: wrapping, folding, searching, texts of any size and of any kind."""

from __future__ import annotations

import asyncio

import pytest
from benchmarks.clock import spent
from hypothesis import given
from hypothesis import strategies as st

from traceview.text.cells import width
from traceview.tui.widgets.block_layout import Layout
from traceview.tui.widgets.blocks import Block, foreign
from traceview.tui.widgets.text_view import TextView
from tui.widget_app import WidgetApp, shown


def laid_out(blocks: list[Block], cells: int = 20) -> Layout:
    layout = Layout(blocks, cells)
    while not layout.complete:
        layout.advance()
    return layout


def lines_of(layout: Layout) -> list[str]:
    found = []
    for line in range(layout.lines):
        place = layout.place(line)
        assert place is not None
        found.append(layout.text(place))
    return found


texts = st.text(st.sampled_from("ab \n\t検é\u200d👩\x1b"), max_size=60)


@given(st.lists(texts, max_size=8), st.integers(8, 30))
def test_no_line_is_wider_than_the_pane_and_nothing_is_lost(parts: list[str], cells: int) -> None:
    blocks = [Block(foreign(part), gap=number % 2) for number, part in enumerate(parts)]
    layout = laid_out(blocks, cells)
    assert all(width(line) <= max(8, cells) for line in lines_of(layout))
    for index, block in enumerate(blocks):
        mine = [
            layout.text(place)
            for line in range(layout.lines)
            if (place := layout.place(line)) is not None and place.index == index and place.line >= 0
        ]
        assert "".join("".join(mine).split()) == "".join(block.text.split())


@given(st.lists(texts, min_size=1, max_size=8), st.data())
def test_replacing_is_the_same_as_laying_out_anew(parts: list[str], data: st.DataObject) -> None:
    blocks = [Block(foreign(part), fold="folded", folded=len(part) % 2 == 0) for part in parts]
    layout = laid_out(list(blocks))
    start = data.draw(st.integers(0, len(blocks)))
    stop = data.draw(st.integers(start, len(blocks)))
    fresh = [Block(foreign(part), gap=1) for part in data.draw(st.lists(texts, max_size=4))]
    layout.replace(start, stop, fresh)
    while not layout.complete:
        layout.advance()
    assert lines_of(layout) == lines_of(laid_out([*blocks[:start], *fresh, *blocks[stop:]]))


@given(st.lists(texts, min_size=1, max_size=6), st.integers(0, 5))
def test_folding_twice_changes_nothing(parts: list[str], index: int) -> None:
    layout = laid_out([Block(foreign(part), fold="▸ folded", gap=1) for part in parts])
    before = lines_of(layout)
    index %= len(parts)
    assert layout.toggle(index)
    assert lines_of(layout).count("▸ folded") == before.count("▸ folded") + 1
    assert layout.toggle(index)
    assert lines_of(layout) == before


def test_search_counts_every_hit_and_marks_those_across_lines() -> None:
    layout = laid_out([Block("one Two one"), Block("x" * 18 + "one")], 20)
    layout.search("ONE")
    while not layout.searched:
        layout.advance_search()
    assert [layout.hit(number) for number in range(layout.hits)] == [(0, 0), (0, 8), (1, 18)]
    broken = [layout.marks(place) for line in range(layout.lines) if (place := layout.place(line))]
    assert broken == [[(0, 3), (8, 11)], [(18, 20)], [(0, 1)]]


def test_search_finds_hits_across_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("traceview.tui.widgets.block_hits.SEARCH_SLICE", 5)
    text = "..needle....needleneedle.."
    layout = laid_out([Block(text)])
    layout.search("needle")
    while not layout.searched:
        layout.advance_search(0)
    assert [layout.hit(number)[1] for number in range(layout.hits)] == [2, 12, 18]


NASTY = [
    "[/] [bold]not bold[/bold] [red",
    "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "\u202eevil\u2066",
    "a\r\nb\rc\x00d\x9be",
    "\ud800 lone",
    "👩‍👩‍👧‍👦" * 40,
    "e\u0301" * 100,
    "\ufeff\u200b",
]


@pytest.mark.parametrize("text", NASTY)
async def test_foreign_text_is_drawn_as_text(text: str) -> None:
    view = TextView(cursor=True)
    async with WidgetApp(view).run_test(size=(40, 12)) as pilot:
        # also without `foreign`: the pane makes every visible line safe itself
        view.load(
            [
                Block(text),
                Block(foreign(text), "json", fold=text, folded=True),
                Block(foreign(text), label=text, indent=6),
            ]
        )
        await pilot.pause()
        for line in shown(view):
            assert not any(
                ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u2066" for char in line
            )
            assert width(line) <= 40


async def test_the_cursor_folds_and_moves() -> None:
    view = TextView(cursor=True)
    blocks = [Block("first"), Block("long\ntext\nhere", fold="▸ folded", folded=True), Block("last")]
    async with WidgetApp(view).run_test(size=(40, 12)) as pilot:
        view.load(blocks)
        view.focus()
        await pilot.pause()
        assert [line.strip("▌│ ") for line in shown(view)[:3]] == ["first", "▸ folded", "last"]
        view.move(1)
        assert view.toggle_fold()
        assert view.block_index == 1
        assert [line.strip("▌│ ") for line in shown(view)[:5]] == ["first", "long", "text", "here", "last"]
        view.move(1)
        assert view.toggle_fold()
        assert [line.strip("▌│ ") for line in shown(view)[:3]] == ["first", "▸ folded", "last"]
        view.move_to_end()
        assert view.block_index == 2


async def test_replacing_above_keeps_what_is_on_screen() -> None:
    view = TextView(cursor=True)
    async with WidgetApp(view).run_test(size=(40, 10)) as pilot:
        view.load([Block(f"line {number}", key=number) for number in range(100)])
        view.go_to_block(50)
        await pilot.pause()
        before = shown(view)
        view.replace(10, 11, [Block("new\n" * 30)])
        await pilot.pause()
        assert shown(view) == before
        assert view.current is not None and view.current.key == 50


async def test_a_hit_in_a_folded_block_unfolds_it() -> None:
    view = TextView(cursor=True)
    async with WidgetApp(view).run_test(size=(40, 10)) as pilot:
        view.load([Block("a"), Block("hidden needle", fold="▸ folded", folded=True)])
        view.search("needle")
        await pilot.pause(0.1)
        assert view.hit_count == 1
        assert any("hidden needle" in line for line in shown(view))


async def test_resizing_keeps_the_place() -> None:
    view = TextView(cursor=True)
    async with WidgetApp(view).run_test(size=(100, 12)) as pilot:
        view.load([Block(f"{number} " + "word " * 60, key=number) for number in range(50)])
        view.go_to_block(30)
        await pilot.pause()
        await pilot.resize_terminal(50, 12)
        await pilot.pause(0.2)
        assert view.current is not None and view.current.key == 30


@pytest.mark.parametrize("unit", ["x", "word é "])
async def test_fifty_megabytes_on_one_line_open_without_a_stall(unit: str) -> None:
    text = unit * (50_000_000 // len(unit))
    view = TextView()
    async with WidgetApp(view).run_test(size=(100, 30)) as pilot:
        with spent() as opened:
            view.load([Block(text)])
            first = shown(view)
        assert first[0].strip()
        assert opened.seconds < 0.25, f"{opened.seconds:.3f} s to the first screen"
        view.move_page(3)
        worst = 0.0
        for _ in range(40):
            with spent() as turn:
                await asyncio.sleep(0)
            worst = max(worst, turn.seconds)
        assert worst < 0.15, f"the event loop stalled for {worst:.3f} s"
        view.search("nothing like it")
        await pilot.pause()
