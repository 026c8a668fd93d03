"""A TOML file with errors that name the file and the line."""

from __future__ import annotations

import codecs
import difflib
import json
import re
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from traceview.files.small import small_bytes
from traceview.model.errors import BadInput

Keys = tuple[str | int, ...]
"""Where something stands: names of keys, and for arrays of tables the place from 0."""


MOST_BYTES = 1_000_000
"""Bytes of a TOML file that is read."""
MOST_DOTS = 64
"""In one key: what reading a key costs grows with the square of them."""
_KEY = r"""(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+"""
_DEEP = re.compile(rf"(?<![\w.\\-])(?:{_KEY}\.[ \t]*+){{{MOST_DOTS + 1}}}")
_LOOKED_AT = 8_000_000
"""Characters that are parsed to find the line of a key; where that is not enough, none is told."""


@dataclass(frozen=True)
class Document:
    """A parsed file."""

    path: Path
    text: str
    data: dict[str, Any]

    def error(self, keys: Keys, message: str, hint: str | None = None) -> BadInput:
        """The error for what stands under these keys: `file:line: keys: message`."""
        place = self.place(keys)
        said = dotted(self._named(keys))
        return BadInput(f"{place}: {said}: {message}" if keys else f"{place}: {message}", hint=hint)

    def _named(self, keys: Keys) -> tuple[str, ...]:
        """The keys with the name of a table (its number from 1 without one) where an array has several."""
        named: list[str] = []
        here: Any = self.data
        for key in keys:
            if isinstance(key, int):
                here = here[key] if isinstance(here, list) and key < len(here) else None
                name = here.get("name") if isinstance(here, dict) else None
                named.append(name if isinstance(name, str) and name.strip() else str(key + 1))
            else:
                here = here.get(key) if isinstance(here, dict) else None
                named.append(key)
        return tuple(named)

    def place(self, keys: Keys) -> str:
        """`file:line` of what stands under these keys, the file alone where nothing does."""
        line = line_of(self.text, keys)
        return f"{self.path}:{line}" if line else str(self.path)

    def only(self, table: dict[str, Any], keys: Keys, known: Collection[str]) -> None:
        """Raise BadInput for the first key of a table that is not known, with the nearest that is."""
        for key in table:
            if key not in known:
                raise self.error((*keys, key), "unknown key", nearest(key, known))

    def typed(self, value: Any, keys: Keys, kind: type | tuple[type, ...], expected: str) -> Any:
        """The value, if it is of this type (a boolean is no number). Raises BadInput."""
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise self.error(keys, f"expected {expected}, found {in_words(value)}")
        return value

    def one_of(self, value: Any, keys: Keys, known: Collection[str]) -> str:
        """The value, if it is one of these texts. Raises BadInput with the nearest that is."""
        if not isinstance(value, str) or value not in known:
            expected = f"expected {', '.join(known)}, found {in_words(value)}"
            raise self.error(keys, expected, nearest(value, known) if isinstance(value, str) else None)
        return value


def read_document(path: Path) -> Document:
    """Read and parse a TOML file. Raises BadInput with the line of a syntax error, for what is no file or too large."""
    try:
        text = small_bytes(path, MOST_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8 text (byte {error.start})") from error
    return parse_document(path, text)


def written_like(path: Path, text: str) -> str:
    """A new text of a file with the line ends (where all are alike) and the byte order mark that the file has.

    Raises OSError.
    """
    try:
        before = path.read_bytes()
    except FileNotFoundError:
        return text
    if 0 < before.count(b"\n") == before.count(b"\r\n"):
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    return f"\ufeff{text}" if before.startswith(codecs.BOM_UTF8) else text


def parse_document(path: Path, text: str) -> Document:
    """Parse the text of a TOML file. Raises BadInput with the line of a syntax error."""
    deep = _DEEP.search(text)
    if deep is not None:
        line = text.count("\n", 0, deep.start()) + 1
        raise BadInput(f"{path}:{line}: a key has {MOST_DOTS} dots at most", hint="put a long text in quotes")
    try:
        return Document(path, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        place = f":{found[1]}:{found[2]}" if found else f":{max(1, len(text.splitlines()))}"
        reason = re.sub(r" \(at .*\)$", "", str(error))
        raise BadInput(f"{path}{place}: not valid TOML: {reason}") from error
    except RecursionError:
        raise BadInput(f"{path}: not valid TOML: nested too deeply") from None
    except ValueError:
        # Python reads no integer of more than 4,300 digits.
        raise BadInput(f"{path}: not valid TOML: a number is too large") from None


def line_of(text: str, keys: Keys) -> int | None:
    """The line (from 1) of the statement that first gives a value to these keys; None if none does."""
    lines = text.replace("\r\n", "\n").split("\n")
    while keys:
        if _gives(lines, len(lines), keys):
            return _first_line(lines, keys)
        keys = keys[:-1]
    return None


def _first_line(lines: list[str], keys: Keys) -> int | None:
    """The line after the longest beginning of a text that does not give the keys a value; the whole text does.

    Beginnings that end within a statement are passed over. None where that takes too long.
    """
    without, within = 0, len(lines)
    ends = list(accumulate((len(line) + 1 for line in lines), initial=0))
    looked_at = 0
    while True:
        middle = (without + within) // 2
        for end in (*range(middle, within), *range(middle - 1, without, -1)):
            looked_at += ends[end]
            if looked_at > _LOOKED_AT:
                return None
            given = _gives(lines, end, keys) if end > without else None
            if given is not None:
                break
        else:
            return without + 1
        if given:
            within = end
        else:
            without = end


def _gives(lines: list[str], end: int, keys: Keys) -> bool | None:
    """Whether the first lines give the keys a value; None if they are no TOML by themselves."""
    try:
        data: Any = tomllib.loads("\n".join(lines[:end]))
    except ValueError:
        return None
    for key in keys:
        if isinstance(key, int):
            data = data[key] if isinstance(data, list) and key < len(data) else None
        else:
            data = data.get(key) if isinstance(data, dict) else None
    return data is not None


def dotted(keys: tuple[str, ...]) -> str:
    """Keys as TOML writes them; those with odd characters in quotes."""
    return ".".join(
        key if key and key.replace("\u200d", "").isprintable() and "." not in key else json.dumps(key)
        for key in keys
    )


def nearest(wanted: str, known: Iterable[str]) -> str:
    """`did you mean ...?` if something is near, else the list of what is known."""
    names = list(known)
    near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(names))}"


def in_words(value: Any) -> str:
    """A TOML value for an error message."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, list):
        return "an array"
    if isinstance(value, dict):
        return "a table"
    return str(value)
