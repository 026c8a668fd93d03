"""Messages in the canonical shape, decoded straight: the same as what is found by looking through plain data."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.sources.jsontext import dumps
from traceview.sources.messages import canonical, last_text
from traceview.sources.written_messages import text_of_messages, written_messages

words = st.sampled_from(["", "hello", '{"a": [1]}', "[kb-1] text", '"quoted"', "é\n\x1b", " [1] "])
ids = st.none() | st.sampled_from(["", "c1"])
values = (
    words
    | st.none()
    | st.integers(-9, 9)
    | st.dictionaries(words, words, max_size=2)
    | st.lists(words, max_size=2)
)


def part(kind: str, **fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind)}, optional=fields)


parts = st.one_of(
    part("text", content=words),
    part("text", content=words),
    part("reasoning", content=words),
    part("tool_call", id=ids, name=ids, arguments=values),
    part("tool_call_response", id=ids, name=ids, response=values),
    part("tool_call_response", id=ids, result=values),
    part("blob", content=words),
)
message = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool", "User", "function"])},
    optional={"parts": st.lists(parts, max_size=3), "finish_reason": ids, "name": ids, "content": words},
)


@given(st.lists(message, max_size=4))
def test_they_are_those_of_the_plain_way(messages: list[dict[str, Any]]) -> None:
    text = json.dumps(messages)
    found = written_messages(text)
    if found:
        plain = canonical(text)
        assert text_of_messages(found) == dumps(plain)
        assert [one.get("finish_reason") for one in found] == [one.get("finish_reason") for one in plain]
        for role in ("user", "assistant"):
            assert last_text(found, role) == last_text(plain, role)


@pytest.mark.parametrize(
    "text",
    [
        '[{"role": "user", "parts": [{"type": "text", "content": "hello"}]}]',
        '[{"role": "user", "parts": [{"type": "tool_call_response", "id": "c1", "response": "{\\"a\\": 1}"}]}]',
        '[{"role": "assistant", "parts": [{"type": "tool_call", "arguments": "{}"}], "finish_reason": "s"}]',
    ],
)
def test_what_current_writers_write_is_taken_straight(text: str) -> None:
    found = written_messages(text)
    assert found is not None and text_of_messages(found) == dumps(canonical(text))


@pytest.mark.parametrize(
    "text", [None, [], "[]", '[{"parts"', '{"parts": []}', '[{"role": "user", "parts": null}]', "x"]
)
def test_anything_else_is_left_to_the_plain_way(text: Any) -> None:
    assert written_messages(text) is None
