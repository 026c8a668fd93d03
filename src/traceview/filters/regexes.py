"""Regular expressions that the language accepts: those that Python's `re` and RE2 read alike."""

from __future__ import annotations

import re
import warnings

_PART = re.compile(
    r"""
      (?P<escape>\\.)
    | (?P<set>\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\])
    | (?P<look>\(\?<?[=!])
    | (?P<backreference>\(\?P=)
    | (?P<flags>\(\?(?P<letters>[a-zA-Z-]+)[:)])
    | (?P<group>\(\?P<)
    | (?P<special>\(\?[^:])
    | (?P<possessive>(?<=[*+?}])\+)
    | (?P<repeat>\{(?P<least>\d*)(?:,(?P<most>\d*))?\})
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = frozenset("AbBdDsSwWafnrtvx")
_MAX_REPEAT = 1000


def regex_problem(pattern: str) -> str | None:
    """Why an expression cannot be used, None if it can."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except re.error as error:
        return f"is no regular expression: {error}"
    except (RecursionError, OverflowError):
        return "is too deep or too large for a regular expression"
    for match in _PART.finditer(pattern):
        problem = _unsupported(match)
        if problem:
            return problem
    return None


def _unsupported(match: re.Match[str]) -> str | None:
    piece = match[0]
    if match["escape"]:
        char = piece[1]
        if char.isdigit():
            return f"has a backreference or octal code {piece}, which search cannot do"
        return f"has the escape {piece}, which search does not know" if _odd_escape(char) else None
    if match["set"]:
        for escape in re.findall(r"\\(.)", piece, re.DOTALL):
            if escape.isdigit() or _odd_escape(escape) or escape in "AbB":
                return f"has the escape \\{escape} in a set, which search does not know"
        return None
    if match["look"]:
        return "looks ahead or behind, which search cannot do"
    if match["flags"] and not set(match["letters"]) <= set("ims-"):
        return f"has the flags {match['letters']}, of which search knows i, m and s"
    if match["backreference"] or match["special"] or match["possessive"]:
        return f"has {piece}, which search cannot do"
    if match["repeat"] and any(int(n) > _MAX_REPEAT for n in (match["least"], match["most"]) if n):
        return f"repeats more than {_MAX_REPEAT:,} times"
    return None


def _odd_escape(char: str) -> bool:
    return not char.isascii() or (char.isalpha() and char not in _ESCAPES)
