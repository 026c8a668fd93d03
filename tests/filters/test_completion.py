"""Completion in a filter: what stands at the cursor (`|`) and what a candidate makes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.filters import complete, parse, quote_value
from traceview.filters.ast import Compare, Text

CASES = [
    ("|", "field", None, ""),
    ("mod|", "field", None, "mod"),
    ("status:ok mod|", "field", None, "mod"),
    ("(mod|", "field", None, "mod"),
    ("-mod|", "field", None, "mod"),
    ("any(span: to|", "field", None, "to"),
    ("model:|", "value", "model", ""),
    ("model:clau|", "value", "model", "clau"),
    ("model:a,b|", "value", "model", "b"),
    ('name:"my to|', "value", "name", "my to"),
    ("version:v|", "value", "prompt_version", "v"),
    ("prompt:sup|", "value", "prompt_name", "sup"),
    ("prompt:support@v|", "value", "prompt_version", "v"),
    ("any(span: tool:sea|)", "value", "tool_name", "sea"),
    ("score.gr|", "key", "score", "gr"),
    ("score.grounded.j|", "key", "score", "j"),
    ("score.grounded:fa|", "value", "score", "fa"),
    ("attr.cust|", "key", "attr", "cust"),
    ("attr.customer:go|", "value", "attr", "go"),
    ("modle:x|", "none", None, ""),
    ('"some text|', "none", None, ""),
    ("output~/ab c|", "none", None, ""),
    ("model:x |", "field", None, ""),
    ("model:x| y", "value", "model", "x"),
]


@pytest.mark.parametrize(("marked", "kind", "field", "prefix"), CASES)
def test_finds_what_is_completed(marked: str, kind: str, field: str | None, prefix: str) -> None:
    cursor = marked.index("|")
    found = complete(marked.replace("|", ""), cursor)
    assert (found.kind, found.field, found.prefix) == (kind, field, prefix)


@pytest.mark.parametrize(
    ("marked", "candidate", "result"),
    [
        ("mod|", "model", "model:|"),
        ("sc|", "score", "score.|"),
        ("mod|:x", "model", "model|:x"),
        ("score.gr|", "grounded", "score.grounded:|"),
        ("score.gr|", "a.b", 'score."a.b":|'),
        ("score.grounded.j|:x", "judge", "score.grounded.judge|:x"),
        ("attr.ll|", "llm.model", "attr.llm.model:|"),
        ("kind:to|", "tool", "kind:tool|"),
        ("model:a,cl| x", "claude 4", 'model:a,"claude 4"| x'),
        ('name:"my to|', "my tool", 'name:"my tool"|'),
        ("prompt:support@v|", "v7", "prompt:support@v7|"),
        ("label:no|", "none", "label:none|"),
    ],
)
def test_puts_a_candidate_in_place(marked: str, candidate: str, result: str) -> None:
    cursor = marked.index("|")
    text = marked.replace("|", "")
    new, place = complete(text, cursor).apply(text, candidate)
    assert f"{new[:place]}|{new[place:]}" == result


def test_candidates_are_field_names_short_forms_first_and_choices() -> None:
    assert complete("prompt_v", 8).candidates[0] == "prompt_version"
    assert "latency" in complete("", 0).candidates
    assert complete("lat", 3).candidates == ("latency",)
    assert complete("kind:re", 7).candidates == ("retriever", "reranker")
    assert complete("score.grounded.", 15).candidates[:2] == ("human", "judge")


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("attr.cu", "attr"),
        ("attr.a.b:x", "attr.a.b"),
        ("score.gr", "score"),
        ("score.x:f", "score.x"),
        ("tool:", "tool_name"),
    ],
)
def test_says_what_the_data_is_asked_for(text: str, asked: str) -> None:
    found = complete(text, len(text))
    assert found.data
    assert found.asked == asked


@given(st.text())
def test_quoted_values_read_back(value: str) -> None:
    tree = parse(f"model:{quote_value(value, 'model')}")
    assert isinstance(tree, Compare)
    assert tree.values == (Text(value),)
