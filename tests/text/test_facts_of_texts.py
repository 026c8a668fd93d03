"""Facts of a text: what is one and what is not, their keys, offsets, and the time they take."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.text.facts import COUNTED, counted_facts, fact_at, find_facts
from traceview.text.urls import find_urls, url_key

CASES: list[tuple[str, list[tuple[str, str]]]] = [
    ("1,234 items", [("number", "1234")]),
    ("1234.0", [("number", "1234")]),
    ("1.234,50 €", [("number", "1234.5")]),
    ("$1.2M", [("number", "1200000")]),
    ("1.2 million", [("number", "1200000")]),
    ("123万円", [("number", "1230000")]),
    ("30 % and 3%", [("number", "30%"), ("number", "3%")]),
    ("a rise of 10-20%", [("number", "10"), ("number", "20%")]),
    ("9,9 Tage", [("number", "9.9")]),
    ("10,20,30", [("number", "10"), ("number", "20"), ("number", "30")]),
    ("12ms, 5GB", [("number", "12")]),
    ("１２ 件", [("number", "12")]),
    ("1. First\n2) Second\n10. Tenth", []),
    ("a 7 b", []),
    ("open 24/7", []),
    ("v3 mp4 p95 utf8", []),
    ("top-10 and 24-hour", [("number", "10"), ("number", "24")]),
    ("2026-10-05T13:04:34Z", [("date", "2026-10-05"), ("time", "13:04")]),
    ("am 23.10. und 5.10.2026", [("date", "--10-23"), ("date", "2026-10-05")]),
    ("October 25th, 2026", [("date", "2026-10-25")]),
    ("5. Oktober", [("date", "--10-05")]),
    ("2026年10月5日", [("date", "2026-10-05")]),
    ("at 2:30 pm or 9 am", [("time", "14:30"), ("time", "09:00")]),
    ("see KR-12 and kr_022", [("id", "kr-12"), ("id", "kr_022")]),
    ("claude-haiku-4-5", [("id", "claude-haiku-4-5")]),
    ("3f2a9bcd deadbeef", [("id", "3f2a9bcd")]),
    ("7.41.0", [("id", "7.41.0")]),
    ("123E4567-e89b-12d3-a456-426614174000", [("id", "123e4567e89b12d3a456426614174000")]),
    ("[x](https://d.io/a).", [("url", "https://d.io/a")]),
    ("and/or, e.g. this", []),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_what_is_a_fact_and_its_key(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(fact.kind, fact.key) for fact in counted_facts(text)] == expected


def test_names_are_quoted_or_of_several_capitalised_words() -> None:
    text = 'Ask Sofia Rossi about "Lead time from merge" and „Offene Punkte“; Done. KR-12 is fine'
    names = [fact.key for fact in find_facts(text) if fact.kind == "name"]
    assert names == ["sofia rossi", "lead time from merge", "offene punkte"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("See Single sign-on for more.", []),
        ("It is there. See Maria Silva.", ["Maria Silva"]),
        ("- The Sales Team did it", ["Sales Team"]),
        ("we asked The Sales Team", ["The Sales Team"]),
        ("Maria Silva said", ["Maria Silva"]),
        ("It", []),
    ],
)
def test_a_word_that_only_begins_a_sentence_is_no_name(text: str, names: list[str]) -> None:
    assert [fact.text for fact in find_facts(text) if fact.kind == "name"] == names


# answer, tool, equal
VECTORS = [
    ("[x](https://d.io/a).", "https://d.io/a", True),
    ("<https://D.io/a/>", "http://d.io/a#s", True),
    ("https://d.io/a?utm_source=x", "https://d.io/a", True),
    ("https://d.io/a_(b)", "https://d.io/a_(b)", True),
    ("https://d.io:443/%7Ea?b=2&a=1", "https://d.io/~a?a=1&b=2", True),
    ("https://d.io.evil.io/a", "https://d.io/a", False),
    ("https://d.io/ab", "https://d.io/a", False),
    ("https://d.io/A", "https://d.io/a", False),
    ("https://d.io/a?x=1", "https://d.io/a", False),
    ("d.io/a", "https://d.io/a", True),
    ("https://d.io/a)[b](https://e.io/c)", "https://d.io/a", True),
]


@pytest.mark.parametrize(("answer", "tool", "equal"), VECTORS)
def test_two_spellings_of_an_address(answer: str, tool: str, equal: bool) -> None:
    start, end = next(find_urls(answer))
    other = next(find_urls(tool))
    assert (url_key(answer[start:end]) == url_key(tool[slice(*other)])) is equal


def test_the_fact_under_the_cursor_is_the_smallest() -> None:
    text = 'He wrote "503: the queue is full" today'
    assert (found := fact_at(text, text.index("503") + 1)) is not None and found.text == "503"
    assert (found := fact_at(text, text.index("queue"))) is not None and found.kind == "name"
    assert fact_at(text, text.index("today") + 2) is None


PIECES = [
    "https://", "d.io/a", "(", ")", "[", "]", "1,234", "9", ".", "-", "_", " ", "\n", '"', "„", "“", "10月5日", "May 5",
    "a1b2", "%", "€", "T12:30", "Ab Cd", "\\", "🙂",
]  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join))


@given(TEXTS)
def test_facts_stand_where_they_say_in_order(text: str) -> None:
    facts = find_facts(text)
    assert [fact.start for fact in facts] == sorted(fact.start for fact in facts)
    end = 0
    for fact in facts:
        assert 0 <= fact.start < fact.end <= len(text)
        if fact.text.isascii():
            assert text[fact.start : fact.end] == fact.text
        if fact.kind in COUNTED:
            assert fact.start >= end
            end = fact.end


@given(TEXTS)
def test_the_counted_ones_are_among_all(text: str) -> None:
    assert [fact for fact in find_facts(text) if fact.kind in COUNTED] == list(counted_facts(text))


@given(st.integers(10, 10**12))
def test_a_number_has_one_key_in_every_spelling(number: int) -> None:
    for written in (str(number), f"{number:,}", f"{number}.0", f"{number:,}".replace(",", "'")):
        (fact,) = counted_facts(written)
        assert str(number) in (fact.key, *fact.also)


HOSTILE = [
    "a", "9", "9,", "9 ", "9.", "99 ", "https://a(", "[x](https://a)", '"aa ', "„aa ", "a-", "a-1", "Ab ", "A of ",
    "_1", "://", "1月", "T1:", "0x0", "a0", "May 5 ", "a--------", "\n> 1", "1:1", "\\u0031", "%", "www.",
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_time_grows_with_the_length_of_hostile_texts_alone(unit: str) -> None:
    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            find_facts(text)
            best = min(best, time.process_time() - began)
        return best

    small, large = seconds(20_000), seconds(160_000)
    # eight times the text: quadratic time would be 64 times as much
    assert large < 24 * max(small, 0.0005)


def test_a_megabyte_on_one_line() -> None:
    text = "the total of KR-12 is 1,234 at https://d.io/a_(b) " * 20_000
    assert len(counted_facts(text)) == 60_000
    assert re.search("\n", text) is None
