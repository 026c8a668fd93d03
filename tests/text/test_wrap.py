"""Wrapping to offsets: nothing lost, nothing too wide, words kept, only as far as asked."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from traceview.text.cells import clusters, width
from traceview.text.wrap import Wrapped, wrap


@pytest.mark.parametrize(
    ("text", "cells", "lines"),
    [
        ("", 5, [""]),
        ("\n", 5, ["", ""]),
        ("abc", 5, ["abc"]),
        ("hello world", 5, ["hello", "world"]),
        ("hello world", 7, ["hello ", "world"]),
        ("a bc def", 4, ["a bc", "def"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("ab abcdefgh", 4, ["ab ", "abcd", "efgh"]),
        ("one\ntwo three", 5, ["one", "two ", "three"]),
        ("  indented", 6, ["  inde", "nted"]),
        ("日本語テキスト", 5, ["日本", "語テ", "キス", "ト"]),
        ("日本 text", 6, ["日本 ", "text"]),
        ("日", 1, ["日"]),
        ("👨‍👩‍👧👨‍👩‍👧x", 2, ["👨‍👩‍👧", "👨‍👩‍👧", "x"]),
        ("e\u0301" * 4, 2, ["e\u0301" * 2, "e\u0301" * 2]),
    ],
)
def test_wraps(text: str, cells: int, lines: list[str]) -> None:
    assert [text[start:end] for start, end in wrap(text, cells)] == lines


texts = st.text(
    st.sampled_from("ab  \n日本e\u0301👩\u200d💻🏽❤\ufe0f🇩🇪ก็")
    | st.characters(exclude_categories=["Cc", "Cs"])
)


@given(texts, st.integers(2, 12))
@example("a" + "\u0301" * 100 + "b", 3)
@example("🇩🇪" * 20, 2)
def test_lines_are_the_text_and_fit(text: str, cells: int) -> None:
    position = 0
    for index, (start, end) in enumerate(wrap(text, cells)):
        gap = text[position:start]
        assert gap == "" if index == 0 else gap in ("", " ", "\n")
        line = text[start:end]
        assert "\n" not in line
        assert width(line) <= cells or len(list(clusters(line))) == 1
        assert start <= end
        position = end
    assert position == len(text)


@given(texts, st.integers(2, 12), st.integers(0, 200))
def test_known_lines_answer_for_offsets(text: str, cells: int, offset: int) -> None:
    wrapped = Wrapped(text, cells)
    offset = min(offset, len(text))
    index = wrapped.extend_to(offset)
    start, end = wrapped[index]
    assert start <= offset <= end + 1
    wrapped.extend(10**9)
    assert wrapped.complete
    assert [wrapped.line(i) for i in range(len(wrapped))] == [text[s:e] for s, e in wrap(text, cells)]


def test_only_what_is_asked_for_is_wrapped() -> None:
    wrapped = Wrapped("lorem ipsum " * 1_000_000, 80)
    assert wrapped.extend(30)
    assert len(wrapped) == 30
    assert not wrapped.complete


@pytest.mark.parametrize("piece", ["lorem ipsum ", "x", "日本語 ", "e\u0301", "🇩", "\u0301"])
def test_time_is_linear(piece: str) -> None:
    def seconds(times: int) -> float:
        text = piece * times
        best = float("inf")
        for _ in range(5):
            # What others take of the machine does not count.
            begin = time.process_time()
            Wrapped(text, 80).extend(10**9)
            best = min(best, time.process_time() - begin)
        return best

    assert seconds(80_000) < 30 * max(seconds(10_000), 0.0005)
