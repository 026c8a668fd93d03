"""Names of the files of a store: in which order they count, and which of them another one may stand in for.

`part-N.parquet` holds spans and `scores-N.jsonl` scores; N has twelve digits and grows with every file that is added.
Of a span that several parts hold, the one in the part with the largest number counts. `part-N-M.parquet` holds what
parts from N to M held, and may supersede them: whether it does is not for its name to say (`sources.superseding`). A
writer may put a mark of its own into the name of a part that it has to find again: `part-N.MARK.parquet`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

PART_SUFFIX = ".parquet"
SCORES_SUFFIX = ".jsonl"

Kind = Literal["part", "scores"]

_SUFFIXES: dict[Kind, str] = {"part": PART_SUFFIX, "scores": SCORES_SUFFIX}
_NAME = re.compile(r"^(part|scores)-(\d{12})(?:-(\d{12}))?(?:\.[0-9A-Za-z_-]+)?\.(?:parquet|jsonl)$")


class Numbers(NamedTuple):
    """What a name tells: the kind of the file, and the first and the last number that it stands for."""

    kind: Kind
    first: int
    last: int


def numbers_of(name: str) -> Numbers | None:
    """The numbers in the name of a file; None for a name of another kind."""
    found = _NAME.match(name)
    if found is None:
        return None
    kind: Kind = "part" if found[1] == "part" else "scores"
    if not name.endswith(_SUFFIXES[kind]):
        return None
    first = int(found[2])
    return Numbers(kind, first, int(found[3] or first))


def name_of(kind: Kind, first: int, last: int | None = None, mark: str = "") -> str:
    """The name of the file with a number, or of one that stands for the numbers from `first` to `last`."""
    until = "" if last is None or last == first else f"-{last:012d}"
    return f"{kind}-{first:012d}{until}{_marked(mark)}{_SUFFIXES[kind]}"


def with_mark(paths: Iterable[Path], mark: str) -> Path | None:
    """The part with a mark, unless it was merged into another; None if there is none."""
    return next((path for path in paths if path.name.endswith(f"{_marked(mark)}{PART_SUFFIX}")), None)


def _marked(mark: str) -> str:
    return f".{mark}" if mark else ""


def next_number(paths: Iterable[Path], kind: Kind) -> int:
    """The number for the next file of a kind in a directory with these files."""
    told = (numbers_of(path.name) for path in paths)
    return 1 + max((one.last for one in told if one is not None and one.kind == kind), default=0)


def covered(paths: Iterable[Path]) -> dict[Path, list[Path]]:
    """The files whose numbers others in the same directory have too, and those others, the widest first."""
    numbered: dict[tuple[Path, Kind], list[tuple[int, int, str, Path]]] = {}
    for path in paths:
        told = numbers_of(path.name)
        if told is not None:
            entry = (told.first, -told.last, path.name, path)
            numbered.setdefault((path.parent, told.kind), []).append(entry)
    found: dict[Path, list[Path]] = {}
    for group in numbered.values():
        wide: list[tuple[int, Path]] = []
        for first, last, _, path in sorted(group):
            wide = [one for one in wide if one[0] >= first]
            over = [one for until, one in wide if until >= -last]
            if over:
                found[path] = over
            if -last > first:
                wide.append((-last, path))
    return found


def by_numbers(path: Path) -> tuple[str, ...]:
    """A key to sort files by their paths, numbered ones by the last number that they stand for, wide ones last."""
    told = numbers_of(path.name)
    if told is None:
        return path.parts
    return *path.parts[:-1], f"{told.kind}-{told.last:012d}-{10**12 - told.first:012d}", path.name
