"""What of a system prompt is masked, and what stays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from benchmarks.clock import cpu_seconds
from hypothesis import given, settings
from hypothesis import strategies as st

from traceview.text.prompt_masks import MOST_CHARACTERS, segments


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Today is Sunday, November 29, 2026.", ("Today is ⟨date⟩.",)),
        ("Today is Monday.", ("Today is ⟨date⟩.",)),
        ("We are closed on Sunday.", ("We are closed on Sunday.",)),
        ("Now: 2026-11-29T07:04:54.123Z, really", ("Now: ⟨value⟩",)),
        ("It is 2026-11-29T07:04:54+02:00 here", ("It is ⟨date⟩ here",)),
        ("It is 29 Nov 2026 at 7:04 pm UTC", ("It is ⟨date⟩",)),
        ("User u_42 has order ORD-12345.", ("User ⟨id⟩ has order ⟨id⟩.",)),
        ("Request 123e4567-e89b-12d3-a456-426614174000 runs", ("Request ⟨id⟩ runs",)),
        ("They owe $1,250.50, or 3%", ("They owe $⟨number⟩, or ⟨number⟩%",)),
        ("Use API v2, never HTTP", ("Use API v2, never HTTP",)),
        ("See https://a.example/x?y=1) or mail me@a.example", ("See ⟨url⟩) or mail ⟨email⟩",)),
        ("- Customer name: Alice Miller\n**Plan:** gold", ("- Customer name: ⟨value⟩", "**Plan:** ⟨value⟩")),
        ("Language: answer in the language of the question, in whole sentences, and never mix languages, "
         "whatever they ask",
         ("Language: answer in the language of the question, in whole sentences, and never mix languages, "
          "whatever they ask",)),
        ('Profile: {"name": "Al", "tags": ["x"]}', ("Profile: ⟨json name,tags⟩",)),
        ('```json\n[{"id": 1},\n {"id": 2, "t": "]"}]\n```\nEnd', ("⟨json id,t⟩", "End")),
        ("A {placeholder} and [a list] stay", ("A {placeholder} and [a list] stay",)),
        ("<documents>\n<d>one</d>\n</documents>\nGo", ("<documents>⟨…⟩</documents>", "Go")),
        ("<rules>be kind</rules>", ("<rules>be kind</rules>",)),
        ("1. First. 2. Then.\r\n\r\nLast", ("⟨number⟩.", "First. ⟨number⟩.", "Then.", "Last")),
        ("", ()),
    ],
)  # fmt: skip
def test_values_are_masked_and_words_stay(text: str, masked: tuple[str, ...]) -> None:
    assert segments(text) == masked


def test_a_list_of_injected_things_may_have_any_length() -> None:
    two, three = ("\n".join(f"Order ORD-{number}" for number in range(count)) for count in (2, 3))
    assert segments(f"Orders:\n{two}\nEnd") == segments(f"Orders:\n{three}\nEnd")


@given(st.text(max_size=300))
def test_any_text_is_masked(text: str) -> None:
    found = segments(text)
    assert all(segment and segment == segment.strip() and "\n" not in segment for segment in found)
    assert segments(text) == found


HOSTILE = (
    "a", "1", "_", "ACGT", "a1", "1,", "1'", "a.", "a.b-", "- ", " ", ". ", "=", "now ", "today ", "date x now ",
    "mon, ", "monday ", "1 of may ", "1:11 Z", "1:11+01", "1.1.1.", "a-1", "a-", "12a", "name ", "Name: ", "http://",
    "f-", "<data>", "<doc ", "<doc>", "<p>", "</docs", "</docs> ", "```", "```x\n", "```\n", "``` ", "[{", '{"a":',
    ' {"', "[\n", '["a",', "{ ", "\n ", "1 \n", "<user_1><user_a>",
)  # fmt: skip
"""What patterns that go back and forth take long for, again and again."""


def grows_like_its_length(text: Callable[[int], str], length: int = 6_000) -> bool:
    """Whether twice the text takes less than three times as long: one of three tries, other programs run too."""
    segments(text(length))
    for _ in range(3):
        once, twice = (cpu_seconds(partial(segments, text(size)), 2) for size in (length, 2 * length))
        if twice < 3 * max(once, 0.001):
            return True
    return False


def repeated(unit: str, before: str, after: str, length: int) -> str:
    return before + unit * (length // len(unit)) + after


@pytest.mark.parametrize(("before", "after"), [("", ""), ("1 <doc>", "1 é</doc"), ("1 may", "x1@")])
@pytest.mark.parametrize("unit", HOSTILE, ids=repr)
def test_hostile_texts_take_time_as_their_length(unit: str, before: str, after: str) -> None:
    assert grows_like_its_length(partial(repeated, unit, before, after))


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=4).map("".join),
    st.sampled_from(HOSTILE),
    st.sampled_from(HOSTILE),
)
def test_so_do_texts_of_repeated_pieces(unit: str, before: str, after: str) -> None:
    assert grows_like_its_length(partial(repeated, unit, before, after))


def numbered(length: int) -> str:
    return "".join(f"<user_{number}>" for number in range(length // 10)) + "</"


def test_so_do_tags_that_are_all_different() -> None:
    assert grows_like_its_length(numbered, 20_000)


def test_what_is_too_long_counts_as_it_is() -> None:
    lines = "Order ORD-1 is late.\n" * (MOST_CHARACTERS // 20)
    begun = segments(f"Hello ORD-1\n{lines}")
    assert begun[:2] == ("Hello ⟨id⟩", "Order ⟨id⟩ is late.")
    assert begun[-1].startswith("⟨rest ")
    assert segments(f"Hello ORD-2\n{lines}") == begun
    assert segments(f"Hello ORD-1\n{lines}Order") != begun
    assert len(segments("a" * 3 * MOST_CHARACTERS)) == 2
