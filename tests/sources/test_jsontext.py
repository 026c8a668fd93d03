"""JSON in texts: read where it is meant, left where it is not."""

from __future__ import annotations

from typing import Any

import pytest

from traceview.sources.jsontext import decoded


@pytest.mark.parametrize(
    ("text", "levels", "value"),
    [
        ('{"a": [1]}', 3, {"a": [1]}),
        (" \n[1, 2]", 3, [1, 2]),
        ('"\\"{}\\""', 3, {}),
        ('"\\"{}\\""', 2, "{}"),
        ('"[1]"', 1, "[1]"),
        ('"[1]"', 0, '"[1]"'),
        ('["NaN", NaN]', 3, ["NaN", "NaN"]),
        # a number is no JSON that anybody meant, with a space before it or without
        ("123", 3, "123"),
        (" 123", 3, " 123"),
        (" null", 3, " null"),
        ("{torn", 3, "{torn"),
        ("[note] to self", 3, "[note] to self"),
        ("   ", 3, "   "),
        ("", 3, ""),
        (7, 3, 7),
    ],
)
def test_decoded(text: Any, levels: int, value: Any) -> None:
    assert decoded(text, levels) == value
