"""The transcript: what a person reads first, what is folded, long threads, to a trace and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from benchmarks.clock import spent
from benchmarks.shapes import line_of_text
from textual.pilot import Pilot

from traceview.model.messages import Document
from traceview.store.interface import CancelToken
from traceview.store.open import open_engine
from traceview.store.turns import Turn
from traceview.tui.app import TraceviewApp
from traceview.tui.context import AppContext
from traceview.tui.conversation import SPANS_AT_ONCE, Conversation
from traceview.tui.screens.lists import ListScreen
from traceview.tui.screens.thread import TranscriptScreen
from traceview.tui.screens.trace import TraceScreen
from traceview.tui.trace_reading import SOURCE_LIMIT
from traceview.tui.turn_blocks import TurnKey, transcript_blocks
from traceview.tui.widgets.block_layout import Layout
from traceview.tui.widgets.blocks import Block
from tui.fake_engine import FakeEngine

TURNS = (
    Turn("system", "You are helpful.", "t1", "s1", 1),
    Turn("user", "How do I [/] move a goal?", "t1", "s1", 1),
    Turn("reasoning", "Let me think.", "t1", "s1", 1),
    Turn("tool", "search", "t1", "s2", 1, tool="search", arguments='{"query": "goal"}', result={"hits": 3}),
    Turn("retrieval", "goal", "t1", "s3", 1, documents=(Document("d1", "Text of it", 0.5),)),
    Turn("assistant", "Open it.", "t1", "s4", 1, duration_ms=900.0, model="claude"),
    Turn("user", "Thanks\x1b[2J", "t2", "s5", 2),
    Turn("tool", "save", "t2", "s6", 2, tool="save", error="Timeout"),
)
TRACES = {
    "t1": {"duration_ms": 2100.0, "input_tokens": 1200, "output_tokens": 40, "cost_usd": 0.02, "status": "ok",
           "prompt_versions": [{"name": "support", "version": "v3"}]},
    "t2": {"duration_ms": 100.0, "status": "error", "leaf_errors": 1},
}  # fmt: skip


def shown(blocks: Sequence[Block]) -> list[str]:
    """What is read before anything is opened."""
    layout = Layout(blocks, 200)
    while not layout.complete:
        layout.advance()
    places = (layout.place(line) for line in range(layout.lines))
    return [layout.text(place).strip() for place in places if place is not None and place.line >= 0]


def test_people_first_the_rest_on_one_line() -> None:
    blocks = transcript_blocks(TURNS, TRACES)
    assert shown(blocks)[1:] == [
        "▸ system prompt · 16 characters · You are helpful.",
        "user",
        "How do I [/] move a goal?",
        "▸ reasoning · 13 characters · Let me think.",
        "▸ ■ search  query=goal → hits=3",
        "▸ ▼ retrieval  goal → 1 document",
        "assistant",
        "Open it.",
        "turn 2",
        "user",
        "Thanks␛[2J",
        "▸ ■ save → ✗ error Timeout",
    ]
    tool = next(at for at, block in enumerate(blocks) if block.fold and "search" in block.fold)
    opened = "\n".join(block.text for block in blocks[tool + 1 : tool + 1 + blocks[tool].holds])
    assert opened.split("\n")[0] == "arguments"
    assert '"query": "goal"' in opened and '"hits": 3' in opened


def test_dividers_carry_the_figures_of_the_turn() -> None:
    dividers = [block for block in transcript_blocks(TURNS, TRACES) if block.style == "divider"]
    assert [block.text.split("  ")[0] for block in dividers] == ["turn 1", "turn 2"]
    assert dividers[0].right == "2.1s · 1.2k→40 · $0.02 · support@v3"
    assert dividers[1].right == "100ms · ✗ 1 error"


def test_blind_shows_neither_model_nor_version() -> None:
    shown = str(transcript_blocks(TURNS, TRACES, blind=True))
    assert "support@v3" not in shown and "claude" not in shown
    assert "support@v3" in str(transcript_blocks(TURNS, TRACES))


async def settled(pilot: Pilot[None], condition: Any, tries: int = 300) -> None:
    """Let the event loop run until a condition holds."""
    for _ in range(tries):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("it never came to be")


class OneTurnATrace:
    """A user text, a tool call and an answer for each trace."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self._number = 0

    def read(self, spans: Any, payloads: Any) -> None:
        number = self._number = self._number + 1
        trace_id = spans[0]["trace_id"]
        self.turns += [
            Turn("user", f"question {number}", trace_id, "span-0000", number),
            Turn("tool", "search", trace_id, "span-0003", number, tool="search", arguments={"n": number}),
            Turn("assistant", f"answer {number} " * 40, trace_id, "span-0004", number),
        ]


def app_with(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> TraceviewApp:
    monkeypatch.setattr("traceview.tui.conversation.Transcript", OneTurnATrace)
    return TraceviewApp(
        AppContext(
            engine=engine,
            annotator=None,
            definitions=(),
            annotator_name="me",
            source_title="week.parquet",
            initial_screen="threads",
        )
    )


async def open_thread(app: TraceviewApp, pilot: Pilot[None]) -> TranscriptScreen:
    await settled(pilot, lambda: app.screen.query_one("#rows").row is not None)  # type: ignore[attr-defined]
    await pilot.press("enter")
    await settled(pilot, lambda: isinstance(app.screen, TranscriptScreen) and app.screen.query("#talk"))
    screen = app.screen
    assert isinstance(screen, TranscriptScreen)
    await settled(pilot, lambda: screen.text_pane().line_count > 5)
    return screen


def drawn(screen: TranscriptScreen) -> str:
    view = screen.text_pane()
    return "\n".join(view.render_line(y).text.rstrip() for y in range(view.size.height))


async def test_enter_unfolds_and_goes_to_the_trace_and_back_to_the_same_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = app_with(FakeEngine(count=30), monkeypatch)
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await open_thread(app, pilot)
        view = screen.text_pane()
        assert "▸ ■ search" in drawn(screen)
        while view.current is None or view.current.fold is None:
            await pilot.press("j")
        await pilot.press("enter")
        assert "▾ ■ search" in drawn(screen)
        await pilot.press("right_curly_bracket")
        assert view.current is not None and view.current.text.startswith("turn 2")
        before = drawn(screen)
        await pilot.press("t")
        await settled(pilot, lambda: isinstance(app.screen, TraceScreen) and app.screen.query("#tree"))
        assert app.screen.target.id == view.current.key.trace_id  # type: ignore[attr-defined]
        await pilot.press("t")
        await settled(pilot, lambda: app.screen is screen)
        await pilot.pause()
        assert drawn(screen) == before
        await pilot.press("escape")
        await settled(pilot, lambda: isinstance(app.screen, ListScreen))


async def test_two_thousand_turns_come_in_parts_and_stay_smooth(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(count=2_000, spans_per_trace=1)
    from traceview.store.interface import ThreadDetail

    def long_thread(thread_id: str, token: Any = None) -> ThreadDetail:
        return ThreadDetail(engine.thread_row(0), tuple(engine.trace_row(number) for number in range(2_000)))

    monkeypatch.setattr(engine, "thread", long_thread)
    asked: list[int] = []
    several = engine.traces

    def counted(trace_ids: Sequence[str], token: Any = None) -> Any:
        asked.append(len(trace_ids))
        return several(trace_ids, token)

    monkeypatch.setattr(engine, "traces", counted)
    app = app_with(engine, monkeypatch)
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await open_thread(app, pilot)
        view = screen.text_pane()
        await settled(pilot, lambda: "2,000 turns" in screen.query_one("#facts").plain, 2_000)  # type: ignore[attr-defined]
        await settled(pilot, lambda: view.complete, 2_000)
        worst = 0.0
        for step in (view.move_to_end, view.move_to_start, lambda: view.move_page(1), lambda: view.move(1)):
            with spent() as key:
                step()
                drawn(screen)
            worst = max(worst, key.seconds)
        assert worst < 0.15, f"{worst:.3f} s for a key"
        # Many traces with one question, and not all of them at once: their texts are in memory together.
        assert 2_000 <= sum(asked) <= 2_020 and len(asked) < 20 and max(asked) <= SPANS_AT_ONCE
        view.move_to_end()
        assert "answer 2000" in drawn(screen)


@pytest.mark.parametrize("tools", [2, 60])
async def test_a_trace_opens_at_its_own_turn_with_the_answer_on_screen(
    monkeypatch: pytest.MonkeyPatch, tools: int
) -> None:
    class LongHistory:
        def __init__(self) -> None:
            self.turns: list[Turn] = []

        def read(self, spans: Any, payloads: Any) -> None:
            trace_id = spans[0]["trace_id"]
            self.turns = []
            for number in range(1, 40):
                self.turns += [
                    Turn("user", f"question {number}", trace_id, "span-0000", number),
                    Turn("assistant", f"answer {number} ", trace_id, "span-0004", number),
                ]
            self.turns.append(Turn("user", "what now?", trace_id, "span-0000", 40))
            self.turns += [
                Turn("tool", "", trace_id, "span-0003", 40, tool="search", arguments={"page": page})
                for page in range(tools)
            ]
            self.turns.append(Turn("assistant", "the answer under judgement", trace_id, "span-0004", 40))

    app = app_with(FakeEngine(count=30), monkeypatch)
    monkeypatch.setattr("traceview.tui.conversation.Transcript", LongHistory)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot, lambda: app.screen.query_one("#rows").row is not None)  # type: ignore[attr-defined]
        await pilot.press("f2")
        await settled(pilot, lambda: app.screen is app.lists["traces"] and app.screen.query("#rows"))
        await settled(pilot, lambda: app.screen.query_one("#rows").row is not None)  # type: ignore[attr-defined]
        await pilot.press("t")
        await settled(pilot, lambda: isinstance(app.screen, TranscriptScreen) and app.screen.query("#talk"))
        screen = app.screen
        assert isinstance(screen, TranscriptScreen)
        await settled(pilot, lambda: "the answer under judgement" in drawn(screen))
        assert "what now?" in drawn(screen)
        assert ("▸ 60 tool calls" in drawn(screen)) == (tools == 60)
        current = screen.text_pane().current
        assert current is not None and current.text.startswith("turn 40")
        await pilot.press("g")
        assert "question 1" in drawn(screen)


def test_of_a_huge_text_the_transcript_reads_the_beginning_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "huge.parquet"
    line_of_text(path, 1.3 * SOURCE_LIMIT / 1e6)
    engine = open_engine((str(path),))
    try:
        engine.wait_ready()
        detail = engine.thread("thread-0")
        talk = Conversation(detail.thread, detail.traces)
        talk.read_more(engine, 10, CancelToken())
        answers = [turn for turn in talk.said if turn.role == "assistant"]
        assert [len(turn.text) > 1_000 for turn in answers] == [False, True, False]
        assert len(answers[1].text) == SOURCE_LIMIT
        assert [len(turn.attachments) for turn in answers] == [0, 1, 0]
        assert answers[1].attachments[0].startswith("only the first 8.0 MB of 10 MB")
        assert any(block.text == answers[1].attachments[0] for block in talk.blocks)
    finally:
        engine.close()


def test_where_things_are_in_a_conversation() -> None:
    talk = Conversation({}, [{"trace_id": "t1"}, {"trace_id": "t2"}])
    talk.said = TURNS
    talk.lay_out(blind=False)
    keys = [block.key for block in talk.blocks]
    assert all(isinstance(key, TurnKey) for key in keys)
    for key in set(keys):
        assert isinstance(key, TurnKey)
        assert talk.block_of("key", key) == keys.index(key)
        assert talk.block_of("trace", key.trace_id) == next(
            at for at, one in enumerate(keys) if isinstance(one, TurnKey) and one.trace_id == key.trace_id
        )
    places = [
        (at, one)
        for at, one in enumerate(keys)
        if isinstance(one, TurnKey) and talk.blocks[at].style != "divider"
    ]
    for number, turn in enumerate(TURNS):
        assert talk.block_of("place", number) == next(at for at, one in places if one.at == number)
        assert talk.block_of("span", turn.span_id) == next(
            at for at, one in places if one.span_id == turn.span_id and not one.inner
        )
    assert talk.block_of("span", "nope") is None
