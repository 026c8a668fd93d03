"""Definitions and labels are never replaced by what is written out."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from traceview.files.replaceable import check_replaceable
from traceview.model.errors import BadInput


@pytest.mark.parametrize(
    "name",
    ["traceview.toml", "judges/links.toml", "a.labels.db", "a.labels.db-wal", "a.labels.db.lock", "b.jsonl"],
)
def test_what_cannot_be_made_again_is_not_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / "judges").mkdir()
    for place in ("traceview.toml", "judges/links.toml"):
        (tmp_path / place).write_text("[feedback]")
    for place in ("a.labels.db", "b.jsonl"):
        with sqlite3.connect(tmp_path / place) as connection:
            connection.execute("CREATE TABLE labels (id)")
        connection.close()
    with pytest.raises(BadInput, match="never replaced"):
        check_replaceable(tmp_path / name)


@pytest.mark.parametrize("name", ["out.jsonl", "new.toml", "new.db-wal", "folder", "out.lock"])
def test_anything_else_may_be(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    for place in ("out.jsonl", "out.lock", "out"):
        (tmp_path / place).write_text("{}")
    check_replaceable(tmp_path / name)
