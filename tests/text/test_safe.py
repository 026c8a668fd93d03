"""Foreign text made safe: nothing that acts or hides survives, everything legitimate does."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.text.cells import width
from traceview.text.safe import safe, safe_block, safe_line

CASES = [
    ("plain", "plain"),
    ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
    ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
    ("\x9b31m", "⟦U+009B⟧31m"),
    ("a\x00b\x7f", "a␀b␡"),
    ("abc\u202edef", "abc⟦U+202E⟧def"),
    ("\u2066x\u2069", "⟦U+2066⟧x⟦U+2069⟧"),
    ("pass\u200bword", "pass⟦U+200B⟧word"),
    ("\ufeffid", "⟦U+FEFF⟧id"),
    ("a\u2028b", "a⟦U+2028⟧b"),
    ("a\u200db", "a⟦U+200D⟧b"),
    ("\ud800", "⟦U+D800⟧"),
    ("\U000e0041", "⟦U+E0041⟧"),
    ("x\ufe00\ufe01", "x\ufe00⟦U+FE01⟧"),
    (" \ufe0f", " ⟦U+FE0F⟧"),
    ("soft\u00adhyphen", "soft⟦U+00AD⟧hyphen"),
]
KEPT = [
    "👨‍👩‍👧",
    "❤️‍🔥",
    "👩🏽‍💻",
    "1️⃣",
    "日本語",
    "é e\u0301",
    "می‌خواهم",
    "क्‍ष",
    "葛\U000e0100",
    "🏳️‍🌈",
    "العربية עברית",
]


@pytest.mark.parametrize(("text", "shown"), CASES)
def test_neutralises(text: str, shown: str) -> None:
    assert safe(text) == shown


@pytest.mark.parametrize("text", KEPT)
def test_keeps(text: str) -> None:
    assert safe(text) == safe_line(text) == safe_block(text) == text


@pytest.mark.parametrize("mark", ["\U0001d16d", "\u0301", "\u0903", "\u20dd"])
def test_a_mark_without_a_letter_of_its_own_joins_nothing_that_is_drawn_before_it(mark: str) -> None:
    line = safe_line(f"{mark}x")
    assert line == f"\u25cc{mark}x"
    assert width(f"name {line}") == width("name ") + width(line)
    assert safe_line(f"e{mark}") == f"e{mark}"


def test_lines_and_tabs() -> None:
    text = "a\tb\r\nc\rd\ne"
    assert safe(text) == "a\tb␍\nc␍d\ne"
    assert safe_line(text) == "a b⏎c⏎d⏎e"
    assert safe_block(text) == "a    b\nc␍d\ne"


@given(
    st.text(st.characters(codec=None) | st.sampled_from("\x1b\x9b\u202e\u200d\ufe0f\u200b👩💻\r\n\t\ud800"))
)
def test_nothing_that_acts_is_left(text: str) -> None:
    line = safe_line(text)
    line.encode("utf-8")
    assert len(line.splitlines()) <= 1
    for char in line:
        assert unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.bidirectional(char) not in (
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        )
    assert safe_line(line) == line
    assert safe(safe(text)) == safe(text)
    assert "\r" not in safe_block(text) and "\t" not in safe_block(text)
