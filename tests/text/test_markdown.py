"""Markdown as styled pieces: what is read, what is marked, and that no word of what was written is lost."""

from __future__ import annotations

import pytest
from benchmarks.clock import spent
from hypothesis import example, given
from hypothesis import strategies as st

from traceview.text.markdown import STYLE_LIMIT, Piece, source_offset, styled
from traceview.text.markdown_pieces import RULE


def read(text: str, table_width: int = 100) -> str:
    """The pieces as lines, as a pane draws them."""
    lines = []
    for piece in styled(text, table_width):
        if piece.gap:
            lines.append("")
        for number, line in enumerate(piece.text.split("\n")):
            lines.append(((piece.rest if number else piece.first) + line).rstrip())
    return "\n".join(lines)


CASES = {
    "heading": ("# One **two**", "One two"),
    "emphasis": ("**a *b* c** _d_ ~~e~~ `f*g`", "a b c d e f*g"),
    "intraword": ("snake_case_name 2*3*4", "snake_case_name 234"),
    "unclosed": ("**a and `b", "**a and `b"),
    "escaped": (r"\*a\* \# \(x\) \[y\]", r"*a* # \(x\) \[y\]"),
    "bullets": ("- a\n- b\n  more\n  - c", "• a\n• b\n  more\n  • c"),
    "numbers": ("3. a\n4. b\n\n   more", "3. a\n4. b\n\n   more"),
    "tasks": ("- [ ] a\n- [x] b", "• [ ] a\n• [x] b"),
    "quotes": ("> a\n> b\n\nc", "▎ a\n▎ b\n\nc"),
    "fence": ("```py\nx = 1\n\n  y\n```", "│ py\n│ x = 1\n│\n│   y"),
    "open fence": ("```\nx", "│ x"),
    "markdown in a fence": ("```\n**a** [b](c)\n```", "│ **a** [b](c)"),
    "rule": ("a\n\n---\nb", f"a\n\n{RULE}\nb"),
    "rule below a paragraph": ("a\n---\nb", f"a\n{RULE}\nb"),
    "own lines": ("a\nb", "a\nb"),
    "link": ("see [docs](https://x.org/a_b_c)", "see docs (https://x.org/a_b_c)"),
    "link with a title": ('[a](b "c")', 'a (b "c")'),
    "link that names itself": ("[https://x.org](https://x.org)", "https://x.org"),
    "link that poses as another": (
        "[https://good.org](https://bad.org)",
        "https://good.org (https://bad.org)",
    ),
    "link with bold words": ("[**a**](b)", "a (b)"),
    "autolink": ("<https://x.org>", "https://x.org"),
    "image": ("![alt](http://x.org/p.png)", "image: alt (http://x.org/p.png)"),
    "script": ("[a](javascript:x)", "[a](javascript:x)"),
    "reference": ("[a][1]\n\n[1]: http://x.org", "[a][1]\n\n[1]: http://x.org"),
    "entity": ("&lt; &#x202e;", "&lt; &#x202e;"),
    "html": ("<b>a</b> <!-- b -->", "<b>a</b> <!-- b -->"),
    "console markup": ("[bold]a[/bold] [/] [link=x]y", "[bold]a[/bold] [/] [link=x]y"),
    "table": ("|a|bb|\n|-|-|\n|ccc|d|", "a   │ bb\n────┼───\nccc │ d"),
    "table of wide letters": ("|目標|b|\n|-|-|\n|c|d|", "目標 │ b\n─────┼──\nc    │ d"),
    "table with a bar": ("|a\\|b|\n|-|\n|c|", "a|b\n───\nc"),
    "table with a cell too many": ("|a|\n|-|\n|b|lost|", "|a|\n|-|\n|b|lost|"),
}


@pytest.mark.parametrize(("written", "shown"), CASES.values(), ids=CASES.keys())
def test_cases(written: str, shown: str) -> None:
    assert read(written) == shown


def test_a_table_wider_than_the_pane_is_told_row_by_row() -> None:
    table = "|name|what|\n|-|-|\n|a|" + "long " * 10 + "|\n|b|c|"
    assert (
        read(table, 30)
        == "name │ what\n• name: a\n  what: " + ("long " * 10).strip() + "\n• name: b\n  what: c"
    )


def test_marks_say_what_is_what() -> None:
    (piece,) = styled("**a** _b_ ***c*** `d` [e](f) ~~g~~ https://x.org")
    marked = {piece.text[start:end]: part for start, end, part in piece.marks}
    assert marked == {
        "a": "bold", "b": "italic", "c": "bold-italic", "d": "code", "e": "link", "(f)": "address",
        "g": "strike", "https://x.org": "link",
    }  # fmt: skip


def test_a_text_over_the_limit_is_shown_as_written() -> None:
    text = "**a** " * (STYLE_LIMIT // 6 + 1)
    assert styled(text) == (Piece("text", text, source=((0, 0, len(text)),)),)


def checked(text: str, table_width: int = 100) -> None:
    """No word is lost or moved, and what is said to stand somewhere stands there."""
    pieces = styled(text, table_width)
    seen = bytearray(len(text))
    position = -1
    for piece in pieces:
        assert len(piece.first) == len(piece.rest)
        end = 0
        for at, there, size in piece.source:
            assert size > 0 and at >= end and there > position
            assert piece.text[at : at + size] == text[there : there + size]
            assert source_offset(piece.source, at) == there
            seen[there : there + size] = b"\x01" * size
            position, end = there + size - 1, at + size
        last = 0
        for start, stop, _ in piece.marks:
            assert last <= start < stop <= len(piece.text)
            last = stop
    shown = "".join(piece.first + piece.text for piece in pieces)
    for was_seen, char in zip(seen, text, strict=True):
        if not was_seen and char.isalpha():
            assert char in shown
    # what is hidden can be put back: the places in order, and what stands between them, are the whole text
    rebuilt, position = [], 0
    for piece in pieces:
        for at, there, size in piece.source:
            rebuilt += [text[position:there], piece.text[at : at + size]]
            position = there + size
    assert "".join(rebuilt) + text[position:] == text


FRAGMENTS = (
    "a", "B7", " ", "  ", "\n", "\n\n", "*", "**", "***", "_", "`", "``", "```", "~~", "[", "](", ")", "(", "!",
    "# ", "> ", "- ", "1. ", "10) ", "    ", "|", "|-|-|", "\n|a|b|\n|-|-|\n|c|d|\n", "<", ">", "\\", "&amp;",
    "https://x.org/a_b", "---", "+ ", "[a](b)", "![c](d)", "目標", "👩‍👩‍👧", "é", "⟦U+202E⟧", "[/]", "~~~", "\"t\"",
)  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join), st.sampled_from([8, 100]))
@example("- \n\n  a", 100)
@example("> ```\n> a\n> ```\n- > b", 100)
@example("|a|a|\n|-|-|\n|a|a|", 100)
def test_no_word_is_lost_and_places_are_right(text: str, table_width: int) -> None:
    checked(text, table_width)


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=200))
def test_any_text(text: str) -> None:
    checked(text)


@pytest.mark.parametrize(
    "text",
    ["[" * 40_000, "*a " * 60_000, "`a" * 90_000, "> " * 90_000, "![a" * 60_000, "a|" * 99_000 + "\n" + "-|" * 1_000,
     "[a](" * 40_000, "- " * 90_000, "<a" * 90_000, "_a" * 90_000],
    ids=lambda text: text[:4],
)  # fmt: skip
def test_hostile_texts_take_no_long_time(text: str) -> None:
    with spent() as taken:
        checked(text)
    assert taken.seconds < 5
