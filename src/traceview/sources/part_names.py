"""Names of the files of a store: in which order they count, and which of them another one stands in for.

`part-N.parquet` holds spans and `scores-N.jsonl` scores; N has twelve digits and grows with every file that is added.
Of a span that several parts hold, the one in the part with the largest number counts. `part-N-M.parquet` holds what the
parts N to M held and supersedes them: as soon as it is there, by the one rename that gives it its name, readers pass
over every file whose numbers lie within its own, so that no reader sees a span twice or not at all while parts are
merged. A writer may put a mark of its own into the name of a part that it has to find again: `part-N.MARK.parquet`.
Files with other names are never superseded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
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


def superseded(paths: Iterable[Path]) -> dict[Path, Path]:
    """The files of whose numbers another one in the same directory has all and more, and that other one."""
    numbered: dict[tuple[Path, Kind], list[tuple[int, int, Path]]] = {}
    for path in paths:
        told = numbers_of(path.name)
        if told is not None:
            numbered.setdefault((path.parent, told.kind), []).append((told.first, -told.last, path))
    found: dict[Path, Path] = {}
    for group in numbered.values():
        widest, until = None, -1
        for _, last, path in sorted(group):
            if widest is not None and -last <= until:
                found[path] = widest
            else:
                widest, until = path, -last
    return found


def current(paths: Sequence[Path]) -> list[Path]:
    """The files without those that another one supersedes, in the order given."""
    gone = superseded(paths)
    return [path for path in paths if path not in gone]
