"""What a span's detail tells: sources of facts, cited documents, other calls, histories, differences, kept lines."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from traceview.model.labels import LabelRow, Target
from traceview.model.messages import Document, Message, Part, SpanPayload, ToolUse
from traceview.sources.payload import payload_of
from traceview.store.interface import CancelToken, Row
from traceview.store.open import open_engine
from traceview.text.mentions import Haystack
from traceview.tui.app import TraceviewApp
from traceview.tui.context import AppContext
from traceview.tui.document_blocks import documents_blocks
from traceview.tui.message_diff import message_diff_blocks
from traceview.tui.score_blocks import label_blocks
from traceview.tui.screens.thread import TranscriptScreen
from traceview.tui.screens.trace import TraceScreen
from traceview.tui.span_blocks import GoTo
from traceview.tui.span_reading import read_sections
from traceview.tui.span_sections import Sections
from traceview.tui.trace_reading import TraceReading, cited_by
from tui.fake_engine import FakeEngine

Until = Callable[[Pilot[None], Callable[[], object]], Awaitable[None]]
PHOENIX = Path(__file__).parents[1] / "fixtures" / "phoenix"
PHOENIX_TRACE = "9bd3a3f06990b0ca528366b490d5b666"
ANSWER = "It costs 4,217 euros, see https://docs.example/prices and https://nowhere.example/made-up."
DOCUMENTS = (
    Document("prices", "The plan costs 4,217 euros a year.", 0.91, {"title": "Price list", "url": "https://docs.example/prices"}),
    Document("refunds", "Refunds take 14 days.", 0.4, {"title": "Refunds"}),
)  # fmt: skip


def text_of(*texts: str, role: Any = "user") -> Message:
    return Message(role, tuple(Part("text", text) for text in texts))


class Talking(FakeEngine):
    """The answer has a number and an address from a tool's result, and an address from nowhere."""

    def payloads(
        self, spans: Sequence[Row], token: CancelToken | None = None, *, raw: bool = True
    ) -> tuple[SpanPayload, ...]:
        return tuple(map(self._made, super().payloads(spans, token), spans))

    def _made(self, payload: SpanPayload, row: Row) -> SpanPayload:
        if row["kind"] == "tool":
            said = "The plan costs 4,217 euros, says https://docs.example/prices"
            tool = ToolUse("search_docs", "call_1", {"query": "price"}, {"text": said})
            return replace(
                payload,
                tool=tool,
                documents=DOCUMENTS,
                input="",
                input_text=None,
                output=said,
                output_text=said,
                raw={"output_text": said},
            )
        asked = [text_of("What does it cost?")]
        said = ANSWER if row["name"] == "llm 6" or row["kind"] == "agent" else "still looking"
        history = [text_of(f"step {row['span_id']}", role="assistant")]
        return replace(
            payload,
            input="What does it cost?",
            input_text="What does it cost?",
            output=said,
            output_text=said,
            input_messages=(*asked, *history) if row["kind"] == "llm" else (),
            output_messages=(text_of(said, role="assistant"),) if row["kind"] == "llm" else (),
            attributes={"zeta": 1, "alpha": '{"team": "red"}', "flag": True},
            raw={"input_text": "What does it cost?", "output_text": said},
        )


def plain(app: TraceviewApp, selector: str) -> str:
    return str(getattr(app.screen.query_one(selector), "plain", ""))


def detail(screen: Any) -> str:
    view = screen.text_pane()
    return "\n".join(view.render_line(y).text for y in range(view.size.height))


async def open_trace(app: TraceviewApp, pilot: Pilot[None], wait_for: Until) -> TraceScreen:
    await wait_for(pilot, lambda: app.screen.query_one("#rows").row is not None)  # type: ignore[attr-defined]
    await pilot.press("enter")
    await wait_for(pilot, lambda: isinstance(app.screen, TraceScreen) and app.screen.query("#tree"))
    screen = app.screen
    assert isinstance(screen, TraceScreen)
    await wait_for(pilot, lambda: screen.tree_pane.row is not None and screen.span_detail.section)
    return screen


async def go_to_last(screen: TraceScreen, kind: str, pilot: Pilot[None], wait_for: Until) -> str:
    facts = screen._item_facts
    rows = [facts.row(at) for at in range(len(facts))]
    span_id = str(
        max((row for row in rows if row["kind"] == kind), key=lambda row: row["start_ns"])["span_id"]
    )
    screen.tree_pane.go_to_span(span_id)
    await wait_for(pilot, lambda: (screen.span_detail.span or {}).get("span_id") == span_id)
    await wait_for(pilot, lambda: f"span         {span_id}" in detail(screen))
    await wait_for(pilot, lambda: screen.span_detail.section is not None)
    return span_id


async def test_i_walks_the_facts_enter_goes_to_the_source_and_escape_comes_back(
    make_app: Any, wait_for: Until
) -> None:
    app = make_app(Talking(count=4))
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await open_trace(app, pilot, wait_for)
        call = await go_to_last(screen, "llm", pilot, wait_for)
        await wait_for(pilot, lambda: "4,217" in detail(screen))
        seen = []
        for _ in range(8):
            await pilot.press("i")
            await wait_for(pilot, lambda: "looking" not in plain(app, "#fact-bar"))
            spot = screen.text_pane().fact
            assert spot is not None
            seen.append((spot.fact.text, plain(app, "#fact-bar")))
        told = dict(seen)
        number = next(told[name] for name in told if name.startswith("4,217"))
        assert "tool" in number and "4,217" in number.split("\n")[1]
        assert "nowhere before this" in told["https://nowhere.example/made-up"]
        assert "?" in "".join(line[1:2] for line in detail(screen).split("\n"))
        while not (screen.text_pane().fact or (seen and None)).fact.text.startswith("4,217"):  # type: ignore[union-attr]
            await pilot.press("i")
        await wait_for(pilot, lambda: "looking" not in plain(app, "#fact-bar"))
        await pilot.press("enter")
        await wait_for(pilot, lambda: (screen.tree_pane.row or {}).get("kind") == "tool")
        await wait_for(pilot, lambda: screen.text_pane()._spot is not None)
        spot_at = screen.text_pane()._spot
        assert spot_at is not None
        block = screen.text_pane().block(spot_at[0])
        assert block.text[spot_at[1] : spot_at[2]].startswith("4,217")
        await pilot.press("escape")
        await wait_for(pilot, lambda: (screen.span_detail.span or {}).get("span_id") == call)
        assert screen.in_detail


async def test_the_head_counts_what_comes_from_nowhere(make_app: Any, wait_for: Until) -> None:
    app = make_app(Talking(count=4))
    async with app.run_test(size=(140, 40)) as pilot:
        await open_trace(app, pilot, wait_for)
        await wait_for(pilot, lambda: "unsourced 1" in plain(app, "#facts"))


async def test_the_transcript_tells_sources_too(make_app: Any, wait_for: Until) -> None:
    app = make_app(Talking(count=4))
    async with app.run_test(size=(140, 40)) as pilot:
        await open_trace(app, pilot, wait_for)
        await pilot.press("t")
        await wait_for(pilot, lambda: isinstance(app.screen, TranscriptScreen) and app.screen.query("#talk"))
        screen = app.screen
        assert isinstance(screen, TranscriptScreen)
        await wait_for(pilot, lambda: "4,217" in detail(screen))
        await wait_for(pilot, lambda: not screen.is_asking("more") and screen.text_pane().complete)
        await pilot.press("i")
        await wait_for(pilot, lambda: screen.text_pane().fact is not None)
        await wait_for(pilot, lambda: "looking" not in plain(app, "#fact-bar"))
        await pilot.press("escape")
        assert app.screen is screen and screen.text_pane().fact is None


async def test_only_lines_with_a_text_are_kept(make_app: Any, wait_for: Until) -> None:
    app = make_app(Talking(count=4))
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await open_trace(app, pilot, wait_for)
        await go_to_last(screen, "llm", pilot, wait_for)
        screen.span_detail._choose("Attributes")
        await wait_for(pilot, lambda: "zeta" in detail(screen))
        lines = [line.strip() for line in detail(screen).split("\n")]
        names = [
            line.split('"')[1]
            for line in lines
            if line.startswith('"') and line.endswith(("number", "boolean"))
        ]
        assert names == ["flag", "zeta"] and "text with JSON" in detail(screen)
        await pilot.press("ampersand", *"TEAM", "enter")
        await wait_for(pilot, lambda: "zeta" not in detail(screen) and '"team"' in detail(screen))
        assert screen.in_detail and "have 'TEAM'" in detail(screen)
        await pilot.press("escape")
        await wait_for(pilot, lambda: "zeta" in detail(screen))


async def test_the_difference_to_the_call_before_comes_and_goes(make_app: Any, wait_for: Until) -> None:
    app = make_app(Talking(count=4))
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await open_trace(app, pilot, wait_for)
        await go_to_last(screen, "llm", pilot, wait_for)
        await pilot.press("~")
        await wait_for(pilot, lambda: "Compared with" in detail(screen) and "± changed" in detail(screen))
        await pilot.press("~")
        await wait_for(pilot, lambda: "Compared with" not in detail(screen))


async def test_other_calls_of_a_tool_are_listed_and_open(make_app: Any, wait_for: Until) -> None:
    engine = Talking(count=4)
    real = engine.trace
    engine.trace = lambda *args: replace(  # type: ignore[method-assign]
        found := real(*args),
        spans=tuple(
            {**span, "tool_name": "search_docs"} if span["kind"] == "tool" else span for span in found.spans
        ),
    )
    app = make_app(engine)
    async with app.run_test(size=(140, 60)) as pilot:
        screen = await open_trace(app, pilot, wait_for)
        span_id = await go_to_last(screen, "tool", pilot, wait_for)
        await wait_for(pilot, lambda: "calls of it in this trace" in detail(screen))
        view = screen.text_pane()
        view.focus()
        index = next(at for at in range(view.block_count) if view.block(at).key is not None)
        view.go_to_block(index)
        await pilot.press("enter")
        await wait_for(pilot, lambda: (screen.span_detail.span or {}).get("span_id") not in (None, span_id))
        assert screen.span_detail.section == "Tool"


@pytest.mark.parametrize(
    ("document", "answer", "how"),
    [
        (DOCUMENTS[0], "See https://docs.example/prices.", "address"),
        (DOCUMENTS[0], "See the price list.", "title"),
        (Document("KB-1042", "x"), "as KB-1042 says", "id"),
        (Document("KB-1042", "x"), "as KB-10423 says", None),
        (DOCUMENTS[1], "We love to refund.", None),
        (Document(None, "x", None, {"title": "Plan"}), "The Plan is", None),
        (Document("https://a.example/x", "x"), "[1](https://a.example/x)", "address"),
        (Document("a", None, None, "no object"), "a b", None),
    ],
    ids=["address", "title", "id", "longer id", "not at all", "short title", "id is address", "odd metadata"],
)
def test_cited_means_by_address_id_or_title(document: Document, answer: str, how: str | None) -> None:
    assert cited_by(document, Haystack(answer)) == how


def test_documents_say_rank_score_and_how_they_are_cited() -> None:
    blocks = documents_blocks(DOCUMENTS, ANSWER)
    heads = [(block.text, block.right) for block in blocks if block.holds and block.text[:1].isdigit()]
    assert heads == [
        ("1  Price list", "score 0.91  ✓ cited by address"),
        ("2  Refunds", "score 0.4  – not cited"),
    ]
    assert blocks[0].text == "2 documents, 1 cited"


def label(number: int, value: Any, **more: Any) -> LabelRow:
    fields = {"source": "human", "annotator": "ann", "definition_hash": "h1", **more}
    return LabelRow(
        str(number),
        Target("span", "s", "t"),
        "grounded",
        value,
        created_at=f"2026-11-01T10:00:0{number}+00:00",
        **fields,
    )


def test_scores_tell_their_history() -> None:
    rows = [
        label(1, True, definition_hash="h0"),
        label(2, False),
        label(3, True),
        label(4, None, op="undo", ref="3"),
        label(5, True, source="judge", annotator="j1", reason="because"),
    ]
    lines = [block.text for block in label_blocks(rows, {"grounded": "h1"})]
    assert lines[0] == "fail" and "pass" in lines
    states = ["taken back", "undone", "holds", "superseded · its definition was changed since"]
    assert [state in line for state, line in zip(states, lines[1:5], strict=True)] == [True] * 4
    assert "because" in lines


def test_scores_of_the_source_are_a_section_of_their_spans() -> None:
    with closing(open_engine([str(PHOENIX)])) as engine:
        engine.wait_ready()
        context = AppContext(engine, None, (), "ann", "phoenix")
        spans = [row for row in engine.trace(PHOENIX_TRACE).spans if row["scores"]]
        read = read_sections(context, spans, CancelToken())
    shown: dict[str, list[str]] = {}
    for name, sections in read.items():
        assert sections.counts["Scores"] == len(sections.labels)
        blocks = sections.blocks("Scores", None, CancelToken())
        shown[name] = [" ".join((block.label, block.text, block.right)).strip() for block in blocks]
    assert shown["ba33d04b0403ac5d"][0] == "brevity ok import code"
    values = [line for line in shown["bde717627d14f709"] if " import " in line]
    assert values == [
        "correctness correct import human:reviewer-1",
        "correctness correct import human:reviewer-2",
        "hallucination factual import llm",
    ]
    assert "judge: grounded in the retrieved text" in shown["bde717627d14f709"]


def test_scores_in_the_file_are_shown_until_rows_tell_them() -> None:
    scores = [{"name": "tone", "label": "warm", "target": kind} for kind in ("span", "thread")]
    payload = payload_of({"span_id": "s", "trace_id": "t", "scores": json.dumps(scores)})
    row = {"span_id": "s", "trace_id": "t", "kind": "llm"}
    brought = LabelRow(
        "", Target("span", "s", "t"), "tone", "warm", source="import", annotator="llm", created_at=""
    )

    def told(labels: Sequence[LabelRow]) -> str:
        blocks = Sections(row, payload, labels=labels).blocks("Scores", None, CancelToken())
        return "\n".join(block.text for block in blocks)

    assert told([]).count('"tone"') == 2
    assert told([brought]).count('"tone"') == 1 and '"thread"' in told([brought])


def test_a_difference_says_what_is_new_changed_and_gone() -> None:
    before = [text_of("be kind", role="system"), text_of("It is 12 euros"), text_of("bye", role="assistant")]
    after = [text_of("be kind", role="system"), text_of("It is 15 euros"), text_of("more"), text_of("again")]
    blocks = message_diff_blocks(before, after, "the call")
    assert blocks[0].text.startswith("Compared with the call: ")
    marks = [block.text[start:end] for block in blocks for start, end, _ in block.marks]
    assert marks[:2] == ["12", "15"]
    assert any(block.folded and "as before" in (block.fold or "") for block in blocks)


def test_a_correction_is_shown_as_what_it_changes() -> None:
    row = LabelRow(
        "1", Target("span", "s", "t"), "correction", "It is 15 euros.", source="human", annotator="ann",
        created_at="2026-11-01T10:00:00+00:00",
    )  # fmt: skip
    blocks = label_blocks([row], {}, output="It is 12 euros.")
    marks = [(block.text[start:end], part) for block in blocks for start, end, part in block.marks]
    assert marks == [("12", "removed"), ("15", "added")]
    assert not any(block.marks for block in label_blocks([row], {}))


def test_offered_tools_say_whether_they_were_called() -> None:
    offered = [{"type": "function", "function": {"name": name}} for name in ("search", "book", "cancel")]
    part = {"type": "tool_call", "id": "1", "name": "book", "arguments": {}}
    calls = [{"role": "assistant", "parts": [part]}]
    attributes = json.dumps({"gen_ai.tool.definitions": offered})
    payload = payload_of({"kind": "llm", "output_messages": json.dumps(calls), "attributes": attributes})
    spans = [{"span_id": "a", "tool_name": "search"}, {"span_id": "b", "tool_name": "search"}]
    reading: Any = TraceReading(cast(Any, None), spans)
    found = Sections({"span_id": "c", "kind": "llm"}, payload).blocks("Tool", reading, CancelToken())
    assert [(block.text, block.right) for block in found] == [
        ("offered tools", "3"),
        ("search", "called elsewhere ×2"),
        ("book", "called"),
        ("cancel", "not called"),
    ]


def test_links_lead_to_spans_of_this_trace_and_of_others() -> None:
    links = [
        {"trace_id": "t", "span_id": "a", "attributes": {"reference": "FOLLOWS_FROM"}},
        {"trace_id": "other", "span_id": "z", "attributes": {"why": "retry\x1b[31m"}},
        {"trace_id": None, "span_id": None},
        "none",
    ]
    payload = payload_of({"kind": "llm", "links": json.dumps(links)})
    reading: Any = TraceReading(cast(Any, None), [{"span_id": "a", "name": "plan"}])
    sections = Sections({"span_id": "c", "trace_id": "t", "kind": "llm"}, payload)
    assert sections.counts["Links"] == 2
    found = sections.blocks("Links", reading, CancelToken())
    assert [block.text for block in found[:2]] == ["→ follows from  plan", "→ link  another trace"]
    assert [block.key for block in found[:2]] == [GoTo("a"), GoTo("z", None, "other")]
    assert "why  retry" in found[2].text and "\x1b" not in found[2].text
