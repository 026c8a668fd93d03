"""Cell widths, cutting and padding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.text.cells import clusters, fit, pad, truncate, width

WIDTHS = [
    ("", 0),
    ("abc", 3),
    ("日本語", 6),
    ("é", 1),
    ("e\u0301", 1),
    ("👍🏽", 2),
    ("👨‍👩‍👧", 2),
    ("❤️", 2),
    ("❤", 1),
    ("🇩🇪", 2),
    ("ก็", 1),
    ("｡", 1),
    ("Ａ", 2),
    ("a\x1bb", 2),
]


@pytest.mark.parametrize(("text", "cells"), WIDTHS)
def test_width(text: str, cells: int) -> None:
    assert width(text) == cells


@pytest.mark.parametrize(
    ("text", "cells", "cut"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 5, "abcd…"),
        ("abcdef", 1, "…"),
        ("abcdef", 0, ""),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("日本語", 2, "…"),
        ("ae\u0301i", 3, "ae\u0301i"),
        ("ae\u0301io", 3, "ae\u0301…"),
        ("👨‍👩‍👧👨‍👩‍👧", 3, "👨‍👩‍👧…"),
    ],
)
def test_truncate(text: str, cells: int, cut: str) -> None:
    assert truncate(text, cells) == cut


def test_pad() -> None:
    assert pad("日本", 5) == "日本 "
    assert pad("ab", 5, "right") == "   ab"
    assert pad("ab", 5, "center") == " ab  "
    assert pad("日本語", 4) == "日… "


printable = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co"])
    | st.sampled_from("日本e\u0301👩\u200d💻🏽❤\ufe0f🇩🇪"),
    max_size=40,
)


@given(printable, st.integers(0, 20))
def test_cut_texts_fit(text: str, cells: int) -> None:
    assert width(truncate(text, cells)) <= cells
    assert width(pad(text, cells)) == cells
    assert sum(size for _, size in clusters(text[: fit(text, cells)])) <= cells


@given(printable)
def test_clusters_are_the_text(text: str) -> None:
    assert "".join(cluster for cluster, _ in clusters(text)) == text
