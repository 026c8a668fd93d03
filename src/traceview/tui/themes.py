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
        variables={"dim": "#8F9AA6", "faint": "#5B6672", "cursor": "#27415C", "cursor-blurred": "#20262E"},
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
        variables={"dim": "#5D6873", "faint": "#98A1AA", "cursor": "#CFE0F2", "cursor-blurred": "#E4E6E6"},
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
        variables={"dim": "#A8A8A8", "faint": "#6E6E6E", "cursor": "#4A4A4A", "cursor-blurred": "#303030"},
    ),
)
DEFAULT_VARIABLES = THEMES[0].variables
"""`$dim` and `$faint` text, the line under the `$cursor` with and without focus: solid, since a line drawn from
segments has no background to blend an alpha with."""
NAMES: tuple[str, ...] = tuple(theme.name for theme in THEMES)


def chosen(wanted: str | None, kept: str, *, no_color: bool) -> str:
    """The theme to start with: none of colour if NO_COLOR says so, else the config's, the last one, the dark."""
    if no_color:
        return MONO
    for name in (wanted, kept):
        if name in NAMES:
            return str(name)
    return DARK
