"""What may be typed next in a judge file of kind `code`: keys, checks, their options and values. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from traceview.model.checks import CHECKS, CheckForm, CheckOption

TOP_KEYS = ("name", "metric", "version_note", "kind", "scope", "enabled", "combine")
TABLES = ("[check]", "[[parts]]", "[filter]", "[sampling]", "[score]")
_OTHERS = {
    "filter": ("where",),
    "sampling": ("rate", "max_per_day"),
    "score": ("type", "pass_means", "fail_means"),
}
_HEAD = re.compile(r"^\s*\[{1,2}\s*([A-Za-z_]+)\s*\]{1,2}")
_USE = re.compile(r"^\s*use\s*=\s*[\"']([^\"']*)[\"']")
_KEY = re.compile(r"^\s*(\[{0,2}[A-Za-z_]*)$")
_VALUE = re.compile(r"^\s*([A-Za-z_]+)\s*=\s*\[?(?:.*,)?\s*([\"']?[^\"',\[\]]*)$")


class Completions(NamedTuple):
    """What may stand in place of the last `typed` characters before the cursor, and what the first one does."""

    typed: int
    words: tuple[str, ...]
    about: str = ""


def completions(text: str, row: int, column: int, metrics: Sequence[str]) -> Completions:
    """What may be typed at a place of a text; `metrics` are the names of the project's feedback."""
    lines = text.split("\n")
    line = lines[row][:column]
    table, use = _around(lines, row)
    key = _KEY.match(line)
    if key is not None:
        return _matching(key[1], _keys(table, use), _abouts(table, use))
    value = _VALUE.match(line)
    if value is None:
        return Completions(0, ())
    typed = value[2]
    words = _values(table, use, value[1], metrics)
    if typed[:1] in ("'", '"'):
        words = tuple(word.replace('"', typed[0]) for word in words)
    abouts = {f'"{name}"': form.about for name, form in CHECKS.items()} if value[1] == "use" else {}
    return _matching(typed, words, abouts)


def _around(lines: Sequence[str], row: int) -> tuple[str, CheckForm | None]:
    """The table that a line is in, and the check that it names."""
    start = next((at for at in range(row, -1, -1) if _HEAD.match(lines[at])), -1)
    found = _HEAD.match(lines[start]) if start >= 0 else None
    table = found[1] if found is not None and start != row else ""
    if table not in ("check", "parts"):
        return table, None
    for at in range(start + 1, len(lines)):
        if _HEAD.match(lines[at]):
            break
        use = _USE.match(lines[at])
        if use is not None:
            return table, CHECKS.get(use[1])
    return table, None


def _keys(table: str, use: CheckForm | None) -> tuple[str, ...]:
    if table in ("check", "parts"):
        own = ("name", "use") if table == "parts" else ("use",)
        return (*own, *(use.options if use is not None else ()), *TABLES)
    if table in _OTHERS:
        return (*_OTHERS[table], *TABLES)
    return (*TOP_KEYS, *TABLES)


def _abouts(table: str, use: CheckForm | None) -> dict[str, str]:
    if table in ("check", "parts") and use is not None:
        return {name: option.about for name, option in use.options.items()}
    return {}


def _values(table: str, use: CheckForm | None, key: str, metrics: Sequence[str]) -> tuple[str, ...]:
    if key == "use" and table in ("check", "parts"):
        return tuple(f'"{name}"' for name in CHECKS)
    if table in ("check", "parts") and use is not None and key in use.options:
        return _of_option(use.options[key])
    known = {
        "metric": tuple(metrics),
        "kind": ("code",),
        "scope": ("trace", "thread", "span"),
        "combine": ("all", "any"),
        "type": ("boolean",),
    }
    if key == "enabled":
        return ("true", "false")
    return tuple(f'"{word}"' for word in known.get(key, ()))


def _of_option(option: CheckOption) -> tuple[str, ...]:
    if option.type == "boolean":
        return ("true", "false")
    return tuple(f'"{choice}"' for choice in option.choices)


def _matching(typed: str, words: Sequence[str], abouts: dict[str, str]) -> Completions:
    """The words that begin so, else those that hold it; none once one is typed whole."""
    bare = typed.strip("\"'[").casefold()
    if any(word == typed for word in words):
        return Completions(len(typed), (), abouts.get(typed, ""))
    first = [word for word in words if word.strip("\"'[").casefold().startswith(bare)]
    rest = [word for word in words if bare and bare in word.casefold() and word not in first]
    found = (*first, *rest)
    return Completions(len(typed), found, abouts.get(found[0], "") if found else "")
