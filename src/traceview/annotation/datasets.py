"""Data sets: found by name, read from a file of items, made anew from a version, compared. No source is read here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from traceview.annotation.splitting import Ratios, check_split, group_of, parse_ratios, split_of
from traceview.model.datasets import DatasetItem, DatasetVersion, ItemOrigin
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, LabelValue
from traceview.store.labels import datasets as stored
from traceview.store.labels.rows import check_text
from traceview.store.labels.store import LabelStore

FIELDS = ("id", "input", "expected", "must_pass", "split")
KEPT: tuple[ItemOrigin, ...] = ("added", "authored", "imported")
"""What the next version takes over when its selection is made anew."""
ROLES = ("system", "user", "assistant", "tool")
ERRORS_SHOWN = 10
NAME_SIGNS = "_-./: "
LONGEST_NAME = 80


def content_hash(*texts: str | None) -> str:
    """SHA-256 of texts, 16 hex digits."""
    told = json.dumps(texts, ensure_ascii=True)
    return sha256(told.encode()).hexdigest()[:16]


def check_name(name: str) -> None:
    """Raise BadInput for a name that could not be told from a version, or from another name."""
    told = all(one.isalnum() or one in NAME_SIGNS for one in name) and name == " ".join(name.split())
    if not name or not told or len(name) > LONGEST_NAME:
        shown = repr(name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…")
        raise BadInput(
            f"{shown} is no name of a data set",
            hint=f"letters, digits, {NAME_SIGNS[:-1]} and single spaces, {LONGEST_NAME} characters at most",
        )


def find_version(store: LabelStore, text: str) -> DatasetVersion:
    """`NAME` (its newest version), `NAME@2`, or the id of a version or its beginning. Raises BadInput."""
    every = stored.versions(store)
    name, _, number = text.rpartition("@") if "@" in text else (text, "", "")
    named = [one for one in every if one.name == name]
    if named and not number:
        return max(named, key=lambda one: (one.version, one.created_at, one.id))
    if named:
        found = [one for one in named if str(one.version) == number.removeprefix("v")]
        if len(found) > 1:
            raise BadInput(
                f"{text} is {len(found)} versions that were made apart",
                hint=f"name one by its id: {_ids(found)}",
            )
        if not found:
            raise BadInput(f"{name} has no version {number}", hint=f"the newest is {named[-1].version}")
        return found[0]
    by_id = [one for one in every if len(text) >= 6 and one.id.startswith(text)]
    if len(by_id) == 1:
        return by_id[0]
    if by_id:
        raise BadInput(f"{len(by_id)} versions begin with {text}", hint=_ids(by_id))
    near = get_close_matches(name, {one.name for one in every}, n=1)
    raise BadInput(
        f"there is no data set {text!r}",
        hint=f"did you mean {near[0]}?" if near else "`traceview dataset list SOURCE` lists them",
    )


def _ids(found: Iterable[DatasetVersion]) -> str:
    return ", ".join(one.id for one in found)


def newest(store: LabelStore, name: str) -> DatasetVersion | None:
    """The newest version of a data set; None if there is none of that name."""
    named = [one for one in stored.versions(store) if one.name == name]
    return max(named, key=lambda one: (one.version, one.created_at, one.id), default=None)


def read_items(path: Path) -> list[DatasetItem]:
    """The items of a file of JSON lines: `id`, `input`, and, if wanted, `expected`, `must_pass`, `split`.

    `input` is a text or a list of messages with role and content. Raises BadInput that names every line that is wrong,
    ten at most.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from error
    items: list[DatasetItem] = []
    problems: list[str] = []
    places: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            item = _item_of(line)
            if item.id in places:
                raise BadInput(f"id {item.id!r} is that of line {places[item.id]} too")
        except BadInput as error:
            problems.append(f"line {number}: {error.message}")
            continue
        places[item.id] = number
        items.append(item)
    if problems:
        shown = "\n  ".join(problems[:ERRORS_SHOWN])
        more = f"\n  ({ERRORS_SHOWN} of {len(problems):,} shown)" if len(problems) > ERRORS_SHOWN else ""
        raise BadInput(
            f"{path}: {len(problems):,} of {len(items) + len(problems):,} lines are no items, none was taken"
            f"\n  {shown}{more}",
            hint='a line is {"id": "...", "input": "...", "expected": "...", "must_pass": true}',
        )
    if not items:
        raise BadInput(f"{path} has no items", hint='a line is {"id": "...", "input": "..."}')
    return items


def _item_of(line: bytes) -> DatasetItem:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"not JSON: {error}") from None
    if not isinstance(told, dict):
        raise BadInput("not an object")
    for field in told:
        if field not in FIELDS:
            near = get_close_matches(field, FIELDS, n=1)
            raise BadInput(f"unknown field {field!r}" + (f", did you mean {near[0]}?" if near else ""))
    for field in ("id", "expected", "split"):
        value = told.get(field)
        if not (isinstance(value, str) and value.strip()) and (field == "id" or value is not None):
            raise BadInput(f"{field} is {'missing' if value is None else 'no text'}")
    if told.get("split") is not None:
        check_split(told["split"])
    if not isinstance(told.get("must_pass", False), bool):
        raise BadInput("must_pass is true or false")
    input_ = _input_of(told.get("input"))
    expected = told.get("expected")
    return authored(
        told["id"], input_, expected, must_pass=told.get("must_pass", False), split=told.get("split")
    )


def _input_of(value: Any) -> str:
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, list) and value:
        for message in value:
            if not (
                isinstance(message, dict)
                and message.get("role") in ROLES
                and isinstance(message.get("content"), str)
            ):
                raise BadInput(f"a message of input has a role ({', '.join(ROLES)}) and a text as content")
        return json.dumps(value, ensure_ascii=False)
    raise BadInput("input is missing" if value is None else "input is neither a text nor a list of messages")


def authored(
    id: str,
    input: str,
    expected: str | None,
    *,
    must_pass: bool = False,
    split: str | None = None,
    origin: ItemOrigin = "imported",
) -> DatasetItem:
    """An item that somebody wrote. Raises BadInput for half a character in it, and for a text that says nothing."""
    for what, told in (("id", id), ("input", input), ("expected", expected)):
        if told is not None and not told.strip():
            raise BadInput(f"{what} is no text")
    for text in (id, input, expected or ""):
        check_text(text)
    return DatasetItem(
        id,
        origin,
        split=split,
        content_hash=content_hash(input, expected),
        input=input,
        expected=expected,
        must_pass=must_pass,
    )


def with_items(before: Sequence[DatasetItem], more: Iterable[DatasetItem]) -> list[DatasetItem]:
    """The items, those of the same id replaced in place, new ones at the end."""
    merged = {item.id: item for item in before}
    for item in more:
        merged[item.id] = item
    return list(merged.values())


def selected_anew(before: Sequence[DatasetItem], selected: Sequence[DatasetItem]) -> list[DatasetItem]:
    """A new selection, with what was added or written by hand before; a target that is in both keeps its own words."""
    kept = {item.id: item for item in before if item.origin in KEPT}
    joined = []
    for item in selected:
        old = kept.pop(item.id, None)
        if old is not None:
            item = replace(item, origin=old.origin, expected=old.expected, must_pass=old.must_pass)
        joined.append(item)
    return [*joined, *kept.values()]


def with_splits(items: Iterable[DatasetItem], ratios: Ratios, seed: int) -> list[DatasetItem]:
    """The items, those that have no split in the one that their id gives them."""
    return [
        item if item.split else replace(item, split=split_of(group_of(None, item.id), ratios, seed))
        for item in items
    ]


def next_version(
    store: LabelStore,
    annotator: str,
    name: str,
    before: DatasetVersion | None,
    old: Sequence[DatasetItem],
    new: Sequence[DatasetItem],
    **told: Any,
) -> DatasetVersion | None:
    """Write the next version of a data set; None, and none is, if it would be the one before.

    `told` are fields of the version; what is not told is that of the one before. Raises Unsaved.
    """
    if before is not None:
        kept = {
            "filter": before.filter,
            "split": before.split,
            "seed": before.seed,
            "source": before.source,
        }
        told = kept | told
    if told.get("split"):
        new = with_splits(new, parse_ratios(told["split"]), told["seed"])
    if before is not None and tuple(old) == tuple(new):
        return None
    return stored.add_version(store, DatasetVersion("", name, 0, annotator, "", **told), new)


class DatasetDiff(Struct, frozen=True):
    """What differs between two versions: items that came and went, and what changed of those in both, in words."""

    came: tuple[str, ...]
    went: tuple[str, ...]
    changed: tuple[tuple[str, tuple[str, ...]], ...]
    same: int

    def as_json(self) -> dict[str, Any]:
        """The object of `dataset diff --json`."""
        return {
            "came": list(self.came),
            "went": list(self.went),
            "changed": [{"id": id_, "what": list(what)} for id_, what in self.changed],
            "same": self.same,
        }


def compare(
    before: Sequence[DatasetItem], after: Sequence[DatasetItem], rows: Mapping[str, LabelRow]
) -> DatasetDiff:
    """Two versions compared; `rows` are the label rows of both by id."""
    old, new = ({item.id: item for item in items} for items in (before, after))
    changed = []
    for id_, item in new.items():
        if id_ in old and (what := _changes(old[id_], item, rows)):
            changed.append((id_, what))
    return DatasetDiff(
        tuple(id_ for id_ in new if id_ not in old),
        tuple(id_ for id_ in old if id_ not in new),
        tuple(changed),
        sum(id_ in old for id_ in new) - len(changed),
    )


def _changes(old: DatasetItem, new: DatasetItem, rows: Mapping[str, LabelRow]) -> tuple[str, ...]:
    said = []
    if old.content_hash != new.content_hash:
        said.append("its texts")
    for field in ("split", "expected", "must_pass"):
        was, is_ = getattr(old, field), getattr(new, field)
        if was != is_:
            said.append(f"{field}: {_told(was)} -> {_told(is_)}")
    were, are = _values(old, rows), _values(new, rows)
    for key in sorted({*were, *are}):
        name = " ".join(key)
        if key not in were:
            said.append(f"label came: {name} = {_told(are[key])}")
        elif key not in are:
            said.append(f"label went: {name} (was {_told(were[key])})")
        elif were[key] != are[key]:
            said.append(f"label changed: {name}: {_told(were[key])} -> {_told(are[key])}")
    return tuple(said)


def _values(item: DatasetItem, rows: Mapping[str, LabelRow]) -> dict[tuple[str, str, str], LabelValue]:
    found = [rows[id_] for id_ in item.labels if id_ in rows]
    return {(row.name, row.source, row.annotator): row.value for row in found}


def _told(value: object) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)
