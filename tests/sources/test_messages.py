"""Messages of every writer become canonical ones, survive a round trip, and garbage never raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.model.messages import Message, Part
from traceview.sources.messages import canonical, json_of, messages_of
from traceview.sources.payload import payload_of

CALL = Part("tool_call", call_id="c1", name="search", arguments={"q": "x"})


def text(role: Any, content: str) -> Message:
    return Message(role, (Part("text", content=content),))


def answer(response: Any) -> Message:
    return Message("tool", (Part("tool_call_response", call_id="c1", response=response),))


CASES: dict[str, tuple[Any, tuple[Message, ...]]] = {
    "plain text": ("hello", (text("user", "hello"),)),
    "openai chat": (
        [
            {"role": "developer", "content": "be kind"},
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "search", "arguments": '{"q":"x"}'}}
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "found"},
        ],
        (text("system", "be kind"), text("user", "hi"), Message("assistant", (CALL,)), answer("found")),
    ),
    "openai response with choices": (
        {
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
            ]
        },
        (Message("assistant", (Part("text", content="yes"),), finish_reason="stop"),),
    ),
    "openai responses items": (
        [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "function_call", "call_id": "c1", "name": "search", "arguments": '{"q":"x"}'},
            {"type": "function_call_output", "call_id": "c1", "output": "found"},
        ],
        (
            text("user", "hi"),
            Message("assistant", (Part("reasoning", content="hm"),)),
            Message("assistant", (CALL,)),
            answer("found"),
        ),
    ),
    "anthropic blocks": (
        {
            "system": [{"type": "text", "text": "be kind"}],
            "messages": [
                {"role": "user", "content": "hi"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm", "signature": "s"},
                        {"type": "text", "text": "wait"},
                        {"type": "tool_use", "id": "c1", "name": "search", "input": {"q": "x"}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "c1",
                            "content": [{"type": "text", "text": "found"}],
                        }
                    ],
                },
            ],
        },
        (
            text("system", "be kind"),
            text("user", "hi"),
            Message("assistant", (Part("reasoning", content="hm"), Part("text", content="wait"), CALL)),
            answer("found"),
        ),
    ),
    "anthropic response": (
        {
            "id": "msg_1",
            "role": "assistant",
            "content": [{"type": "text", "text": "yes"}],
            "stop_reason": "end_turn",
        },
        (Message("assistant", (Part("text", content="yes"),), finish_reason="end_turn"),),
    ),
    "genai parts": (
        [
            {"role": "user", "parts": [{"type": "text", "content": "hi"}]},
            {
                "role": "assistant",
                "parts": [{"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": "x"}}],
            },
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "result": "found"}]},
        ],
        (text("user", "hi"), Message("assistant", (CALL,)), answer("found")),
    ),
    "langchain serialised": (
        {
            "messages": [
                [
                    {
                        "lc": 1,
                        "type": "constructor",
                        "id": ["langchain", "HumanMessage"],
                        "kwargs": {"content": "hi"},
                    },
                    {
                        "lc": 1,
                        "type": "constructor",
                        "id": ["langchain", "AIMessage"],
                        "kwargs": {
                            "content": "",
                            "tool_calls": [
                                {"id": "c1", "name": "search", "args": {"q": "x"}, "type": "tool_call"}
                            ],
                        },
                    },
                    {
                        "lc": 1,
                        "type": "constructor",
                        "id": ["langchain", "ToolMessage"],
                        "kwargs": {"content": "found", "tool_call_id": "c1"},
                    },
                ]
            ]
        },
        (text("user", "hi"), Message("assistant", (CALL,)), answer("found")),
    ),
    "langchain generations": (
        {
            "generations": [
                [
                    {
                        "text": "yes",
                        "message": {"lc": 1, "id": ["x", "AIMessageChunk"], "kwargs": {"content": "yes"}},
                    }
                ]
            ]
        },
        (text("assistant", "yes"),),
    ),
    "gemini contents": (
        {
            "contents": [
                {"role": "user", "parts": [{"text": "hi"}]},
                {"role": "model", "parts": [{"text": "yes"}]},
            ]
        },
        (text("user", "hi"), text("assistant", "yes")),
    ),
    "json in a string in a string": (
        json.dumps(json.dumps([{"role": "user", "content": "hi"}])),
        (text("user", "hi"),),
    ),
    "unknown part": (
        [{"role": "user", "content": [{"type": "hologram", "data": 1}]}],
        (Message("user", (Part("unknown", raw={"type": "hologram", "data": 1}),)),),
    ),
    "broken json stays text": ('{"role": "user"', (text("user", '{"role": "user"'),)),
    "nothing": (None, ()),
}


@pytest.mark.parametrize("name", CASES)
def test_shapes(name: str) -> None:
    value, expected = CASES[name]
    assert messages_of(value) == expected
    assert messages_of(json.dumps(value) if value is not None else "") == expected


@pytest.mark.parametrize("name", CASES)
def test_canonical_json_reads_back_the_same(name: str) -> None:
    messages = messages_of(CASES[name][0])
    assert messages_of(json_of(messages)) == messages


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["role", "content", "parts", "type", "text", "tool_calls", "function", "id", "kwargs", "messages",
             "message", "lc", "choices", "generations", "system", "arguments", "output", "summary",
             "response", "raw", "name"]
        ),
        inner | st.sampled_from(["user", "tool", "assistant", "tool_use", "tool_result", "unknown", "reasoning", "text",
                                 "function_call", "function_call_output", "message", "constructor"]),
        max_size=6,
    ),
    max_leaves=25,
)  # fmt: skip


@given(anything)
def test_garbage_never_raises_and_stays_canonical(value: Any) -> None:
    found = canonical(value)
    for message in found:
        assert message["role"] in ("system", "user", "assistant", "tool")
        assert all(isinstance(part["type"], str) for part in message["parts"])
    messages = messages_of(value)
    assert len(messages) == len(found)
    assert len(messages_of(json_of(messages))) == len(messages)


@given(st.dictionaries(st.sampled_from(["input_messages", "documents", "events", "metadata", "tool_args", "input",
                                        "attributes", "kind"]), st.text() | anything.map(json.dumps)))  # fmt: skip
def test_payload_of_any_row(row: dict[str, Any]) -> None:
    payload = payload_of({**row, "trace_id": "t", "span_id": "s"})
    assert payload.trace_id == "t"
    assert payload.raw is not None


def test_payload_of_a_whole_row() -> None:
    payload = payload_of(
        {
            "trace_id": "t",
            "span_id": "s",
            "kind": "tool",
            "tool_name": "search",
            "tool_args": '{"q": "x"}',
            "tool_result": "found",
            "documents": '[{"id": "d1", "score": 0.5, "text": "body", "metadata": {"title": "T"}}]',
            "events": '[{"time_ns": 5, "name": "exception", "attributes": {"a": 1}}]',
            "metadata": '{"tier": "gold"}',
        }
    )
    assert (
        payload.tool is not None and payload.tool.arguments == {"q": "x"} and payload.tool.result == "found"
    )
    assert payload.documents[0].score == 0.5 and payload.documents[0].metadata == {"title": "T"}
    assert payload.events[0].time_ns == 5
    assert payload.metadata == {"tier": "gold"}
