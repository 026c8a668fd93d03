"""Reading a transcript: styled answers, runs of calls, sub-agents, to a span and back, how it looks."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from textual.pilot import Pilot

from traceview.model.messages import Document
from traceview.store.turns import Turn
from traceview.text.markdown import STYLE_LIMIT
from traceview.tui.screens.thread import TranscriptScreen
from traceview.tui.screens.trace import TraceScreen
from traceview.tui.turn_blocks import TurnBlocks, TurnKey, transcript_blocks
from traceview.tui.widgets.block_layout import Layout
from tui.conftest import Until
from tui.fake_engine import MINUTE_NS, START_NS, FakeEngine

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + hashlib.sha512(b"p").digest() * 8).decode()
ANSWER = f"""## Two goals are **at risk**

1. *Newsletter* has `27,900` of 40,000
   - see [the docs](https://docs.example.org/goals#risk "goals")
2. Dealers, ~~210~~ **213** of 400

> We lost a week to the migration.

```python
def share(done: int, of: int) -> float: return done / of  # {"long " * 30}
    [/] [bold]not markup[/bold] \x1b[2J
```

| goal | done | 目標 |
|---|--:|---|
| Newsletter | 27,900 | 四半期 |
| Dealers | 213 | 👩‍👩‍👧 |

![chart](data:image/png;base64,{PNG})
"""


def turns_of(trace_id: str, number: int, start_ns: int) -> list[Turn]:
    """A turn with everything."""

    def turn(role: Any, text: str, span: int, **more: Any) -> Turn:
        start = start_ns + span * 40_000_000
        return Turn(role, text, trace_id, f"span-{span:04d}", number, start, **more)

    documents = (
        Document(
            "kb-1", "How to move a goal. " * 40, 0.91, {"title": "Moving goals", "url": "https://x.org/1"}
        ),
        Document("kb-2", "Short.", 0.5),
    )
    return [
        turn("system", "You help with goals. " * 20, 1),
        turn("user", "What is at risk?\nSee the picture.", 1, attachments=("⟨image/png · 12 KB · sha256 0123⟩",)),
        turn("reasoning", "The user wants risks.", 1),
        *(
            turn("tool", "search", 2 + at, tool="search_goals", arguments={"query": f"risk {at}"},
                 result={"hits": at}, duration_ms=120.0, error="Timeout after 5 s" if at == 2 else None)
            for at in range(5)
        ),
        turn("assistant", "Let me ask a specialist.", 3),
        turn("agent", "risk-analyst", 4, tool="risk-analyst", duration_ms=2100.0),
        turn("user", "Find goals at risk", 5, within=("span-0004",)),
        turn("retrieval", "goals at risk", 6, tool="kb", documents=documents, within=("span-0004",)),
        turn("assistant", "Two goals: **Newsletter** and Dealers.", 5, within=("span-0004",)),
        turn("assistant", ANSWER, 7, duration_ms=900.0, model="claude-sonnet"),
    ]  # fmt: skip


class Told:
    """Every trace the same turn."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self._number = 0

    def read(self, spans: Any, payloads: Any) -> None:
        self._number += 1
        self.turns += turns_of(spans[0]["trace_id"], self._number, spans[0]["start_ns"])


class Thread(FakeEngine):
    """Three turns: two hours lie before the second, a day before the third; versions change."""

    def trace_row(self, index: int) -> dict[str, Any]:
        row = super().trace_row(index)
        start = START_NS + (0, 120, 1500)[index % 3] * MINUTE_NS
        return {**row, "start_ns": start, "end_ns": start + int(row["duration_ms"] * 1e6)}


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local times are those of UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def app(make_app: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("traceview.tui.conversation.Transcript", Told)
    return make_app(Thread(count=3), initial_screen="threads")


async def opened(app: Any, pilot: Pilot[None], wait_for: Until) -> TranscriptScreen:
    await wait_for(pilot, lambda: app.screen.query_one("#rows").row is not None)
    await pilot.press("enter")
    await wait_for(pilot, lambda: isinstance(app.screen, TranscriptScreen) and app.screen.query("#talk"))
    screen: TranscriptScreen = app.screen
    await wait_for(pilot, lambda: screen.text_pane().line_count > 5)
    return screen


def drawn(screen: TranscriptScreen) -> str:
    view = screen.text_pane()
    return "\n".join(view.render_line(y).text.rstrip() for y in range(view.size.height))


def rows() -> dict[str, Any]:
    engine = Thread(count=3)
    return {row["trace_id"]: row for row in (engine.trace_row(index) for index in range(3))}


def lines(blocks: Any, width: int = 100) -> list[str]:
    layout = Layout(blocks, width)
    while not layout.complete:
        layout.advance()
    places = (layout.place(line) for line in range(layout.lines))
    return [layout.text(place) for place in places if place is not None and place.line >= 0]


@pytest.mark.usefixtures("utc")
def test_dividers_say_gaps_days_and_changes_of_the_version() -> None:
    traces = rows()
    turns = [
        turn
        for number, (one, row) in enumerate(traces.items(), 1)
        for turn in turns_of(one, number, row["start_ns"])
    ]
    blocks = transcript_blocks(turns, traces)
    dividers = [block.text for block in blocks if block.style == "divider"]
    assert dividers == [
        "turn 1  2026-11-01 10:00:00",
        "turn 2  2026-11-01 12:00:00  1 h later",
        "turn 3  2026-11-02 11:00:00  the next day, 22 h later",
    ]
    notes = [block.text for block in blocks if block.style == "note"]
    assert notes == [
        "prompt version changed: support@v1 → support@v2",
        "prompt version changed: support@v2 → support@v3",
    ]
    assert not [block for block in transcript_blocks(turns, traces, blind=True) if block.style == "note"]


@given(st.data())
def test_blocks_made_in_parts_are_those_made_at_once(data: st.DataObject) -> None:
    traces = rows()
    turns = [
        replace(turn, number=data.draw(st.integers(number - 1, number)), earlier=turn.role == "reasoning")
        for number, (one, row) in enumerate(traces.items(), 1)
        for turn in turns_of(one, number, row["start_ns"])[:: data.draw(st.integers(2, 5))]
    ]
    # A trace is read as a whole: a part ends where one does.
    ends = [at for at in range(1, len(turns)) if turns[at].trace_id != turns[at - 1].trace_id]
    made = TurnBlocks(traces)
    for end in (*(at for at in ends if data.draw(st.booleans())), len(turns)):
        before = made.blocks
        kept = list(before)
        same = made.extend(turns[:end])
        assert made.blocks[:same] == before[:same]
        # Whoever still has the list of before goes on with it.
        assert before == kept
    assert made.blocks == transcript_blocks(turns, traces)


def test_the_same_call_again_and_again_is_one_line() -> None:
    def call(at: int, query: str, error: str | None = None) -> Turn:
        start = START_NS + at * 1_000_000_000
        return Turn(
            "tool", "", "t", f"s{at}", 1, start, 500.0, tool="search", arguments={"query": query}, error=error
        )

    retries = [call(at, "risks", "Timeout") for at in range(4)] + [call(4, "risks"), call(5, "goals")]
    blocks = transcript_blocks([Turn("user", "?", "t", "s", 1), *retries], rows())
    assert [one for one in lines(blocks) if "search" in one] == [
        "▸ ■ search ×5  4.5s  ✗ 4 errors  query=risks",
        "▸ ■ search  500ms  query=goals",
    ]
    lid = next(block for block in blocks if "×5" in block.text)
    inside = blocks[blocks.index(lid) + 1 :][: lid.holds]
    assert sum(block.style == "error" and block.holds > 0 for block in inside) == 4


def test_many_calls_are_one_line_and_a_sub_agent_is_one() -> None:
    found = lines(transcript_blocks(turns_of("trace-000000", 1, START_NS), rows()))
    assert "▸ 5 tool calls · ✗ 1 error · 280ms" in found
    assert (
        "▸ ◆ risk-analyst  2.1s  1 retrieval  Find goals at risk → Two goals: **Newsletter** and Dealers."
        in found
    )
    assert not any("kb-1" in line or "Timeout" in line for line in found)


def test_no_base64_is_anywhere() -> None:
    assert PNG[:64] not in str(transcript_blocks(turns_of("trace-000000", 1, START_NS), rows()))


def test_a_long_answer_is_not_styled_and_that_is_said() -> None:
    text = "**a** " * (STYLE_LIMIT // 5)
    blocks = transcript_blocks([Turn("assistant", text, "t", "s", 1)], {})
    assert [block.text for block in blocks[2:]] == ["not styled: 240 KB", text]


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "目標" * 300_000,
        "👩‍👩‍👧" * 60_000,
        "\u202eabc\x00\x1b[2J" * 1_000,
        "**a** " * 30_000,
        "`" * 50_000,
    ],
    ids=["line", "wide", "joined", "control", "styled", "ticks"],
)
def test_any_answer_is_laid_out_within_the_width(text: str) -> None:
    from traceview.text.cells import width

    blocks = transcript_blocks([Turn("assistant", text, "t", "s", 1)], {})
    layout = Layout(blocks, 78)
    layout.advance(lines=200, seconds=5)
    for line in range(min(200, layout.lines)):
        place = layout.place(line)
        assert place is not None
        shown = layout.text(place)
        assert width(shown) <= 78 and not any(char in shown for char in "\x00\x1b\u202e")


async def test_the_next_error_opens_the_run_that_hides_it(app: Any, wait_for: Until) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot, wait_for)
        await pilot.press("e")
        await wait_for(pilot, lambda: "✗ error Timeout after 5 s" in drawn(screen))
        current = screen.text_pane().current
        assert current is not None and current.fold is not None and "search_goals" in current.fold
        await pilot.press("space")
        assert '"query": "risk 2"' in drawn(screen)
        await pilot.press("e")
        await pilot.pause()
        assert screen.query_one("#facts").plain.split("  ")[-1].strip().startswith("turn 2 of 3")  # type: ignore[attr-defined]


async def test_a_call_opens_at_its_span_and_t_comes_back_to_it(app: Any, wait_for: Until) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot, wait_for)
        await pilot.press("right_curly_bracket", "e")
        view = screen.text_pane()
        assert view.current is not None and isinstance(view.current.key, TurnKey)
        key, before = view.current.key, drawn(screen)
        await pilot.press("t")
        await wait_for(pilot, lambda: isinstance(app.screen, TraceScreen) and app.screen.query("#tree"))
        await wait_for(pilot, lambda: app.screen.tree_pane.row is not None)
        assert (app.screen.target.id, app.screen.tree_pane.row["span_id"]) == (key.trace_id, key.span_id)
        await pilot.press("t")
        await wait_for(pilot, lambda: app.screen is screen)
        await pilot.pause()
        assert drawn(screen) == before


async def test_a_click_opens_a_line_and_closes_it(app: Any, wait_for: Until) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot, wait_for)
        at = next(y for y, line in enumerate(drawn(screen).split("\n")) if "5 tool calls" in line)
        await pilot.click("#talk", offset=(10, at))
        assert "search_goals" in drawn(screen)
        # Elsewhere on the line: another click, not a double one.
        await pilot.click("#talk", offset=(20, at))
        await wait_for(pilot, lambda: "search_goals" not in drawn(screen))


async def test_the_place_in_a_conversation_is_remembered(app: Any, wait_for: Until) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot, wait_for)
        await pilot.press("right_curly_bracket")
        await pilot.press("escape")
        await wait_for(pilot, lambda: not isinstance(app.screen, TranscriptScreen))
        again = await opened(app, pilot, wait_for)
        assert again is not screen
        await wait_for(
            pilot, lambda: (block := again.text_pane().current) and block.text.startswith("turn 2")
        )


async def test_first_question_last_answer_and_as_written(app: Any, wait_for: Until) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot, wait_for)
        view = screen.text_pane()
        await pilot.press("right_parenthesis")
        await wait_for(pilot, lambda: "Two goals are at risk" in drawn(screen))
        assert 'the docs (https://docs.example.org/goals#risk "goals")' in drawn(screen)
        await pilot.press("M")
        await wait_for(pilot, lambda: "## Two goals are **at risk**" in drawn(screen))
        await pilot.press("left_parenthesis")
        await wait_for(pilot, lambda: view.current is not None and view.current.text == "user")
        await pilot.press("minus")
        await pilot.press("plus")
        await wait_for(pilot, lambda: "You help with goals." in drawn(screen) or "kb-1" in drawn(screen))


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("keys", ["folded", "open", "answer"])
def test_looks(snap_compare: Any, app: Any, wait_for: Until, size: tuple[int, int], keys: str) -> None:
    pressed = {
        "folded": (), "open": ("e", "space"), "answer": ("right_parenthesis",),
    }[keys]  # fmt: skip

    async def read(pilot: Pilot[None]) -> None:
        screen = await opened(app, pilot, wait_for)
        await pilot.press(*pressed)
        await wait_for(pilot, lambda: screen.text_pane().complete)
        await pilot.pause(0.1)

    assert snap_compare(app, terminal_size=size, run_before=read)
