"""The one table of signs that are not ASCII: each by name, one cell wide, with the ASCII sign that stands in for it.

Widgets draw the signs of this table, by name or as they are; a test refuses a sign that is not in it. On a terminal
that cannot show them the driver writes their ASCII signs instead (`written_as`), so no widget asks which set is in
use and no width changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from traceview.text.cells import width

# Status.
OK = "✓"
BAD = "✗"
UNSET = "·"
BUSY = "⧗"
ABSENT = "–"
MORE = "…"
"""Something was cut, or is on its way."""

# Kinds of spans.
AGENT = "◆"
LLM = "●"
TOOL = "■"
RETRIEVER = "▼"
EMBEDDING = "▽"
RERANKER = "△"
GUARDRAIL = "◈"
EVALUATOR = "◇"
CHAIN = "○"
UNKNOWN = "·"

# Rows: the cursor, marks, what is picked.
CURSOR = "▌"
MARKED = "●"
PICKED = "●"
NOT_PICKED = "○"

# Trees and folds.
BRANCH = "├"
LAST_BRANCH = "╰"
RAIL = "│"
LEAF = "─"
DEEPER = "⋯"
FOLDED = "▸"
UNFOLDED = "▾"

# Lines, arrows, columns.
RULE = "─"
SEPARATOR = "·"
ARROW = "→"
BACK_ARROW = "←"
UP_ARROW = "↑"
DOWN_ARROW = "↓"
SORTED_UP = "▲"
SORTED_DOWN = "▼"
CARET = "▲"
MORE_LEFT = "‹"
MORE_RIGHT = "›"
FROM_HERE = "↳"
TIMES = "×"

# Bars: a waterfall in half cells, a share in eighths of a cell, a sparkline in eighths of a line.
BAR = "━"
BAR_LEFT_HALF = "╸"
BAR_RIGHT_HALF = "╺"
BAR_FAINT = "┄"
TIME_MARK = "┊"
EIGHTHS = " ▏▎▍▌▋▊▉█"
SPARKS = "▁▂▃▄▅▆▇█"

ASCII: Mapping[str, str] = {
    OK: "+",
    BAD: "x",
    UNSET: ".",
    BUSY: "~",
    ABSENT: "-",
    MORE: "~",
    AGENT: "@",
    LLM: "*",
    TOOL: "#",
    RETRIEVER: "v",
    EMBEDDING: "e",
    RERANKER: "r",
    GUARDRAIL: "%",
    EVALUATOR: "?",
    CHAIN: "o",
    BRANCH: "|",
    LAST_BRANCH: "`",
    RAIL: "|",
    LEAF: "-",
    DEEPER: ":",
    FOLDED: ">",
    UNFOLDED: "v",
    ARROW: ">",
    BACK_ARROW: "<",
    UP_ARROW: "^",
    DOWN_ARROW: "v",
    SORTED_UP: "^",
    MORE_LEFT: "<",
    MORE_RIGHT: ">",
    FROM_HERE: "\\",
    TIMES: "x",
    BAR: "=",
    BAR_LEFT_HALF: "-",
    BAR_RIGHT_HALF: "-",
    BAR_FAINT: ".",
    TIME_MARK: ":",
    **dict(zip(EIGHTHS[1:], "..:|||##", strict=True)),
    **dict(zip(SPARKS, "_.,-=+*#", strict=True)),
    CURSOR: ">",
    # What stands for foreign characters that do something instead of showing something.
    "⏎": "$",
    "␡": "^",
    "⟦": "[",
    "⟧": "]",
    "⟨": "<",
    "⟩": ">",
    "�": "?",
    # Typography of sentences.
    "—": "-",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "•": "*",
    "±": "~",
    "Δ": "d",
    "Σ": "S",
    "µ": "u",
    "»": ">",
    "«": "<",
    "▕": "|",
    # Frames and scroll bars.
    "╭": "+",
    "╮": "+",
    "╯": "+",
    "┌": "+",
    "┐": "+",
    "└": "`",
    "┘": "+",
    "┤": "|",
    "┬": "+",
    "┴": "+",
    "┼": "+",
    "┃": "|",
    "║": "|",
    "═": "=",
    "▔": "-",
    "▀": "-",
    "▐": "|",
    "░": ".",
    "▒": ":",
    "▓": "#",
}
"""Every sign that the app draws, and the ASCII sign that stands in for it."""

Shown = Literal["all", "ascii signs", "ascii only"]
"""What a terminal can show: everything; only ASCII signs of ours, any foreign text; ASCII and nothing else."""


def shown_by(wanted: bool | None, environment: Mapping[str, str]) -> Shown:
    """What the terminal can show, from the user's wish (`[display] ascii`; None: find out) and the environment.

    A locale that says another encoding than UTF-8 can show ASCII only; the console of Linux has few signs.
    """
    if wanted is False:
        return "all"
    if not _is_utf8(environment):
        return "ascii only"
    return "ascii signs" if wanted or environment.get("TERM") in ("linux", "dumb", "vt100") else "all"


def _is_utf8(environment: Mapping[str, str]) -> bool:
    """Whether the locale is one of UTF-8; where nothing is said, it is."""
    names = [environment.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG")]
    if names[1] in ("C.UTF-8", "C.utf8", "UTF-8") and names[2] in ("C", "POSIX") and not names[0]:
        # Python puts this in the place of the plain locale when it starts; what the user has is LANG.
        names[1] = ""
    name = next(filter(None, names), "C.UTF-8").lower()
    if name in ("c", "posix"):
        return False
    _, dot, encoding = name.partition("@")[0].partition(".")
    return not dot or encoding.replace("-", "") == "utf8"


class Written(dict[int, str | int]):
    """A table for `str.translate`: what is written to the terminal in the place of each character."""

    def __init__(self, shown: Shown) -> None:
        super().__init__({ord(sign): ascii_sign for sign, ascii_sign in ASCII.items()})
        self._ascii_only = shown == "ascii only"

    def __missing__(self, code: int) -> str | int:
        if code < 0x80 or not self._ascii_only:
            return code
        # The picture of a control character, else as many question marks as the character has cells.
        self[code] = "^" if 0x2400 <= code <= 0x2426 else "?" * width(chr(code))
        return self[code]
