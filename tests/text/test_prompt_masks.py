"""What of a system prompt is masked, and what stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.text.prompt_masks import segments


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


@pytest.mark.parametrize(
    "text",
    ["a" * 300_000, "1," * 100_000 + "a", "<data>" * 15_000 + "</x", "now " * 50_000, '{"a":' * 15_000, "[\n" * 30_000,
     "a.b-" * 50_000 + "@", "```\n" * 20_000, "12a" * 100_000, "- " * 100_000, "Name " * 50_000],
    ids=lambda text: text[:8],
)  # fmt: skip
def test_hostile_texts_take_no_longer_than_others(text: str) -> None:
    # a pattern that goes back and forth would not end while anybody waits
    assert isinstance(segments(text), tuple)
