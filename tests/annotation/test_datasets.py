"""Data sets: versions are only added, items are read or refused by line, and a comparison says what came of them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from traceview.annotation.datasets import (
    authored,
    compare,
    find_version,
    newest,
    read_items,
    selected_anew,
    with_items,
    with_splits,
)
from traceview.annotation.splitting import parse_ratios
from traceview.model.datasets import DatasetItem, DatasetVersion
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, Target
from traceview.store.labels import datasets as stored
from traceview.store.labels.store import LabelStore


@pytest.fixture
def store(tmp_path: Path):
    opened = LabelStore.open(tmp_path / "a.labels.db")
    yield opened
    opened.close()


def version(name: str = "g", **told: Any) -> DatasetVersion:
    return DatasetVersion("", name, 0, "ann", "", **told)


def selected(id_: str, **told: Any) -> DatasetItem:
    return DatasetItem(id_, "selected", Target("trace", id_, id_), **({"content_hash": "h"} | told))


ITEMS = [
    selected("t1", split="train", labels=("r1", "r2")),
    DatasetItem("s1", "added", Target("span", "s1", "t9"), content_hash="k", expected="no", must_pass=True),
    DatasetItem("h1", "selected", Target("thread", "h1")),
    authored("a1", 'in "quotes" \u00e9\u2028', "out", must_pass=True, split="dev"),
]


def test_what_is_kept_is_what_was_given(store: LabelStore) -> None:
    made = stored.add_version(
        store, version(note="why", filter="x:y", split="a=1", seed=4, source="id"), ITEMS
    )
    assert (made.version, made.size) == (1, 4)
    assert stored.versions(store) == (made,)
    assert list(stored.items(store, made.id)) == ITEMS


def test_versions_are_numbered_by_name(store: LabelStore) -> None:
    numbers = [stored.add_version(store, version(name), ITEMS[:1]).version for name in ("g", "h", "g", "g")]
    assert numbers == [1, 1, 2, 3]
    found = newest(store, "g")
    assert found is not None and found.version == 3 and newest(store, "nothing") is None


@pytest.mark.parametrize("table", ["datasets", "dataset_items"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET rowid_ = 1", "DELETE FROM {}"])
def test_nothing_of_a_version_is_changed(store: LabelStore, table: str, statement: str) -> None:
    stored.add_version(store, version(), ITEMS)
    column = "name" if table == "datasets" else "item"
    with (
        sqlite3.connect(store.path) as connection,
        pytest.raises(sqlite3.IntegrityError, match="only ever added"),
    ):
        connection.execute(statement.format(table).replace("rowid_", column))


def test_a_version_is_found_by_name_number_and_id(store: LabelStore) -> None:
    one, two = (stored.add_version(store, version(), ITEMS) for _ in range(2))
    for text, found in (("g", two), ("g@1", one), ("g@v2", two), (one.id, one), (two.id, two)):
        assert find_version(store, text) == found
    for text, says in (("f", "no data set 'f'"), ("g@7", "no version 7"), ("g@x", "no version x")):
        with pytest.raises(BadInput, match=says):
            find_version(store, text)


def test_merging_adds_versions_once_and_those_made_apart_are_told_by_id(
    store: LabelStore, tmp_path: Path
) -> None:
    other = LabelStore.open(tmp_path / "b.labels.db")
    theirs = stored.add_version(other, version(), ITEMS)
    other.close()
    mine = stored.add_version(store, version(), ITEMS[:1])
    assert stored.merge_datasets(store, tmp_path / "b.labels.db") == 1
    assert stored.merge_datasets(store, tmp_path / "b.labels.db") == 0
    assert list(stored.items(store, theirs.id)) == ITEMS
    assert {one.id for one in stored.versions(store)} == {mine.id, theirs.id}
    with pytest.raises(BadInput, match="2 versions that were made apart"):
        find_version(store, "g@1")
    assert stored.add_version(store, version(), ITEMS).version == 2


def test_a_backup_and_a_read_only_file_beneath_hold_them_too(store: LabelStore, tmp_path: Path) -> None:
    made = stored.add_version(store, version(), ITEMS)
    store.backup(tmp_path / "copy.db")
    above = LabelStore.open(tmp_path / "above.db", base=tmp_path / "copy.db")
    assert list(stored.items(above, made.id)) == ITEMS
    above.backup(tmp_path / "both.db")
    above.close()
    both = LabelStore.open(tmp_path / "both.db")
    assert stored.versions(both) == (made,)
    both.close()


def test_an_older_label_file_gets_the_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from traceview.store.labels import schema

    path = tmp_path / "old.labels.db"
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:2])
        older.setattr(schema, "ADDED_TABLES", schema.SESSION_TABLES)
        store = LabelStore.open(path)
        store.append_now([LabelRow("", Target("trace", "t", "t"), "ok", True, "human", "ann", "")])
        store.close()
    store = LabelStore.open(path)
    assert len(store.current()) == 1 and stored.versions(store) == ()
    assert stored.add_version(store, version(), ITEMS).size == 4
    store.close()
    assert list(tmp_path.glob("*.v2-*.bak"))


def line(**fields: Any) -> str:
    return json.dumps(fields)


def test_items_are_read(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    messages = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hi"}]
    given = [
        line(id="a", input="x"),
        "",
        line(id="b", input=messages, expected="y", must_pass=True, split="dev"),
    ]
    path.write_text("\r\n".join(given))
    one, two = read_items(path)
    assert (one.id, one.input, one.expected, one.must_pass, one.origin) == ("a", "x", None, False, "imported")
    assert json.loads(two.input or "") == messages and (two.expected, two.must_pass, two.split) == (
        "y",
        True,
        "dev",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "line 1: not an object"),
        ("{", "line 1: not JSON"),
        (line(input="x"), "id is missing"),
        (line(id=3, input="x"), "id is no text"),
        (line(id="a"), "input is missing"),
        (line(id="a", input=3), "neither a text nor a list"),
        (line(id="a", input=[{"role": "robot", "content": "x"}]), "a message of input has a role"),
        (line(id="a", input="x", must_pass=1), "must_pass is true or false"),
        (line(id="a", input="x", expcted="y"), "did you mean expected?"),
        (line(id="a", input="x") + "\n\n" + line(id="a", input="y"), "line 3: id 'a' is that of line 1"),
        ('{"id": "a", "input": "\\ud800"}', "half a character"),
        ("\n", "has no items"),
    ],
)
def test_what_is_no_item_is_refused_by_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "items.jsonl"
    path.write_text(line(id="fine", input="x") + "\n" if "line 3" not in says and text.strip() else "")
    with path.open("a") as stream:
        stream.write(text)
    with pytest.raises(BadInput) as caught:
        read_items(path)
    assert says.replace("line 1", "line 2" if "line 3" not in says else "line 1") in caught.value.message


def test_a_new_selection_keeps_what_people_wrote() -> None:
    before = [*ITEMS, selected("t2")]
    after = selected_anew(before, [selected("t3"), DatasetItem("s1", "selected", Target("span", "s1", "t9"))])
    assert [(item.id, item.origin) for item in after] == [
        ("t3", "selected"),
        ("s1", "added"),
        ("a1", "imported"),
    ]
    assert after[1].expected == "no" and after[1].must_pass


def test_items_of_the_same_id_take_the_place_of_the_old() -> None:
    new = authored("a1", "other", None)
    assert with_items(ITEMS, [new, authored("a2", "x", None)]) == [*ITEMS[:3], new, authored("a2", "x", None)]
    ratios = parse_ratios("dev=0.5,test=0.5")
    split = with_splits(ITEMS, ratios, 1)
    assert all(item.split for item in split) and [split[0].split, split[3].split] == ["train", "dev"]


def label(id_: str, value: bool, who: str = "ann") -> LabelRow:
    return LabelRow(id_, Target("trace", "t", "t"), "ok", value, "human", who, "")


def test_a_comparison_says_what_came_went_and_changed() -> None:
    rows = {
        row.id: row
        for row in (label("1", True), label("2", False), label("3", True), label("4", True, "bob"))
    }
    before = [
        selected("same", labels=("1",)),
        selected("relabelled", labels=("1",)),
        selected("again", labels=("1",)),
        selected("gone"),
        selected("text", split="dev"),
        selected("both", labels=("1", "4")),
    ]
    after = [
        selected("same", labels=("1",)),
        selected("relabelled", labels=("2", "4")),
        selected("again", labels=("3",)),
        selected("new"),
        selected("text", split="test", content_hash="other", must_pass=True, expected="x"),
        selected("both", labels=("1",)),
    ]
    diff = compare(before, after, rows)
    assert (diff.came, diff.went, diff.same) == (("new",), ("gone",), 2)
    assert dict(diff.changed) == {
        "relabelled": ("label changed: ok human ann: true -> false", "label came: ok human bob = true"),
        "text": ("its texts", 'split: "dev" -> "test"', 'expected: none -> "x"', "must_pass: false -> true"),
        "both": ("label went: ok human bob (was true)",),
    }
