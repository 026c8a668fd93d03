"""Near-duplicates: what is equal once normalised, what is alike, and that the estimate is near the exact share."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.analysis.near_duplicates import ALIKE, near_duplicates, normalised

WORDS = (
    *("refund", "order", "ship", "login", "error", "page", "invoice", "team", "goal", "result"),
    *("march", "april", "plan", "change", "cancel", "seat"),
)


def sentence(seed: int, words: int = 120) -> list[str]:
    return random.Random(seed).choices(WORDS, k=words)


def share(first: str, second: str) -> float:
    a, b = ({text[at : at + 5] for at in range(len(text) - 4)} for text in map(normalised, (first, second)))
    return len(a & b) / len(a | b)


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ("Where is my order?", "  where is\nMY order? ", True),
        ("ｗhere is it", "where is it", True),
        ("hi", "hi", True),
        ("hi", "ho", None),
        ("", "", None),
        (" \n", "\t", None),
        (" ".join(sentence(1)), " ".join([*sentence(1), "thanks"]), False),
        (" ".join(sentence(1)), " ".join(sentence(2)), None),
    ],
)
def test_pairs(first: str, second: str, equal: bool | None) -> None:
    found = near_duplicates([first, "something else altogether, of no length", second])
    assert [(one.members, one.equal) for one in found] == ([] if equal is None else [((0, 2), equal)])


def test_groups_are_those_of_the_exact_share() -> None:
    texts = []
    for seed in range(30):
        words = sentence(seed)
        texts.append(" ".join(words))
        for change in range(seed % 4):
            changed = list(words)
            for at in random.Random(seed * 9 + change).sample(range(len(words)), 3):
                changed[at] = "zebra"
            texts.append(" ".join(changed))
    pairs = [(a, b) for a in range(len(texts)) for b in range(a) if share(texts[a], texts[b]) >= ALIKE + 0.08]
    grouped = {number: group.members for group in near_duplicates(texts) for number in group.members}
    assert pairs and all(a in grouped and b in grouped[a] for a, b in pairs)
    for group in set(grouped.values()):
        for one in group:
            assert max(share(texts[one], texts[other]) for other in group if other != one) >= ALIKE - 0.12


def test_what_is_alike_through_others_is_one_group() -> None:
    words = [f"word{number}" for number in range(300)]
    chain = [" ".join(words[at : at + 240]) for at in range(0, 60, 12)]
    assert share(chain[0], chain[-1]) < ALIKE
    (group,) = near_duplicates(chain)
    assert group.members == tuple(range(len(chain)))


@given(st.lists(st.text(max_size=30), max_size=12))
def test_any_text_is_taken_and_no_text_is_in_two_groups(texts: list[str]) -> None:
    members = [number for group in near_duplicates(texts) for number in group.members]
    assert len(members) == len(set(members))
    for first in range(len(texts)):
        for second in range(first):
            if normalised(texts[first]) and normalised(texts[first]) == normalised(texts[second]):
                assert {first, second} <= set(members)


def test_a_lone_surrogate_is_taken() -> None:
    assert near_duplicates(["\ud800 here", "\ud800 HERE"])[0].equal
