"""Canonical messages as chat messages: tool calls paired, shapes of writers undone, and what cannot be held refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from traceview.exports.training.chat import Unwritable, chat_messages, offered_tools
from traceview.exports.training.conversation import answering_call, conversation_of
from traceview.model.messages import Message, Part, SpanPayload


def text(role: Any, content: str) -> Message:
    return Message(role, (Part("text", content),))


def calling(name: str, call_id: str | None = None, arguments: Any = None) -> Message:
    return Message("assistant", (Part("tool_call", call_id=call_id, name=name, arguments=arguments),))


def result(response: Any, call_id: str | None = None) -> Message:
    return Message("tool", (Part("tool_call_response", call_id=call_id, response=response),))


def shapes(messages: list[Message]) -> list[tuple[Any, ...]]:
    return [
        (
            one["role"],
            one["content"],
            *[(call["id"], *call["function"].values()) for call in one.get("tool_calls", ())],
            *([one["tool_call_id"]] if "tool_call_id" in one else []),
        )
        for one in chat_messages(messages)
    ]  # fmt: skip


CASES: dict[str, tuple[list[Message], list[tuple[Any, ...]]]] = {
    "texts": (
        [text("system", "s"), text("user", "q"), text("assistant", "a")],
        [("system", "s"), ("user", "q"), ("assistant", "a")],
    ),
    "a call without an id gets one": (
        [text("user", "q"), calling("f", None, {"a": "\u00e9"}), result("r"), calling("g"), result({"x": 1})],
        [
            ("user", "q"),
            ("assistant", None, ("call_1", "f", '{"a": "\u00e9"}')),
            ("tool", "r", "call_1"),
            ("assistant", None, ("call_2", "g", "{}")),
            ("tool", '{"x": 1}', "call_2"),
        ],
    ),
    "two calls in messages of their own are one message": (
        [text("assistant", "Let me look."), calling("f", "1"), calling("g", "2"), result("b", "2"), result("a", "1")],
        [
            ("assistant", "Let me look.", ("1", "f", "{}"), ("2", "g", "{}")),
            ("tool", "b", "2"),
            ("tool", "a", "1"),
        ],
    ),
    "results in a message of the user": (
        [
            calling("f", "1"),
            Message("user", (Part("tool_call_response", call_id="1", response="r"), Part("text", "and now?"))),
        ],
        [("assistant", None, ("1", "f", "{}")), ("tool", "r", "1"), ("user", "and now?")],
    ),
    "a result that is only a text": (
        [calling("f", "1"), text("tool", "r")],
        [("assistant", None, ("1", "f", "{}")), ("tool", "r", "1")],
    ),
    "reasoning is left out, and what is empty": (
        [Message("assistant", (Part("reasoning", "hm"),)), text("user", ""), text("user", "q")],
        [("user", "q")],
    ),
    "texts of the assistant stay apart": (
        [text("assistant", "a"), text("assistant", "b")],
        [("assistant", "a"), ("assistant", "b")],
    ),
    "an image": (
        [Message("user", (Part("text", "see"), Part("uri", raw={"type": "uri", "modality": "image", "uri": "https://h/i"})))],
        [("user", [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "https://h/i"}}])],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_messages(case: str) -> None:
    messages, expected = CASES[case]
    assert shapes(messages) == expected


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        ([calling("f", "1"), text("user", "q")], "a call of a tool has no result"),
        ([result("r", "1")], "a result of a tool has no call"),
        ([calling("f", "1"), result("r", "2")], "a result of a tool has no call"),
        ([calling("my tool")], "a name that the format does not take"),
        ([Message("user", (Part("file", raw={"type": "file"}),))], "something is attached"),
        (
            [Message("assistant", (Part("uri", raw={"modality": "image", "uri": "x"}),))],
            "something is attached",
        ),
    ],
)
def test_what_the_format_cannot_hold(messages: list[Message], says: str) -> None:
    with pytest.raises(Unwritable, match=says):
        chat_messages(messages)


FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object"}}
AS_OPENAI = [{"type": "function", "function": FUNCTION}]


@pytest.mark.parametrize(
    "attributes",
    [
        {"tools": AS_OPENAI},
        {"gen_ai.tool.definitions": [{"type": "function", **FUNCTION}]},
        {"gen_ai.request.tools": '[{"name":"f","description":"d","input_schema":{"type":"object"}}]'},
        {"llm.tools": [{"tool.json_schema": json.dumps(AS_OPENAI[0])}]},
        {"tools": [{"toolSpec": {"name": "f", "description": "d", "inputSchema": {"json": {"type": "object"}}}}]},
        {"llm.tools.0.tool.json_schema": json.dumps(FUNCTION), "llm.tools.0.tool.name": "f", "llm.tools": None},
        {
            "llm.request.functions.0.name": "f",
            "llm.request.functions.0.description": "d",
            "llm.request.functions.0.parameters": '{"type": "object"}',
        },
        {"tools": [FUNCTION, "no schema", {"name": "bad name"}, {}]},
    ],
)  # fmt: skip
def test_tools_of_every_writer(attributes: dict[str, Any]) -> None:
    assert offered_tools(attributes) == AS_OPENAI


def test_numbered_tools_keep_their_order() -> None:
    keys = {f"llm.request.functions.{number}.name": f"f{number}" for number in (10, 2, 0)}
    assert [tool["function"]["name"] for tool in offered_tools(keys)] == ["f0", "f2", "f10"]


def payload(
    output: str | None, given: tuple[Message, ...] = (text("user", "q"),), said: tuple[Message, ...] = ()
) -> SpanPayload:
    return SpanPayload("t", "s", None, output, None, output, given, said, (), None, {}, (), {}, {})


def test_the_call_that_answered_is_not_the_title_behind_it() -> None:
    calls = [payload("draft"), payload("The  answer"), payload("A title")]
    assert answering_call(calls, payload("The answer\n")) == 1
    assert answering_call(calls, payload("something else")) == 2
    assert answering_call(calls, None) == 2
    assert answering_call([], payload("x")) is None


@pytest.mark.parametrize(
    ("span", "given", "says"),
    [
        ({}, payload("x", ()), "no messages"),
        ({}, payload(None), "no output"),
        ({}, payload("  "), "no output"),
        ({}, payload("x", (text("user", "q"), calling("f", "1"))), "a call of a tool has no result"),
        ({"payload_state": "input cut"}, payload("x"), "did not keep the texts: input cut"),
    ],
)
def test_conversations_that_are_not_written(span: dict[str, Any], given: SpanPayload, says: str) -> None:
    with pytest.raises(Unwritable, match=says):
        conversation_of({"span_id": "s", "payload_state": None} | span, given)


def test_an_output_that_calls_a_tool_is_one() -> None:
    found = conversation_of({"span_id": "s"}, payload("{}", said=(calling("f", "1"),)))
    assert found.output["tool_calls"][0]["function"]["name"] == "f"
