"""Differences of texts: the pieces make both texts again, and are as small as words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.text import word_diff
from traceview.text.word_diff import Piece, text_diff

texts = st.text(st.sampled_from("ab é.\n"), max_size=40)


def sides(pieces: tuple[Piece, ...]) -> tuple[str, str]:
    before = "".join(piece.text for piece in pieces if piece.kind != "added")
    after = "".join(piece.text for piece in pieces if piece.kind != "removed")
    return before, after


@given(texts, texts)
def test_the_pieces_make_both_texts(before: str, after: str) -> None:
    diff = text_diff(before, after)
    assert sides(diff.pieces) == (before, after)
    assert all(piece.text for piece in diff.pieces)
    if before == after:
        assert all(piece.kind == "same" for piece in diff.pieces)


def test_whole_words_change() -> None:
    diff = text_diff("The price is 1200 euros.", "The price is 1250 euros.")
    assert [piece for piece in diff.pieces if piece.kind != "same"] == [
        Piece("removed", "1200"),
        Piece("added", "1250"),
    ]


@pytest.mark.parametrize(("words", "lines", "unit"), [(2, 100, "lines"), (2, 1, "nothing")])
def test_long_texts_are_compared_by_less_and_that_is_said(
    words: int, lines: int, unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_diff, "MOST_WORDS", words)
    monkeypatch.setattr(word_diff, "MOST_LINES", lines)
    before, after = "one\ntwo\nthree\nfour\n", "five\ntwo\nsix\nfour\n"
    diff = text_diff(before, after)
    assert diff.unit == unit and sides(diff.pieces) == (before, after)
