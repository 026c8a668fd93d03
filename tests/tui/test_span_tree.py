"""The span tree: what a row says, folding, errors, twenty thousand spans."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.clock import spent
from hypothesis import given
from hypothesis import strategies as st

from traceview.model.tree_folds import Folds
from traceview.text.cells import width
from traceview.tui.widgets.span_facts import SpanFacts
from traceview.tui.widgets.span_lines import MEASURES, Columns, Look, SpanLines
from traceview.tui.widgets.span_tree import SpanTree
from tui.widget_app import WidgetApp, shown

MS = 1_000_000


def span(
    span_id: str, parent_id: str | None = None, start: int = 0, took: int | None = 10, **more: Any
) -> dict[str, Any]:
    return {
        "span_id": span_id,
        "parent_id": parent_id,
        "trace_id": "t",
        "start_ns": start * MS,
        "end_ns": None if took is None else (start + took) * MS,
        "duration_ms": None if took is None else float(took),
        "name": span_id,
        "kind": "tool",
        "status": "ok",
        **more,
    }


SPANS = [
    span("root", None, 0, 100, kind="agent", status="error"),
    span("call", "root", 10, 40, kind="llm", input_tokens=1200, output_tokens=34, cost_usd=0.0042),
    span("search", "root", 50, 25, kind="retriever"),
    span("inner", "search", 55, 5),
    span("fails", "root", 75, 25, status="error", error_type="TimeoutError"),
    span("again", "root", 80, 5, kind="llm", duplicate_of="call"),
    span("lost", "gone", 90, None),
]


async def test_rows_say_kind_state_and_figures() -> None:
    tree = SpanTree()
    async with WidgetApp(tree).run_test(size=(110, 12)) as pilot:
        tree.load(SPANS)
        await pilot.pause()
        lines = shown(tree)
        assert lines[0].split() == [
            "7",
            "spans",
            "time",
            "tokens",
            "cost",
            "0",
            "20ms",
            "40ms",
            "60ms",
            "80ms",
        ]
        assert "◆ agent root" in lines[1] and "█" * 30 in lines[1]
        assert "├─● llm   call" in lines[2] and "1.2k" in lines[2] and "$0.0042" in lines[2]
        assert "├▾▼ retr  search" in lines[3]
        assert "│ ╰─■ tool  inner" in lines[4]
        assert "fails ✗ TimeoutError" in lines[5]
        assert "again (same call)" in lines[6]
        assert "lost (parent missing) (no end)" in lines[7]


async def test_folding_says_what_it_hides_and_the_cursor_stays() -> None:
    tree = SpanTree()
    async with WidgetApp(tree).run_test(size=(110, 12)) as pilot:
        tree.load(SPANS, cursor_span="inner")
        await pilot.pause()
        tree.toggle_fold()
        assert tree.row is not None and tree.row["span_id"] == "search"
        assert tree.line_count == 6
        assert "search +1" in shown(tree)[3]
        assert "6 of 7 spans" in shown(tree)[0]
        tree.toggle_fold()
        assert tree.line_count == 7


async def test_errors_are_walked_by_leaf_and_unfold_what_hides_them() -> None:
    tree = SpanTree()
    async with WidgetApp(tree).run_test(size=(110, 12)) as pilot:
        tree.load(SPANS)
        await pilot.pause()
        tree.toggle_fold()
        assert tree.line_count == 2
        assert tree.move_to_error(1)
        assert tree.row is not None and tree.row["span_id"] == "fails"
        assert tree.line_count == 7
        assert not tree.move_to_error(1)
        assert not tree.move_to_error(-1)


async def test_a_cursor_move_redraws_two_lines() -> None:
    tree = SpanTree()
    drawn: list[int] = []
    async with WidgetApp(tree).run_test(size=(110, 12)) as pilot:
        tree.load(SPANS)
        tree.focus()
        await pilot.pause()
        real = tree.render_line

        def counted(y: int) -> Any:
            drawn.append(y)
            return real(y)

        tree.render_line = counted  # type: ignore[method-assign]
        tree.move(1)
        await pilot.pause()
        assert sorted(set(drawn)) == [1, 2]


foreign_names = st.text(st.sampled_from("ab [/]\x1b\u202e\n検👩\u200d\x00"), max_size=30)


@given(st.lists(foreign_names, min_size=1, max_size=12), st.integers(20, 200), st.data())
def test_every_row_has_its_width_and_nothing_acts_on_the_terminal(
    names: list[str], cells: int, data: st.DataObject
) -> None:
    rows = [
        span(
            str(number), None if not number else str(data.draw(st.integers(0, number - 1))), number, name=name
        )
        for number, name in enumerate(names)
    ]
    facts = SpanFacts(rows)
    lines, look = SpanLines(facts), Look(Folds(facts.tree, facts.repeats))
    look.measure = data.draw(st.sampled_from(MEASURES))
    columns = Columns.for_width(cells)
    wanted = (
        columns.name
        + columns.duration
        + columns.tokens
        + columns.cost
        + (columns.bar + 2 if columns.bar else 0)
    )
    for position in look.folds.lines:
        text = "".join(part for part, _ in lines.line(position, columns, look))
        assert width(text) == wanted or columns.name < 20
        assert text.replace("\u200d", "").isprintable()


@pytest.mark.parametrize("shape", ["wide", "deep"])
async def test_twenty_thousand_spans_stay_smooth(shape: str) -> None:
    spans = [
        span(f"{n}", None if not n else ("0" if shape == "wide" else f"{n - 1}"), n) for n in range(20_000)
    ]
    tree = SpanTree()
    async with WidgetApp(tree).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        first = []
        for _ in range(3):
            with spent() as painted:
                tree.load(spans)
                shown(tree)
            first.append(painted.seconds)
        assert min(first) < 0.6, f"{min(first):.3f} s to the first paint"
        worst = 0.0
        for step in (
            tree.move_to_end,
            tree.move_to_start,
            lambda: tree.move_page(1),
            lambda: tree.move(1),
            tree.toggle_fold,
        ):
            with spent() as key:
                step()
                shown(tree)
            worst = max(worst, key.seconds)
        assert worst < 0.15, f"{worst:.3f} s for a key"


async def test_scores_stand_behind_the_name_and_not_for_the_blind() -> None:
    scores = {
        "grounded": {"judge": {"j": True}, "human": {"ann": False}},
        "tone": {"human": {"ann": "rude", "bob": "kind"}},
        "note": {"human": {"ann": "look"}},
        "size": {"code": {"c": 3}},
    }
    tree = SpanTree()
    async with WidgetApp(tree).run_test(size=(120, 10)) as pilot:
        await pilot.pause()
        tree.load([span("call", None, 0, kind="llm", scores=scores)])
        assert "✗ grounded note tone: 2 differ +2 scores" in "\n".join(shown(tree))
        tree.load([span("call", None, 0, kind="llm", scores=scores)], with_models=False)
        assert "grounded" not in "\n".join(shown(tree))


async def test_rows_say_how_an_answer_ended_and_who_gave_it() -> None:
    rows = [
        span("cut", None, 0, kind="llm", outcome="truncated"),
        span("held", None, 10, kind="llm", outcome="filtered"),
        span("other", None, 20, kind="llm", outcome="ok", fallback="yes", payload_state="input cut"),
    ]
    for blind in (False, True):
        lines = SpanLines(SpanFacts(rows))
        columns, look = Columns.for_width(200), Look(Folds(lines.facts.tree), with_models=not blind)
        texts = ["".join(part[0] for part in lines.line(at, columns, look)) for at in range(3)]
        assert "cut off" in texts[0] and "held back" in texts[1]
        assert ("another model answered" in texts[2]) is not blind
        assert "recorded: input cut" in texts[2]


def test_clocks_that_differ_between_services_are_told() -> None:
    rows = [
        span("front", None, 1000, 100, service="web"),
        span("back", "front", 400, 50, service="agent"),
        span("below", "back", 390, 10, service="agent"),
        span("late", "front", 1050, 100, service="web"),
    ]
    facts = SpanFacts(rows)
    (told,) = [sentence for sentence in facts.warnings() if "clock" in sentence]
    assert told == "the clock of agent is at least 600ms behind that of web"
    assert "another service (agent)" in facts.oddities(facts.position_of("back") or 0)[0]
    assert all("another service" not in one for one in facts.oddities(facts.position_of("below") or 0))
