"""Splits of what is exported: by thread and stable hash, near-duplicates across them, conflicting labels. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256

from msgspec import Struct

from traceview.analysis.near_duplicates import near_duplicates, normalised
from traceview.model.errors import BadInput
from traceview.model.labels import RESERVED_NAMES, LabelRow, LabelValue, Target

EXAMPLE = "train=0.8,dev=0.1,test=0.1"
RULING = "ruling"
"""Stands in the place of a session where a person decides on one item, having seen what all others say."""
LONGEST_NAME = 40
_SEPARATOR = "\x1f"


class Ratios(Struct, frozen=True):
    """Names of splits in order, and the share of threads that each has; the shares sum to 1."""

    shares: tuple[tuple[str, float], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(name for name, _ in self.shares)

    def __str__(self) -> str:
        return ",".join(f"{name}={share:g}" for name, share in self.shares)


def check_split(name: str) -> None:
    """Raise BadInput for the name of a split that cannot be part of a file's name."""
    if len(name) > LONGEST_NAME or not all(one.isascii() and (one.isalnum() or one == "_") for one in name):
        raise BadInput(
            f"the name of a split has letters, digits and _ only, {LONGEST_NAME} at most:"
            " it becomes part of a file's name"
        )


def parse_ratios(text: str) -> Ratios:
    """`train=0.8,dev=0.1,test=0.1`; percents (`80%`) are taken too. Raises BadInput with what is wrong and where."""
    shares: dict[str, float] = {}
    for place, part in enumerate(text.split(","), start=1):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        where = f"split {place} ({part.strip()!r})"
        if not equals or not name or not number:
            raise BadInput(f"{where}: expected NAME=SHARE", hint=f"for example {EXAMPLE}")
        try:
            check_split(name)
        except BadInput as error:
            raise BadInput(f"{where}: {error.message}") from None
        if name in shares:
            raise BadInput(f"{where}: {name} stands there twice")
        try:
            share = float(number.removesuffix("%")) / (100 if number.endswith("%") else 1)
        except ValueError:
            raise BadInput(f"{where}: {number!r} is not a number", hint=f"for example {EXAMPLE}") from None
        if not 0 < share <= 1:
            raise BadInput(f"{where}: a share is above 0 and at most 1 (or 100%)")
        shares[name] = share
    total = sum(shares.values())
    if abs(total - 1) > 1e-6:
        raise BadInput(
            f"the shares of {text!r} sum to {total:g}, not 1",
            hint=f"give the other {1 - total:g} a name of its own" if total < 1 else f"for example {EXAMPLE}",
        )
    return Ratios(tuple(shares.items()))


def group_of(thread_id: str | None, trace_id: str | None) -> str:
    """What is never torn apart: the thread, else the trace itself."""
    return f"thread{_SEPARATOR}{thread_id}" if thread_id else f"trace{_SEPARATOR}{trace_id}"


def split_of(group: str, ratios: Ratios, seed: int) -> str:
    """The split of a group by sha256 of the seed and its name: the same in every export, whatever else is in it."""
    digest = sha256(f"{seed}{_SEPARATOR}{group}".encode("utf-8", "surrogatepass")).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    reached = 0.0
    for name, share in ratios.shares:
        reached += share
        if place < reached:
            return name
    return ratios.names[-1]


class SplitText(Struct, frozen=True):
    """A row as far as near-duplicates are looked for: its id, its split, what was asked, and all that was said."""

    id: str
    split: str
    question: str
    whole: str


class Leak(Struct, frozen=True):
    """Rows of several splits that are nearly the same. `reason`: same question, or similar texts."""

    rows: tuple[tuple[str, str], ...]
    """Id and split of each."""
    reason: str


def leaks(rows: Sequence[SplitText]) -> tuple[Leak, ...]:
    """Groups of near-duplicates that are in several splits: by the question alone if equal, else by the whole."""
    found: list[Leak] = []
    seen: set[frozenset[int]] = set()
    by_question: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        if question := normalised(row.question):
            by_question[question].append(number)
    similar = [group.members for group in near_duplicates([row.whole for row in rows])]
    for reason, groups in (("same question", by_question.values()), ("similar texts", similar)):
        for numbers in groups:
            members = frozenset(numbers)
            across = len({rows[number].split for number in members}) > 1
            if across and not any(members <= other for other in seen):
                seen.add(members)
                named = tuple((rows[number].id, rows[number].split) for number in numbers)
                found.append(Leak(named, reason))
    return tuple(found)


class Conflict(Struct, frozen=True):
    """A target that people gave different values under one name; `adjudicated` is the row that decides, if any."""

    target: Target
    name: str
    values: tuple[tuple[str, LabelValue], ...]
    """Annotator and value of each, by annotator."""
    adjudicated: LabelRow | None = None


def conflicts_of(
    rows: Iterable[LabelRow],
    rules: Mapping[str, str] | None = None,
    names: Collection[str] | None = None,
    free_text: Collection[str] = (),
) -> tuple[Conflict, ...]:
    """Where people's current rows differ, under `names` if given; free texts and modes are never the same and left out.

    `rules` maps the id of each session to its rule: a row given in one that begins with `conflicts`, or as a RULING,
    decides, the newest of several.
    """
    given: dict[tuple[Target, str], list[LabelRow]] = defaultdict(list)
    left_out = {*RESERVED_NAMES, *free_text}
    for row in rows:
        if row.source == "human" and row.name not in left_out and (names is None or row.name in names):
            given[row.target, row.name].append(row)
    found = []
    for (target, name), of_target in given.items():
        if len({(isinstance(row.value, bool), row.value) for row in of_target}) < 2:
            continue
        deciding = [
            row
            for row in of_target
            if row.session
            and (row.session == RULING or (rules or {}).get(row.session, "").startswith("conflicts"))
        ]
        found.append(
            Conflict(
                target,
                name,
                tuple(sorted((row.annotator, row.value) for row in of_target)),
                max(deciding, key=lambda row: (row.created_at, row.id), default=None),
            )
        )
    return tuple(
        sorted(found, key=lambda one: (one.target.kind, one.target.id, one.target.trace_id or "", one.name))
    )


def overruled(rows: Iterable[LabelRow], conflicts: Iterable[Conflict]) -> tuple[LabelRow, ...]:
    """The current rows of people that an adjudication stands against."""
    deciding = {(one.target, one.name): one.adjudicated for one in conflicts if one.adjudicated is not None}
    return tuple(
        row
        for row in rows
        if row.source == "human"
        and (winner := deciding.get((row.target, row.name))) is not None
        and row.id != winner.id
    )
