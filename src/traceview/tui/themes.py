"""Colours: a dark and a light theme with few of them, and one with none."""

from __future__ import annotations

from textual.theme import Theme

DARK = "traceview-dark"
LIGHT = "traceview-light"
MONO = "mono"

THEMES: tuple[Theme, ...] = (
    Theme(
        name=DARK,
        primary="#6FA8DC",
        secondary="#B39DDB",
        accent="#D7A65F",
        warning="#D7A65F",
        error="#E0777D",
        success="#8DB580",
        foreground="#D5DAE0",
        background="#11151A",
        surface="#181D24",
        panel="#1F2630",
        dark=True,
    ),
    Theme(
        name=LIGHT,
        primary="#2B6CB0",
        secondary="#6B46C1",
        accent="#9C6B12",
        warning="#9C6B12",
        error="#B3343C",
        success="#3B7A32",
        foreground="#1F2933",
        background="#FBFBFA",
        surface="#F1F1EE",
        panel="#E6E6E2",
        dark=False,
    ),
    Theme(
        name=MONO,
        primary="#FFFFFF",
        secondary="#E0E0E0",
        accent="#FFFFFF",
        warning="#FFFFFF",
        error="#FFFFFF",
        success="#FFFFFF",
        foreground="#D8D8D8",
        background="#000000",
        surface="#101010",
        panel="#1C1C1C",
        dark=True,
    ),
)
NAMES: tuple[str, ...] = tuple(theme.name for theme in THEMES)


def chosen(wanted: str | None, kept: str, *, no_color: bool) -> str:
    """The theme to start with: none of colour if NO_COLOR says so, else the config's, the last one, the dark."""
    if no_color:
        return MONO
    for name in (wanted, kept):
        if name in NAMES:
            return str(name)
    return DARK
