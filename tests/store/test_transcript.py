"""The transcript: history that a call repeats is told once, and carries no figures."""

from __future__ import annotations

from typing import Any

from traceview.model.messages import Message, Part, SpanPayload
from traceview.store.transcript import transcript

FIGURES = {"duration_ms": 659.0, "input_tokens": 4500, "output_tokens": 16, "cost_usd": 0.01}


def said(*texts: str) -> tuple[Message, ...]:
    """Messages of `role: text`."""
    return tuple(
        Message(role, (Part("text", text),))  # type: ignore[arg-type]
        for role, text in (one.split(": ", 1) for one in texts)
    )


def call(span_id: str, given: tuple[Message, ...], answer: str, trace_id: str = "t") -> tuple[Any, Any]:
    span = {"trace_id": trace_id, "span_id": span_id, "parent_id": None, "kind": "llm", "name": "chat"}
    span |= FIGURES | {"start_ns": 7, "model": "claude", "prompt_version": "v3", "status": "ok"}
    answered = said(f"assistant: {answer}")
    return span, SpanPayload(
        trace_id, span_id, None, None, None, answer, given, answered, (), None, {}, (), {}, {}
    )


def turns_of(*calls: tuple[Any, Any]) -> list[Any]:
    return list(transcript([([span for span, _ in calls], [payload for _, payload in calls])]))


def test_history_has_no_figures_and_no_time() -> None:
    turns = turns_of(
        call("s", said("system: be kind", "user: one", "assistant: two", "user: three"), "four"),
    )
    told = [(turn.role, turn.text, turn.number, turn.earlier) for turn in turns]
    assert told == [
        ("user", "one", 1, True),
        ("assistant", "two", 1, True),
        ("system", "be kind", 2, False),
        ("user", "three", 2, False),
        ("assistant", "four", 2, False),
    ]
    for turn in turns[:2]:
        assert (turn.start_ns, turn.duration_ms, turn.input_tokens, turn.cost_usd) == (None,) * 4
        assert (turn.model, turn.prompt_version) == (None, None)
    assert turns[-1].duration_ms == 659.0 and turns[-1].cost_usd == 0.01 and turns[-1].start_ns == 7


def test_texts_before_the_first_answer_are_no_history() -> None:
    turns = turns_of(call("s", said("system: be kind", "user: context", "user: question"), "answer"))
    assert [turn.text for turn in turns] == ["be kind", "context", "question", "answer"]
    assert not any(turn.earlier for turn in turns)


def test_figures_stand_once_for_each_call() -> None:
    first = said("user: one")
    turns = turns_of(call("a", first, "two"), call("b", (*first, *said("assistant: two", "user: x")), "four"))
    assert [turn.duration_ms for turn in turns] == [None, 659.0, None, 659.0]
    assert not any(turn.earlier for turn in turns)


def span_of(span_id: str, parent: str | None, kind: str, said_text: str = "", **more: Any) -> tuple[Any, Any]:
    """A span with a payload: a call asks `q of ID`, an agent or a tool has `said_text` as its output."""
    span = {"trace_id": "t", "span_id": span_id, "parent_id": parent, "kind": kind, "name": span_id}
    span |= {"start_ns": 7, "status": "ok"} | more
    given = said(f"user: q of {span_id}") if kind == "llm" else ()
    answered = said(f"assistant: {said_text}") if kind == "llm" else ()
    return span, SpanPayload(
        "t", span_id, None, None, "in", said_text, given, answered, (), None, {}, (), {}, {}
    )


def outline(*pairs: tuple[Any, Any]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(turn.role, turn.text, turn.within) for turn in turns_of(*pairs)]


def test_a_sub_agent_is_a_conversation_of_its_own() -> None:
    assert outline(
        span_of("main", None, "agent", "done"),
        span_of("a", "main", "llm", "let me ask"),
        span_of("helper", "main", "agent", "found"),
        span_of("b", "helper", "llm", "found"),
        span_of("look", "helper", "tool", "raw"),
        span_of("c", "main", "llm", "done"),
    ) == [
        ("user", "q of a", ()),
        ("assistant", "let me ask", ()),
        ("agent", "helper", ()),
        ("user", "q of b", ("helper",)),
        ("assistant", "found", ("helper",)),
        ("tool", "look", ("helper",)),
        ("user", "q of c", ()),
        ("assistant", "done", ()),
    ]


def test_an_agent_below_an_agent_that_asks_no_model_is_the_conversation_itself() -> None:
    assert [within for *_, within in outline(
        span_of("run", None, "chain", "done"),
        span_of("check", "run", "llm", "fine"),
        span_of("outer", "run", "agent", "done"),
        span_of("main", "outer", "agent", "done"),
        span_of("c", "main", "llm", "done"),
    )] == [()] * 4  # fmt: skip


def test_a_tool_that_asks_a_model_holds_what_it_asked() -> None:
    found = outline(
        span_of("main", None, "agent", "done"),
        span_of("a", "main", "llm", "done"),
        span_of("sum up", "main", "tool", "short"),
        span_of("b", "sum up", "llm", "short"),
    )
    assert found[-3:] == [
        ("tool", "sum up", ()), ("user", "q of b", ("sum up",)), ("assistant", "short", ("sum up",))
    ]  # fmt: skip


def test_an_answer_that_a_sub_agent_gave_for_its_caller_is_told() -> None:
    found = outline(
        span_of("main", None, "agent", "from the helper"),
        span_of("a", "main", "llm", "I hand you over"),
        span_of("helper", "main", "agent", "from the helper"),
        span_of("b", "helper", "llm", "from the helper"),
    )
    assert found[-1] == ("assistant", "from the helper", ())


def test_sub_agents_nested_without_end_are_told() -> None:
    pairs = [span_of("a0", None, "agent")]
    for depth in range(1, 400):
        pairs += [
            span_of(f"c{depth}", f"a{depth - 1}", "llm", f"said {depth}"),
            span_of(f"a{depth}", f"a{depth - 1}", "agent"),
        ]
    found = outline(*pairs)
    assert max(len(within) for *_, within in found) == 20
    assert len([role for role, *_ in found if role == "assistant"]) == 399


def test_a_message_that_is_an_image_is_told_in_words() -> None:
    image = Part("blob", raw={"type": "blob", "mime_type": "image/png", "content": "AAECAw=="})
    span, payload = call("s", (Message("user", (image,)),), "a cat")
    turns = turns_of((span, payload))
    assert [(turn.role, turn.text, turn.attachments) for turn in turns] == [
        ("user", "", ("⟨image/png · 4 B · sha256 054edec1d021⟩",)),
        ("assistant", "a cat", ()),
    ]


def test_a_router_is_an_aside_and_history_that_a_later_call_knows_comes_first() -> None:
    route_span, route = call("route", said("system: classify", "user: and rights?"), '{"intent": "docs"}')
    main_span, main = call(
        "main",
        said("system: assist", "user: who?", "assistant: Oliver.", "user: and rights?"),
        "Admins edit.",
    )
    root = {"trace_id": "t", "span_id": "root", "parent_id": None, "kind": "agent", "name": "bot"}
    root |= FIGURES | {"start_ns": 5, "status": "ok"}
    whole = SpanPayload(
        "t", "root", None, None, "and rights?", "Admins edit.", (), (), (), None, {}, (), {}, {}
    )
    turns = turns_of(
        (root, whole),
        (route_span | {"parent_id": "root", "name": "route"}, route),
        (main_span | {"parent_id": "root"}, main),
    )
    assert [(turn.role, turn.text, turn.number, turn.earlier) for turn in turns] == [
        ("user", "who?", 1, True),
        ("assistant", "Oliver.", 1, True),
        ("system", "classify", 2, False),
        ("user", "and rights?", 2, False),
        ("aside", '{"intent": "docs"}', 2, False),
        ("system", "assist", 2, False),
        ("assistant", "Admins edit.", 2, False),
    ]
    assert turns[4].tool == "route"


def test_what_the_recorder_did_not_keep_is_said_once_beside_the_figures() -> None:
    span, payload = call("s", said("system: be kind", "user: a long"), "answer")
    turns = turns_of((span | {"payload_state": "input cut"}, payload))
    assert [turn.payload_state for turn in turns] == [None, None, "input cut"]
