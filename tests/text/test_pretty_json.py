"""JSON laid out for reading."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.text.pretty_json import pretty_json, pretty_json_bounded


@pytest.mark.parametrize(
    "text", ["", "  ", "plain", "{broken", "[1,", '{"a":1} trailing', "42", "[" * 100_000, "\x1b[31m", "{}}"]
)
def test_what_is_no_json_stays(text: str) -> None:
    assert pretty_json(text) == text


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("{}", ["{}"]),
        ("[]", ["[]"]),
        ('{"a":1}', ["{", '  "a": 1', "}"]),
        ("[1,[2],{}]", ["[", "  1,", "  [", "    2", "  ],", "  {}", "]"]),
        ('{"a":1.10,"a":1e5}', ["{", '  "a": 1.10,', '  "a": 1e5', "}"]),
        ("[NaN,-Infinity,null,true]", ["[", "  NaN,", "  -Infinity,", "  null,", "  true", "]"]),
        ('{"\\u00e9":"\\ud83d\\ude00\\n"}', ["{", '  "é": "😀\\n"', "}"]),
        ('{"s":"{\\"x\\":[1]}"}', ["{", '  "s": {', '    "x": [', "      1", "    ]", "  }", "}"]),
        ('"[1]"', ["[", "  1", "]"]),
        ('["{not json}"]', ["[", '  "{not json}"', "]"]),
        ("[" + "9" * 5000 + "]", ["[", "  " + "9" * 5000, "]"]),
    ],
)
def test_lays_out(text: str, lines: list[str]) -> None:
    assert pretty_json(text).split("\n") == lines


def test_strings_are_unfolded_three_deep() -> None:
    text = "[1]"
    for _ in range(5):
        text = json.dumps({"k": text})
    shown = pretty_json(text)
    assert shown.count('"k": {') == 3
    assert json.loads(json.loads(pretty_json(text, 0))["k"])


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_layout_changes_no_value(value: Any) -> None:
    again = json.loads(pretty_json(json.dumps(value), 0))
    assert again == value or (isinstance(value, float) and math.isclose(again, value))


def test_bounded_says_what_it_left_out() -> None:
    text = json.dumps(list(range(1000)))
    found = pretty_json_bounded(text, 100)
    assert len(found.text) <= 100
    assert found.total_lines == 1002
    assert found.left_out == f"{found.lines} of 1,002 lines"
    whole = pretty_json_bounded(text, 100_000)
    assert whole.left_out is None
    assert whole.text == pretty_json(text)


def test_bounded_cuts_a_long_first_line_and_raw_text() -> None:
    raw = pretty_json_bounded("x" * 1000, 100)
    assert (raw.text, raw.is_json, raw.left_out) == ("x" * 100, False, "100 of 1,000 characters")
    long = pretty_json_bounded(json.dumps(["y" * 1000]), 5)
    assert long.text == "["
