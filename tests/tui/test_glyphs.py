"""The table of signs: complete, one cell each, and chosen by what the terminal can show."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import traceview
from traceview.text.cells import width
from traceview.tui.glyphs import ASCII, Written, shown_by

SOURCE = Path(traceview.__file__).parent
# What paints frames only asks how wide the characters of others are.
PAINTING = SOURCE / "tui/painting.py"
DRAWN = [
    *sorted({*(SOURCE / "tui").rglob("*.py")} - {PAINTING}),
    SOURCE / "text/human.py",
    SOURCE / "text/cells.py",
]


def texts_of(tree: ast.AST) -> Iterator[str]:
    """The texts of a module without its docstrings and the sentences that describe a name."""
    described = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
            yield node.value


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_sign_that_is_drawn_has_an_ascii_sign(path: Path) -> None:
    drawn = set("".join(texts_of(ast.parse(path.read_text()))))
    missing = {sign for sign in drawn if ord(sign) > 0x7F and sign not in ASCII}
    assert not missing, f"put {missing} into tui/glyphs.py"


@pytest.mark.parametrize("sign", sorted(ASCII), ids=ascii)
def test_a_sign_and_its_ascii_sign_are_one_cell(sign: str) -> None:
    assert width(sign) == width(ASCII[sign]) == 1
    assert ASCII[sign].isascii() and ASCII[sign].isprintable()


@pytest.mark.parametrize(
    ("wanted", "environment", "shown"),
    [
        (None, {}, "all"),
        (None, {"LANG": "en_US.UTF-8", "TERM": "xterm"}, "all"),
        (None, {"LANG": "en_US"}, "all"),
        (None, {"LANG": "C"}, "ascii only"),
        (None, {"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "ascii only"),
        (None, {"LC_CTYPE": "C.UTF-8"}, "all"),
        (None, {"LANG": "C", "LC_ALL": "de_DE.utf8"}, "all"),
        (None, {"LANG": "en_US.UTF-8", "LC_ALL": "POSIX"}, "ascii only"),
        (None, {"LANG": "de_DE.ISO-8859-1@euro"}, "ascii only"),
        (None, {"LANG": "C.UTF-8", "TERM": "linux"}, "ascii signs"),
        (True, {"LANG": "C.UTF-8"}, "ascii signs"),
        (True, {"LANG": "C"}, "ascii only"),
        (False, {"LANG": "C", "TERM": "linux"}, "all"),
    ],
    ids=str,
)
def test_what_a_terminal_can_show(wanted: bool | None, environment: dict[str, str], shown: str) -> None:
    assert shown_by(wanted, environment) == shown


def test_foreign_text_gives_way_only_where_it_cannot_be_shown() -> None:
    text = "✗ naïve 漢字 ␛[0m → ⟦U+202E⟧\x1b[1m"
    assert text.translate(Written("ascii signs")) == "x naïve 漢字 ␛[0m > [U+202E]\x1b[1m"
    assert text.translate(Written("ascii only")) == "x na?ve ???? ^[0m > [U+202E]\x1b[1m"
