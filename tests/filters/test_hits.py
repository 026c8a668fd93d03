"""Where a text says what a filter asks for."""

from __future__ import annotations

import pytest

from traceview.filters import parse
from traceview.filters.hits import hit_spans, wanted_texts


@pytest.mark.parametrize(
    ("filter_text", "side", "text", "hits"),
    [
        ("refund", "input", "A Refund, refunded", ["Refund", "refund"]),
        ("refund policy", "output", "policy of refunds", ["policy", "refund"]),
        ("-refund", "input", "refund", []),
        ("not (refund or x)", "input", "refund", []),
        ("not (not refund)", "input", "refund", ["refund"]),
        ("none(span: refund)", "input", "refund", []),
        ("any(span: kind:tool refund)", "input", "refund", ["refund"]),
        ("input:refund", "output", "refund", []),
        ("input:refund", "input", "refund", ["refund"]),
        ("output~/re.u/", "output", "refund Refund", ["refu"]),
        ("output~/x*/", "output", "abc", []),
        ("re*nd", "input", "the REfuND", ["REfuND"]),
        ('"a.b"', "input", "axb a.b", ["a.b"]),
        ("ab bc", "input", "abc", ["abc"]),
        ("status:error", "input", "error", []),
    ],
)
def test_hits_are_what_the_filter_looks_for(filter_text: str, side: str, text: str, hits: list[str]) -> None:
    found = hit_spans(text, side, wanted_texts(parse(filter_text)))
    assert [text[start:end] for start, end in found] == hits


def test_the_words_that_every_hit_contains_are_told_apart_from_patterns() -> None:
    assert [one.words for one in wanted_texts(parse("refund re*funds output~/x/"))] == [
        "refund",
        "funds",
        None,
    ]
    assert wanted_texts(None) == ()
