"""Whether a text holds a fact in another spelling."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.text.facts import Fact, counted_facts, find_facts
from traceview.text.mentions import Haystack


def fact_of(text: str) -> Fact:
    return find_facts(text)[0]


CASES = [
    ("1,234", '{"n":1234.0}', True),
    ("1.425", "1425", True),
    ("1234", "12345", False),
    ("1234", "a1234", False),
    ("34", "2026-10-05T13:04:34Z", False),
    ("9,9 Tage", '"value":9.9', True),
    ("9.9", "9.94", True),
    ("9.9", "9.96", False),
    ("61 %", '"score":0.61', True),
    ("61 %", '"score":0.6149', True),
    ("61 %", '"score":0.62', False),
    ("1.2M", "1234567", True),
    ("1.2M", "1274567", False),
    ("23.10.", '"on":"2026-10-23"', True),
    ("23.10.", '"on":"2026-10-24"', False),
    ("October 25", "2026-10-25T08:00:00Z", True),
    ("October 25, 2025", "2026-10-25T08:00:00Z", False),
    ("2:30 pm", "T14:30:00", True),
    ("KR-12", "see kr-12.", True),
    ("KR-12", "see KR-123", False),
    ("123e4567-e89b-12d3-a456-426614174000", "123E4567E89B12D3A456426614174000", True),
    ("https://d.io/a", r'{"url":"https:\/\/d.io\/a"}', True),
    ("https://d.io/a", "https://d.io/ab https://d.io.evil.io/a", False),
    ("https://d.io/a", "[a](http://D.io/a/)", True),
    ("Sofia Rossi", "by SOFIA\n  ROSSI", True),
    ("Sofia Rossi", "by Sofia Rossini", False),
    ("4,252", r"total\n4252\n", True),
]


@pytest.mark.parametrize(("fact", "text", "holds"), CASES)
def test_a_fact_in_another_spelling(fact: str, text: str, holds: bool) -> None:
    assert Haystack(text).holds(fact_of(fact)) is holds


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_json_inside_json(depth: int) -> None:
    text = json.dumps({"text": "line\n4252 of\nhttps://d.io/ä"})
    for _ in range(depth - 1):
        text = json.dumps({"result": text})
    assert Haystack(text).holds(fact_of("4,252"))
    assert Haystack(text).holds(fact_of("https://d.io/%C3%A4"))


@given(
    st.lists(
        st.sampled_from(["1,234", "30 %", "KR-12", "https://d.io/a_(b)", "5.10.2026", "14:30", "a1b2c3d4"])
    )
)
def test_a_text_holds_its_own_facts(words: list[str]) -> None:
    text = " and ".join(words)
    haystack = Haystack(text)
    assert all(haystack.holds(fact) for fact in counted_facts(text))
    escaped = Haystack(json.dumps(json.dumps({"x": f"\n{text}\n"})))
    assert all(escaped.holds(fact) for fact in counted_facts(text))


@given(st.text(), st.text())
def test_no_text_makes_it_fail(answer: str, text: str) -> None:
    haystack = Haystack(text)
    for fact in find_facts(answer):
        found = haystack.offset_of(fact)
        assert found is None or 0 <= found <= len(text)
