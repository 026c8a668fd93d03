"""The label store: rows that are only ever added, current rows, polls, backups."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, Target
from traceview.store.labels import connect
from traceview.store.labels.ids import uuid7
from traceview.store.labels.store import LabelStore


def row(target: str = "t1", value: object = True, **fields: object) -> LabelRow:
    given = {"name": "verdict", "source": "human", "annotator": "ann", "id": "", "created_at": ""} | fields
    return LabelRow(target=Target("trace", target), value=value, **given)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path):
    opened = LabelStore.open(tmp_path / "a.labels.db")
    yield opened
    opened.close()


def test_opening_creates_nothing_and_the_first_write_does(tmp_path: Path) -> None:
    store = LabelStore.open(tmp_path / "a.labels.db")
    assert store.current() == () and store.last_seq() == 0 and store.counts().rows == 0
    assert list(tmp_path.iterdir()) == []
    (written,) = store.append_now([row()])
    assert store.current() == (written,)
    assert written.target == Target("trace", "t1", "t1")
    store.close()
    assert LabelStore.open(tmp_path / "a.labels.db", readonly=True).current() == (written,)


def test_every_value_comes_back_as_it_was(store: LabelStore) -> None:
    values = (True, False, 0, 3, -2.5, "n/a", "é\x1b[0m\n\x00", ("b", "a"), "1", 10**30)
    written = store.append_now([row(f"t{number}", value) for number, value in enumerate(values)])
    assert [(kept.value, type(kept.value)) for kept in store.current()] == [
        (value, type(value)) for value in values
    ]
    assert store.history() == written


def test_a_row_without_a_value_or_with_half_a_character_is_refused_alone(store: LabelStore) -> None:
    bad = store.append([row("t1", "\ud800")])
    good = store.append([row("t2")])
    none = store.append([row("t3", None)])
    span = store.append([LabelRow("", Target("span", "s1"), "verdict", True, "human", "ann", "")])
    assert len(good.result()) == 1
    for future in (bad, none, span):
        with pytest.raises(BadInput):
            future.result()
    assert [kept.target.id for kept in store.current()] == ["t2"]


def test_rows_cannot_be_changed_removed_or_replaced(store: LabelStore) -> None:
    (written,) = store.append_now([row()])
    connection = sqlite3.connect(store.path)
    for statement in (
        "UPDATE labels SET value = 'false'",
        "DELETE FROM labels",
        "INSERT OR REPLACE INTO labels SELECT * FROM labels",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)
    connection.close()
    with pytest.raises(BadInput, match="not saved"):
        store.append_now([row(id=written.id, value=False)])
    assert store.current() == (written,)


def test_sources_and_annotators_are_name_spaces(store: LabelStore) -> None:
    store.append_now([row(), row(value=False, source="judge"), row(value="n/a", annotator="bob")])
    store.append_now([row(value=False)])
    found = {(kept.source, kept.annotator): kept.value for kept in store.current([Target("trace", "t1")])}
    assert found == {("human", "ann"): False, ("judge", "ann"): False, ("human", "bob"): "n/a"}
    assert [kept.value for kept in store.current(source="judge")] == [False]
    assert [kept.value for kept in store.current(annotator="bob", name="verdict")] == ["n/a"]


def test_the_last_write_counts_also_when_the_clock_has_run_backwards(
    store: LabelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from traceview.store.labels import rows

    store.append_now([row(value=True)])
    monkeypatch.setattr(rows, "now", lambda: "2001-01-01T00:00:00.000000Z")
    store.append_now([row(value=False)])
    assert [kept.value for kept in store.current()] == [False]


def test_others_rows_are_seen_by_the_poll_and_as_changes(tmp_path: Path) -> None:
    mine, other = (LabelStore.open(tmp_path / "a.db") for _ in range(2))
    quiet = mine.data_version()
    assert mine.data_version() == quiet
    (first,) = other.append_now([row("t1")])
    assert mine.data_version() != quiet
    assert mine.current_changes(0).rows == (first,)
    seq = mine.last_seq()
    (second,) = other.append_now([row("t2")])
    assert mine.changes_since(seq) == [(seq + 1, second)]
    other.append_now(
        [LabelRow("", first.target, "verdict", None, "human", "ann", "", op="undo", ref=first.id)]
    )
    changes = mine.current_changes(seq)
    assert changes.rows == (second,)
    assert changes.gone == ((first.target, "verdict", "human", "ann"),)
    assert mine.changes_since(0, limit=2) == [(1, first), (2, second)]
    mine.close()
    other.close()


def test_many_changes_at_once_are_the_same_as_one_by_one(store: LabelStore) -> None:
    first = store.append_now([row(f"t{number}") for number in range(2500)])
    seq = store.last_seq()
    store.append_now(
        [LabelRow("", one.target, one.name, None, "human", "ann", "", op="clear") for one in first[:5]]
    )
    few = store.current_changes(seq)
    assert few.rows == () and len(few.gone) == 5
    many = store.current_changes(1)
    assert {one.target for one in many.rows} == {one.target for one in first[5:]}
    assert len(many.gone) == 5


@pytest.mark.parametrize("removed", ["a.labels.db*", "a.labels.db"])
def test_a_file_that_is_removed_is_written_again_with_its_rows(store: LabelStore, removed: str) -> None:
    store.append_now([row("t1")])
    assert store.take_restored() is None
    for name in store.path.parent.glob(removed):
        name.unlink()
    store.append_now([row("t2")])
    assert [kept.target.id for kept in store.current()] == ["t1", "t2"]
    assert "the label file was gone: written again with its 1 rows" in str(store.take_restored())
    assert store.take_restored() is None
    check = LabelStore.open(store.path, readonly=True)
    assert [kept.target.id for kept in check.current()] == ["t1", "t2"]
    check.close()


def test_a_file_that_is_removed_before_the_end_is_there_afterwards(tmp_path: Path) -> None:
    store = LabelStore.open(tmp_path / "a.labels.db")
    store.append_now([row("t1")])
    for name in tmp_path.glob("a.labels.db*"):
        name.unlink()
    store.close()
    check = LabelStore.open(store.path, readonly=True)
    assert [kept.target.id for kept in check.current()] == ["t1"]
    check.close()


def test_a_file_put_in_the_place_of_another_stays_as_it_is(store: LabelStore, tmp_path: Path) -> None:
    store.append_now([row("t1")])
    copy = store.backup(tmp_path / "copy.db")
    store.append_now([row("t2")])
    for name in store.path.parent.glob("a.labels.db*"):
        name.unlink()
    copy.rename(store.path)
    store.append_now([row("t3")])
    assert [kept.target.id for kept in store.current()] == ["t1", "t3"]
    assert store.take_restored() is None


def test_a_reader_that_came_between_creation_and_tables_sees_the_rows_later(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.touch()
    reader = LabelStore.open(path, readonly=True)
    assert reader.current() == ()
    before = reader.data_version()
    writer = LabelStore.open(path)
    writer.append_now([row()])
    assert len(reader.current()) == 1
    assert reader.data_version() != before
    writer.close()
    reader.close()


def test_backup_is_whole_and_does_not_overwrite(store: LabelStore, tmp_path: Path) -> None:
    written = store.append_now([row("t1"), row("t2")])
    copy = store.backup(tmp_path / "copy.db")
    opened = LabelStore.open(copy, readonly=True)
    assert opened.history() == written
    opened.close()
    with pytest.raises(BadInput, match="exists"):
        store.backup(copy)
    store.append_now([row("t3")])
    assert LabelStore.open(store.backup(copy, force=True), readonly=True).counts().rows == 3
    with pytest.raises(BadInput, match="itself"):
        store.backup(store.path, force=True)


def test_a_read_only_file_beneath_is_merged_and_not_touched(tmp_path: Path) -> None:
    base = LabelStore.open(tmp_path / "base.db")
    old = base.append_now([row("t1"), row("t2")])
    log_left_behind = (tmp_path / "base.db-wal").stat().st_size
    assert log_left_behind
    before = (tmp_path / "base.db").read_bytes()
    merged = LabelStore.open(tmp_path / "mine.db", base=tmp_path / "base.db")
    assert merged.current() == old
    (new,) = merged.append_now([row("t1", False)])
    assert merged.current() == (old[1], new)
    assert [seq for seq, _ in merged.changes_since(0)] == [1, 2, 3]
    assert merged.history(Target("trace", "t1")) == (old[0], new)
    copy = LabelStore.open(merged.backup(tmp_path / "all.db"), readonly=True)
    assert copy.current() == merged.current()
    copy.close()
    merged.close()
    assert (tmp_path / "base.db").read_bytes() == before
    base.close()


def test_every_writing_connection_syncs_fully(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    levels: list[tuple[int, int]] = []
    real = sqlite3.connect

    class Watched(sqlite3.Connection):
        def execute(self, statement: str, *parameters: object) -> sqlite3.Cursor:  # type: ignore[override]
            if statement.strip().startswith(("BEGIN IMMEDIATE", "INSERT", "CREATE")):
                level = super().execute("PRAGMA main.synchronous").fetchone()[0]
                path = super().execute("PRAGMA database_list").fetchone()[2]
                if path:
                    levels.append((level, super().execute("PRAGMA query_only").fetchone()[0]))
            return super().execute(statement, *parameters)  # type: ignore[arg-type]

    monkeypatch.setattr(
        connect.sqlite3, "connect", lambda *args, **kwargs: real(*args, factory=Watched, **kwargs)
    )
    store = LabelStore.open(tmp_path / "a.db")
    store.append_now([row()])
    store.backup(tmp_path / "b.db")
    store.close()
    assert len(levels) >= 10
    assert {level for level, _ in levels} == {2}
    journal = real(tmp_path / "a.db").execute("PRAGMA journal_mode").fetchone()[0]
    assert journal == "wal"


def test_threads_write_and_read_at_the_same_time(store: LabelStore) -> None:
    def work(worker: int) -> None:
        for number in range(30):
            (written,) = store.append_now([row(f"{worker}-{number}")])
            assert store.current([written.target]) == (written,)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.counts().current == 180


def test_suspension_waits_for_the_transaction_and_holds_the_next_one(store: LabelStore) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(transaction: object) -> str:
        begun.set()
        assert go_on.wait(10)
        return "done"

    first = store.transact(slow)
    assert begun.wait(10)
    threading.Timer(0.05, go_on.set).start()
    with store.suspended():
        assert first.result(0) == "done"
        second = store.append([row()])
        with pytest.raises(TimeoutError):
            second.result(0.1)
    assert len(second.result(10)) == 1


def test_closing_writes_what_is_queued_and_then_refuses(store: LabelStore) -> None:
    futures = [store.append([row(f"t{number}")]) for number in range(50)]
    store.close()
    assert all(future.result(0) for future in futures)
    with pytest.raises(BadInput, match="closed"):
        store.append([row()])


def test_ids_are_version_7_unique_and_rise() -> None:
    import uuid

    ids = [uuid7() for _ in range(20_000)]
    assert ids == sorted(set(ids))
    parsed = uuid.UUID(ids[0])
    assert parsed.version == 7 and parsed.variant == uuid.RFC_4122


def test_ids_rise_when_the_clock_runs_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    from traceview.store.labels import ids

    first = uuid7()
    monkeypatch.setattr(ids.time, "time_ns", lambda: 1_000_000_000)
    assert first < uuid7() < uuid7()
