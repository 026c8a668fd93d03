"""Reading a trace in its tree: jumps that say where they went, measures, folds, odd traces, calls that are the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from traceview.model.messages import Document, SpanPayload
from traceview.store.interface import CancelToken, Row, TraceDetail
from traceview.tui.app import TraceviewApp
from traceview.tui.screens.lists import ListScreen
from traceview.tui.screens.thread import TranscriptScreen
from traceview.tui.screens.trace import TraceScreen
from tui.conftest import Until
from tui.fake_engine import FakeEngine

MS = 1_000_000


class TraceEngine(FakeEngine):
    """Every trace has these spans; payloads say what a test gives them."""

    def __init__(self, spans: Sequence[Row], payloads: dict[str, dict[str, Any]] | None = None) -> None:
        super().__init__(count=10)
        self.spans = spans
        self.said = payloads or {}

    def trace(
        self, trace_id: str, token: CancelToken | None = None, start_ns: int | None = None
    ) -> TraceDetail:
        return replace(super().trace(trace_id, token), spans=tuple(self.spans))

    def payloads(
        self, spans: Sequence[Row], token: CancelToken | None = None, *, raw: bool = True
    ) -> tuple[SpanPayload, ...]:
        found = super().payloads([{**FakeEngine().span_rows(0)[0], **span} for span in spans], token)
        return tuple(
            replace(payload, **self.said.get(str(span["span_id"]), {}))
            for span, payload in zip(spans, found, strict=True)
        )


def span(
    span_id: str, parent: str | None, start: int | None, end: int | None, kind: str = "tool", **more: Any
) -> Row:
    base = FakeEngine().span_rows(0)[0]
    took = float(end - start) if start is not None and end is not None else None
    return {
        **dict.fromkeys(base),
        "trace_id": "trace-000009",
        "span_id": span_id,
        "parent_id": parent,
        "name": span_id,
        "kind": kind,
        "status": "ok",
        "tags": [],
        "start_ns": None if start is None else start * MS,
        "end_ns": None if end is None else end * MS,
        "duration_ms": took,
        **more,
    }


SPANS = [
    span("root", None, 0, 1000, "agent", status="error"),
    span("plan", "root", 10, 500, "llm", input_tokens=900, output_tokens=100, cost_usd=0.03, ttft_ms=90.0),
    span("look", "root", 500, 520, "retriever"),
    span("look again", "root", 520, 640, "retriever", name="look"),
    span("fails", "root", 640, 650, status="error", error_type="Timeout", error_message="no answer"),
    span("write", "root", 650, 990, "llm", input_tokens=1900, output_tokens=100, cost_usd=0.01),
    *(span(f"check {n}", "root", 700 + n, 760 + n, name="check") for n in range(6)),
]
LOOKED = {"input": "refunds", "output": "x", "documents": (Document("d1", "thirty days", 0.9),)}
PAYLOADS: dict[str, dict[str, Any]] = {"look": LOOKED, "look again": LOOKED}


@pytest.fixture
async def opened(make_app: Callable[..., TraceviewApp], wait_for: Until) -> Callable[..., Any]:
    """`await opened(pilot, app)`: the first trace of the list."""

    async def open_first(pilot: Pilot[None], app: TraceviewApp) -> TraceScreen:
        await wait_for(pilot, lambda: app.screen.query_one("#rows").row is not None)  # type: ignore[attr-defined]
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(app.screen, TraceScreen) and app.screen.query("#tree"))
        screen = app.screen
        assert isinstance(screen, TraceScreen)
        await wait_for(pilot, lambda: screen.tree_pane.row is not None)
        return screen

    return open_first


def plain(app: TraceviewApp, selector: str) -> str:
    return str(getattr(app.screen.query_one(selector), "plain", ""))


def rows_of(screen: TraceScreen) -> list[str]:
    tree = screen.tree_pane
    return [tree.render_line(y).text.rstrip() for y in range(tree.line_count + 1)]


async def test_jumps_say_what_they_went_to(make_app: Any, opened: Any, wait_for: Until) -> None:
    app = make_app(TraceEngine(SPANS, PAYLOADS))
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await opened(pilot, app)

        async def goes(key: str, span_id: str, *words: str) -> None:
            await pilot.press(key)
            await wait_for(pilot, lambda: screen.tree_pane.row["span_id"] == span_id)
            assert all(word in plain(app, "#status") for word in words), plain(app, "#status")
            await wait_for(pilot, lambda: screen.span_detail.span["span_id"] == span_id)

        await goes("T", "plan", "slowest of 12: 490ms of its own, 49 % of the trace")
        await goes("T", "write", "2nd slowest of 12: 340ms")
        await goes("dollar_sign", "plan", "costliest of 2 that cost something: $0.03, 75 % of $0.04")
        await goes("dollar_sign", "write", "2nd costliest of 2", "25 %")
        await goes("dollar_sign", "plan", "costliest of 2")
        await goes("e", "fails", "error 1 of 1: Timeout: no answer")
        await goes("B", "look", "1 document of look")
        await wait_for(pilot, lambda: screen.span_detail.section == "Documents")
        await goes("B", "look again", "1 document of look")
        await goes("k", "look")
        assert "root › look" in plain(app, "#path") and "row 3 of 12" in plain(app, "#path")


async def test_documents_from_a_list_and_from_a_transcript(make_app: Any, wait_for: Until) -> None:
    app = make_app(TraceEngine(SPANS, PAYLOADS))
    async with app.run_test(size=(140, 40)) as pilot:
        await wait_for(pilot, lambda: app.screen.query_one("#rows").row is not None)
        for key in ("B", "t"):
            await pilot.press(key)
            if key == "t":
                await wait_for(pilot, lambda: isinstance(app.screen, TranscriptScreen))
                await wait_for(
                    pilot, lambda: app.screen.query("#talk") and app.screen.text_pane().line_count > 2
                )
                await pilot.press("B")
            await wait_for(pilot, lambda: isinstance(app.screen, TraceScreen) and app.screen.query("#tree"))
            await wait_for(pilot, lambda: app.screen.span_detail.section == "Documents")
            assert app.screen.tree_pane.row["span_id"] == "look"
            await pilot.press("escape")
            if key == "t":
                await wait_for(pilot, lambda: isinstance(app.screen, TranscriptScreen))
                await pilot.press("escape")
            await wait_for(pilot, lambda: isinstance(app.screen, ListScreen))


async def test_measures_change_column_and_bars(make_app: Any, opened: Any, wait_for: Until) -> None:
    app = make_app(TraceEngine(SPANS, PAYLOADS))
    async with app.run_test(size=(200, 40)) as pilot:
        screen = await opened(pilot, app)
        # calls that are the same are marked some time after the trace is there
        await wait_for(pilot, lambda: any("same call as" in row for row in rows_of(screen)))
        wall = rows_of(screen)
        assert "time" in wall[0] and "1.0s" in wall[1] and "Σ3.0k" in wall[1] and "Σ$0.04" in wall[1]
        assert "490ms" in wall[2] and "1.0k" in wall[2] and "Σ" not in wall[2] and "┊" in wall[2]
        await pilot.press("m")
        own = rows_of(screen)
        assert (
            "self" in own[0] and "20ms" in own[1] and "┄" in own[1] and "Self time" in plain(app, "#status")
        )
        await pilot.press("m")
        await wait_for(pilot, lambda: "» plan" in rows_of(screen)[2])
        path = rows_of(screen)
        assert "path" in path[0] and "» plan" in path[2] and "» write" in path[6]
        assert "»" not in path[7] and "check" in path[7]
        await pilot.press("m")
        assert rows_of(screen) == wall


async def test_repeats_fold_and_unfold(make_app: Any, opened: Any) -> None:
    app = make_app(TraceEngine(SPANS, PAYLOADS))
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await opened(pilot, app)
        assert "7 of 12 spans" in rows_of(screen)[0]
        assert "check ×6" in rows_of(screen)[7] and "360ms" in rows_of(screen)[7]
        await pilot.press("G", "space")
        assert screen.tree_pane.line_count == 12
        assert "(first of ×6)" in rows_of(screen)[7]
        await pilot.press("minus")
        assert screen.tree_pane.line_count == 7 and "7 of 12 spans shown" in plain(app, "#status")
        await pilot.press("plus")
        assert screen.tree_pane.line_count == 12


async def test_the_same_call_again_is_said(make_app: Any, opened: Any, wait_for: Until) -> None:
    app = make_app(TraceEngine(SPANS, PAYLOADS))
    async with app.run_test(size=(240, 40)) as pilot:
        screen = await opened(pilot, app)
        await wait_for(pilot, lambda: "=3 (same call as row 3)" in rows_of(screen)[4])
        assert "=" not in rows_of(screen)[3]


async def test_calls_without_any_time_are_never_said_to_be_the_same(
    make_app: Any, opened: Any, wait_for: Until
) -> None:
    untimed = [span(name, "root", None, None, "retriever", name="ask") for name in ("first", "second")]
    payloads = {**PAYLOADS, "first": LOOKED, "second": LOOKED}
    app = make_app(TraceEngine([*SPANS[:4], *untimed], payloads))
    async with app.run_test(size=(240, 40)) as pilot:
        screen = await opened(pilot, app)
        await wait_for(pilot, lambda: any("(same call as row" in row for row in rows_of(screen)))
        assert sum("ask" in row for row in rows_of(screen)) == 2
        assert sum("(same call as row" in row for row in rows_of(screen)) == 1


ODD = [
    span("root", None, 0, 100, "agent"),
    span("lost", "gone", 10, 20),
    span("one", "two", 10, 20),
    span("two", "one", 10, 20),
    span("untimed", "root", None, None),
    span("backwards", "root", 50, 20),
    span("late", "root", 50, 400),
    span("twice", "root", 1, 2),
    span("twice", "root", 1, 2),
]


async def test_what_is_wrong_with_a_trace_is_said_and_nothing_breaks(make_app: Any, opened: Any) -> None:
    app = make_app(TraceEngine(ODD))
    async with app.run_test(size=(240, 40)) as pilot:
        screen = await opened(pilot, app)
        said = plain(app, "#warnings")
        for words in (
            "1 span whose parent is missing",
            "2 in a ring of parents",
            "1 without times",
            "1 that end before they start",
            "1 outside the time of their parent",
        ):
            assert words in said
        rows = "\n".join(rows_of(screen))
        for words in (
            "lost (parent missing)",
            "one (parents in a ring)",
            "untimed (no times)",
            "backwards (ends before it starts)",
            "late (ends 300ms after its parent)",
        ):
            assert words in rows
        await pilot.press("T", "m", "T", "m", "minus", "plus", "G", "space", "dollar_sign", "e", "slash", "l")
        assert "No span" not in rows
        assert isinstance(app.screen, TraceScreen)


async def test_while_a_key_is_held_only_the_tree_moves(make_app: Any, opened: Any, wait_for: Until) -> None:
    app = make_app(TraceEngine(SPANS, PAYLOADS))
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await opened(pilot, app)
        await wait_for(pilot, lambda: screen.span_detail.span is not None)
        shown: list[str] = []
        real = screen.span_detail.show_span

        def noted(row: Row, section: str | None = None) -> None:
            shown.append(row["span_id"])
            real(row, section)

        screen.span_detail.show_span = noted
        for _ in range(3):
            screen.action_cursor_down()
        await wait_for(pilot, lambda: shown)
        assert shown == ["look again"]
        screen.action_cursor_up()
        screen.action_open()
        assert shown[1:] == ["look"], "going into the detail waits for nothing"
