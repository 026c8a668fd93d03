"""Previews of inputs and outputs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.text.preview import Side, collapse, preview

USER = {"role": "user", "content": "first"}
ASKED = {"role": "user", "content": "How do I\n\n  set a goal?"}
ANSWER = {"role": "assistant", "content": "Like this."}
SYSTEM = {"role": "system", "content": "You are"}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}


@pytest.mark.parametrize(
    ("value", "side", "shown"),
    [
        ([SYSTEM, USER, ANSWER, ASKED], "input", "How do I set a goal?"),
        ([SYSTEM, USER, ANSWER, ASKED], "output", "Like this."),
        ({"messages": [SYSTEM, ASKED], "model": "m"}, "input", "How do I set a goal?"),
        ([USER, ANSWER, CALL], "output", "Like this."),
        ([{"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image"}]}], "input", "hi"),
        ([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}], "input", "hi"),
        ({"choices": [{"message": ANSWER, "index": 0}]}, "output", "Like this."),
        ([{"message": ASKED}], "input", "How do I set a goal?"),
        ([{"message.role": "user", "message.content": "dotted"}], "input", "dotted"),
        ([{"type": "human", "content": "langchain"}], "input", "langchain"),
        ({"question": "Why?"}, "input", "Why?"),
        ({"answer": "Because", "sources": []}, "output", "Because"),
        ({"input": json.dumps({"messages": [ASKED]})}, "input", "How do I set a goal?"),
        (ANSWER, "output", "Like this."),
        ([SYSTEM], "input", "You are"),
        ("a string", "input", "a string"),
        ({"rows": 3, "ok": True}, "output", '{"rows": 3, "ok": true}'),
        ([], "input", "[]"),
    ],
)
def test_takes_what_was_said(value: Any, side: Side, shown: str) -> None:
    assert preview(json.dumps(value), side=side) == shown


@pytest.mark.parametrize(
    ("text", "shown"), [(None, ""), ("", ""), ("  \n ", ""), (" a\n b ", "a b"), ("{broken", "{broken")]
)
def test_other_texts_are_shown_from_their_start(text: str | None, shown: str) -> None:
    assert preview(text) == shown


def test_cut_at_the_length() -> None:
    assert preview("word " * 100, 12) == "word word w…"
    assert collapse(" " * 10_000 + "late", 10) == "late"
    assert preview("[" * 50_000, 5) == "[[[[…"


@given(
    st.text()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["role", "content", "messages", "text", "type", "parts", "message", "k"]),
                inner,
            )
        ),
        max_leaves=12,
    ).map(json.dumps),
    st.integers(1, 50),
    st.sampled_from(["input", "output"]),
)
def test_never_fails_and_never_too_long(text: str, length: int, side: Side) -> None:
    shown = preview(text, length, side)
    assert len(shown) <= length
    assert "\n" not in shown
