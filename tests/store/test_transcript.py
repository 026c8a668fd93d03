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
