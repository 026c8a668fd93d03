"""A label file on a full disk: read all the same, never past another writer's rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from traceview.model.labels import LabelRow, Target
from traceview.store.labels import connect, reading
from traceview.store.labels.store import LabelStore


def row(target: str) -> LabelRow:
    return LabelRow("", Target("trace", target, target), "verdict", True, "human", "ann", "")


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[LabelStore]:
    """Another process, as it were, that wrote while there was room, and whose log is still there."""
    store = LabelStore.open(tmp_path / "a.labels.db")
    store.append_now([row("t1")])
    yield store
    store.close()


@pytest.fixture
def full(writer: LabelStore, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Have SQLite find no room for the memory that readers share, as long as the list has anything in it."""
    real, state = connect.connect, [True]

    def without_room(path: Path, *given: Any, **named: Any) -> sqlite3.Connection:
        if state and path == writer.path and not named.get("writing"):
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
            raise error
        return real(path, *given, **named)

    monkeypatch.setattr(connect, "connect", without_room)
    monkeypatch.setattr(reading, "is_full", lambda folder: True)
    return state


@pytest.fixture
def reader(full: list[bool], writer: LabelStore) -> Iterator[LabelStore]:
    store = LabelStore.open(writer.path)
    yield store
    store.close()


def ids(store: LabelStore) -> list[str]:
    return [one.target.id for one in store.current()]


def test_labels_are_read_and_the_reason_is_said(reader: LabelStore) -> None:
    assert ids(reader) == ["t1"]
    assert str(reader.notice).startswith("labels are read-only: the disk is full")


def test_rows_of_a_living_writer_are_not_missed(reader: LabelStore, writer: LabelStore) -> None:
    assert ids(reader) == ["t1"]
    before = reader.data_version()
    writer.append_now([row("t2")])
    assert reader.data_version() != before
    assert ids(reader) == ["t1", "t2"]


def test_once_there_is_room_the_file_itself_is_read(
    reader: LabelStore, writer: LabelStore, full: list[bool]
) -> None:
    assert ids(reader) == ["t1"]
    full.clear()
    writer.append_now([row("t2")])
    assert ids(reader) == ["t1", "t2"]
    assert reader.notice is None


def test_a_backup_elsewhere_works(reader: LabelStore, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    copy = LabelStore.open(reader.backup(tmp_path / "elsewhere" / "copy.db"), readonly=True)
    assert ids(copy) == ["t1"]
    copy.close()
