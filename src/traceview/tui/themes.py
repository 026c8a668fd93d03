"""Colours: dark and light themes with few of them, the same in high contrast, and one with none."""

from __future__ import annotations

from typing import Any

from textual.theme import Theme

from traceview.definitions.user import THEME_NAMES

NAMES = THEME_NAMES
DARK, LIGHT, CONTRAST, CONTRAST_LIGHT, MONO = NAMES


def _theme(name: str, *, dark: bool, variables: dict[str, str], **colours: Any) -> Theme:
    """A theme whose coloured texts are its colours themselves, and whose quiet texts have our two greys."""
    dim, faint = variables["dim"], variables["faint"]
    primary, background = colours["primary"], colours["background"]
    texts = {f"text-{what}": colours[what] for what in ("primary", "secondary", "accent", "warning", "error")}
    return Theme(
        name=name,
        dark=dark,
        **colours,
        variables={
            **texts,
            "text-success": colours["success"],
            "text": colours["foreground"],
            "text-muted": dim,
            "text-disabled": dim,
            "input-cursor-background": colours["foreground"],
            "input-cursor-foreground": background,
            "input-selection-background": variables["cursor"],
            "block-cursor-background": variables["cursor"],
            "block-cursor-foreground": colours["foreground"],
            "block-cursor-blurred-background": variables["cursor-blurred"],
            "block-cursor-blurred-foreground": colours["foreground"],
            "block-hover-background": variables["cursor-blurred"],
            "border": primary,
            "border-blurred": faint,
            "scrollbar": faint,
            "scrollbar-hover": dim,
            "scrollbar-active": primary,
            "scrollbar-background": colours["surface"],
            "scrollbar-background-hover": colours["surface"],
            "scrollbar-background-active": colours["surface"],
            "scrollbar-corner-color": colours["surface"],
            **variables,
        },
    )


THEMES: tuple[Theme, ...] = (
    _theme(
        DARK,
        dark=True,
        primary="#7DB4E6",
        secondary="#BBA7E0",
        accent="#DDB06D",
        warning="#DDB06D",
        error="#F0949A",
        success="#98C08C",
        foreground="#D8DDE3",
        background="#11151A",
        surface="#181D24",
        panel="#1F2630",
        variables={
            "dim": "#9AA5B1",
            "faint": "#7C8894",
            "divider": "#3A4552",
            "cursor": "#213850",
            "cursor-blurred": "#222932",
            "hit": "#42371F",
        },
    ),
    _theme(
        LIGHT,
        dark=False,
        primary="#1F5A9B",
        secondary="#5D3BB0",
        accent="#7A500A",
        warning="#7A500A",
        error="#A3222C",
        success="#2C6425",
        foreground="#1F2933",
        background="#FBFBFA",
        surface="#F1F1EE",
        panel="#E6E6E2",
        variables={
            "dim": "#4F5964",
            "faint": "#727B85",
            "divider": "#B9BEC2",
            "cursor": "#CFE0F2",
            "cursor-blurred": "#E4E6E6",
            "hit": "#F3DFB2",
        },
    ),
    _theme(
        CONTRAST,
        dark=True,
        primary="#8FD0FF",
        secondary="#D9C2FF",
        accent="#FFD166",
        warning="#FFD166",
        error="#FFA3A3",
        success="#8FF08F",
        foreground="#FFFFFF",
        background="#000000",
        surface="#000000",
        panel="#1A1A1A",
        variables={
            "dim": "#D0D0D0",
            "faint": "#A0A0A0",
            "divider": "#A0A0A0",
            "cursor": "#003A70",
            "cursor-blurred": "#303030",
            "hit": "#5A4300",
        },
    ),
    _theme(
        CONTRAST_LIGHT,
        dark=False,
        primary="#00337A",
        secondary="#4B0082",
        accent="#5C3300",
        warning="#5C3300",
        error="#8B0000",
        success="#00470F",
        foreground="#000000",
        background="#FFFFFF",
        surface="#FFFFFF",
        panel="#EDEDED",
        variables={
            "dim": "#303030",
            "faint": "#585858",
            "divider": "#585858",
            "cursor": "#BFE0FF",
            "cursor-blurred": "#DDDDDD",
            "hit": "#FFE08A",
        },
    ),
    _theme(
        # Every colour that says something is one of its own: `NoColours` tells them apart by it.
        MONO,
        dark=True,
        primary="#FFFFFE",
        secondary="#FFFFFF",
        accent="#FFFFFE",
        warning="#FFFFFE",
        error="#FFFFFB",
        success="#FFFFFF",
        foreground="#FFFFFF",
        background="#000000",
        surface="#000001",
        panel="#000002",
        variables={
            "dim": "#FFFFFD",
            "faint": "#FFFFFC",
            "divider": "#FFFFFC",
            "cursor": "#000010",
            "cursor-blurred": "#000011",
            "hit": "#000012",
        },
    ),
)
DEFAULT_VARIABLES = THEMES[0].variables
"""`$dim` and `$faint` text, the line under the `$cursor` with and without focus, a `$hit` of the search: solid, since
a line drawn from segments has no background to blend an alpha with."""


def chosen(wanted: str | None, *, no_color: bool) -> str:
    """The theme to start with: the one without colours if NO_COLOR says so, else the config's, else the dark."""
    return MONO if no_color else wanted or DARK
