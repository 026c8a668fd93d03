"""The themes: every text can be read on every background that it is drawn on."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from textual.color import Color

import traceview
from traceview.tui.app import TraceviewApp
from traceview.tui.themes import MONO, NAMES, chosen

TUI = Path(traceview.__file__).parent / "tui"
COLOURS = ("primary", "secondary", "accent", "warning", "error", "success")
TEXTS = (
    *("foreground", "text", "dim", "text-muted", "text-disabled"),
    *COLOURS,
    *(f"text-{colour}" for colour in COLOURS),
)
DECORATIONS = ("faint", "border-blurred", "scrollbar")
BACKGROUNDS = ("background", "surface", "panel", "cursor", "cursor-blurred")
TEXT_RATIO, DECORATION_RATIO = 4.5, 3.0


def luminance(colour: Color) -> float:
    """The relative luminance as WCAG 2 defines it."""
    parts = [part / 255 for part in colour.rgb]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21."""
    low, high = sorted((luminance(Color.parse(one)), luminance(Color.parse(other))))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def pairs(theme: str) -> list[tuple[str, str, float]]:
    found = [(*pair, TEXT_RATIO) for pair in product(TEXTS, BACKGROUNDS)]
    found += [(*pair, DECORATION_RATIO) for pair in product(DECORATIONS, BACKGROUNDS)]
    found += [(text, "hit", TEXT_RATIO) for text in TEXTS]
    found += [
        ("background", "warning", TEXT_RATIO),
        ("input-cursor-foreground", "input-cursor-background", TEXT_RATIO),
    ]
    return found


@pytest.mark.parametrize("theme", NAMES)
def test_every_text_can_be_read_on_every_background(
    theme: str, make_app: Callable[..., TraceviewApp]
) -> None:
    variables = make_app(theme=theme).get_css_variables()
    low = {
        f"${text} on ${background}": round(ratio, 2)
        for text, background, least in pairs(theme)
        if (ratio := contrast(variables[text], variables[background])) < least
    }
    assert not low


def test_widgets_take_their_colours_from_the_checked_ones() -> None:
    checked = {*TEXTS, *DECORATIONS, *BACKGROUNDS, "hit"}
    for path in TUI.rglob("*.py"):
        for name, value in re.findall(r"[\s{;](color|background): *([^;}\n]+);", path.read_text()):
            if value == "$background 60%":
                continue  # What lies under a window shines through.
            colour = re.fullmatch(r"\$([\w-]+)", value.strip())
            assert colour is not None, f"{path.name}: {name}: {value}"
            assert colour[1] in checked, f"{path.name}: {name}: {value} is not among the checked colours"


@pytest.mark.parametrize(
    ("wanted", "no_color", "theme"),
    [(None, False, "dark"), ("high-contrast", False, "high-contrast"), ("light", True, MONO)],
)
def test_the_theme_to_start_with(wanted: str | None, no_color: bool, theme: str) -> None:
    assert chosen(wanted, no_color=no_color) == theme
