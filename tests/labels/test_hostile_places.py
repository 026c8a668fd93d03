"""Places, files and callers that mean harm or are merely odd: refused with a word, nothing else is touched."""

from __future__ import annotations

import os
import queue
import random
import shutil
import sqlite3
import tempfile
import threading
from pathlib import Path

import pytest

from traceview.annotation import Annotator
from traceview.definitions.feedback import VERDICT
from traceview.files.atomic import atomic_write, replacing
from traceview.files.lock import FileLock
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, Target
from traceview.store.labels import check, connect
from traceview.store.labels import rows as codec
from traceview.store.labels.errors import Unsaved
from traceview.store.labels.location import label_location, network_type
from traceview.store.labels.store import LabelStore


def row(target: str = "t1", value: object = True, created_at: str = "") -> LabelRow:
    return LabelRow("", Target("trace", target), "verdict", value, "human", "ann", created_at)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        "é%41",
        "x?mode=ro",
        "h#ash",
        "per%20cent",
        "\udcff",
        "q'uo\"te",
        "a\nb",
        ":memory:",
        "file:x",
        "日本",
    ],
)
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.labels.db"
    store = LabelStore.open(path)
    store.append_now([row()])
    copy = store.backup(tmp_path / f"{name}.bak")
    store.close()
    assert path.is_file() and copy.is_file()
    above = LabelStore.open(tmp_path / f"{name}.above", base=path)
    above.append_now([row("t2")])
    assert len(above.current()) == 2
    above.close()
    assert sorted(os.listdir(tmp_path)) == sorted(  # noqa: PTH208 (names that are no UTF-8)
        f"{name}{end}" for end in (".labels.db", ".labels.db.lock", ".bak", ".above", ".above.lock")
    )


@pytest.mark.parametrize("readonly", [False, True])
def test_a_pipe_is_no_label_file(tmp_path: Path, readonly: bool) -> None:
    os.mkfifo(tmp_path / "a.db")
    with pytest.raises(BadInput, match="pipe or a device"):
        LabelStore.open(tmp_path / "a.db", readonly=readonly)
    with pytest.raises(BadInput, match="pipe or a device"):
        LabelStore.open(tmp_path / "b.db", base=tmp_path / "a.db")


def test_a_lock_file_that_is_a_link_does_not_empty_what_it_names(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (tmp_path / "a.db.lock").symlink_to(precious)
    store = LabelStore.open(tmp_path / "a.db")
    with pytest.raises(Unsaved, match="symbolic link"):
        store.append_now([row()])
    assert precious.read_text() == "precious"
    (tmp_path / "a.db.lock").unlink()
    os.mkfifo(tmp_path / "a.db.lock")
    with pytest.raises(Unsaved, match="pipe or a device"):
        store.append_now([row()])
    store.close()


def test_a_link_and_its_file_are_locked_as_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "a.db"
    first = LabelStore.open(real)
    first.append_now([row()])
    (tmp_path / "link.db").symlink_to(real)
    second = LabelStore.open(tmp_path / "link.db")
    with FileLock(tmp_path / "real" / "a.db.lock").hold():
        waiting = second.append([row("t2")])
        with pytest.raises(TimeoutError):
            waiting.result(0.1)
    assert waiting.result(10)
    # Read where nothing may be written, the log beside the file itself counts too.
    snapshot = connect.Snapshot(tmp_path / "link.db")
    assert snapshot.connect().execute("SELECT count(*) FROM labels").fetchone()[0] == 2
    snapshot.close()
    first.close()
    second.close()


def test_only_regular_files_are_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        atomic_write(tmp_path / "pipe", "x")
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(OSError, match="symbolic links"):
        atomic_write(tmp_path / "loop", "x")
    store = LabelStore.open(tmp_path / "a.db")
    for place in ("pipe", "loop"):
        with pytest.raises(BadInput):
            store.backup(tmp_path / place, force=True)
    store.close()


def test_a_copy_that_fails_leaves_no_side_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"), replacing(tmp_path / "a.db") as temporary:
        temporary.with_name(temporary.name + "-journal").write_text("x")
        raise OSError("full")
    assert list(tmp_path.iterdir()) == []


def test_a_label_cannot_be_cancelled_and_the_next_ones_are_written(tmp_path: Path) -> None:
    store = LabelStore.open(tmp_path / "a.db")
    with store.suspended():
        first = store.append([row("t1")])
        assert not first.cancel()
    store.append([row("t2")]).result(10)
    assert len(store.current()) == 2
    store.close()


def test_a_file_that_is_replaced_within_the_transaction_is_unsaved(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = LabelStore.open(path)
    store.append_now([row("t1")])

    def job(transaction: object) -> None:
        transaction.append([row("t2")])  # type: ignore[attr-defined]
        path.unlink()

    with pytest.raises(Unsaved, match="replaced or removed"):
        store.transact(job).result(10)
    store.append_now([row("t3")])
    assert [kept.target.id for kept in store.current()] == ["t3"]
    store.close()


def test_a_passing_error_does_not_make_readers_stay_on_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LabelStore.open(tmp_path / "a.db")
    store.append_now([row("t1")])
    real, failures = connect.version_of, [1]

    def busy(connection: sqlite3.Connection, path: Path) -> int:
        if failures:
            failures.pop()
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error
        return real(connection, path)

    store.close()
    monkeypatch.setattr(connect, "version_of", busy)
    readers = LabelStore.open(tmp_path / "b.db")._readers
    readers.path = tmp_path / "a.db"
    with pytest.raises(BadInput, match="locked"), readers.connection():
        pass
    with readers.connection() as connection:
        assert connection.execute("SELECT count(*) FROM labels").fetchone()[0] == 1
    assert readers._fallback is None


def test_a_copy_is_of_one_moment_though_the_owner_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = LabelStore.open(tmp_path / "a.db")
    owner.append_now([row(f"t{number}") for number in range(50)])
    real, copies = shutil.copyfile, [0]

    def while_writing(source: Path, target: Path) -> object:
        done = real(source, target)
        copies[0] += 1
        if copies[0] <= 2:
            owner.append_now([row(f"more{copies[0]}-{number}") for number in range(50)])
        return done

    monkeypatch.setattr(shutil, "copyfile", while_writing)
    snapshot = connect.Snapshot(tmp_path / "a.db")
    connection = snapshot.connect()
    assert connection.execute("SELECT count(*) FROM labels").fetchone()[0] == 150
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.close()
    snapshot.close()
    owner.close()


def test_two_that_create_a_file_at_once_without_a_common_lock(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    barrier, failures = threading.Barrier(4), []

    def create() -> None:
        barrier.wait()
        try:
            connect.open_writer(path).close()
        except (sqlite3.Error, BadInput) as error:
            failures.append(error)

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    store = LabelStore.open(path)
    store.append_now([row()])
    store.close()


def test_after_a_job_was_taken_back_the_last_write_still_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.db"
    mine, other = LabelStore.open(path), LabelStore.open(path)
    mine.append_now([row("t1")])

    def fails(transaction: object) -> None:
        transaction.append([row(f"x{number}") for number in range(9)])  # type: ignore[attr-defined]
        transaction.append([row("y")])  # type: ignore[attr-defined]
        raise BadInput("no")

    with pytest.raises(BadInput, match="no"):
        mine.transact(fails).result(10)
    monkeypatch.setattr(codec, "now", lambda: "2040-01-01T00:00:00.000000Z")
    other.append_now([row("t1", False)])
    monkeypatch.setattr(codec, "now", lambda: "2030-01-01T00:00:00.000000Z")
    mine.append_now([row("t1", "n/a")])
    assert [kept.value for kept in mine.current()] == ["n/a"]
    mine.close()
    other.close()


def test_undo_and_redo_where_a_read_only_file_lies_beneath(tmp_path: Path) -> None:
    below = LabelStore.open(tmp_path / "base.db")
    Annotator(below, [VERDICT], "ann").set_value([Target("trace", "t1")], "verdict", True)
    below.close()
    store = LabelStore.open(tmp_path / "a.db", base=tmp_path / "base.db")
    annotator = Annotator(store, [VERDICT], "ann")
    annotator.set_value([Target("trace", "t1"), Target("trace", "t2")], "verdict", False)
    assert len(annotator.undo().rows) == 2  # type: ignore[union-attr]
    assert [kept.value for kept in store.current()] == [True]
    assert len(annotator.redo().rows) == 2  # type: ignore[union-attr]
    assert [kept.value for kept in store.current()] == [False, False]
    store.close()


def test_names_that_are_too_long_are_shortened_and_stay_apart(tmp_path: Path) -> None:
    places = set()
    for end in "ab":
        source = tmp_path / ("é" * 120 + end + ".json")
        source.write_text("{}")
        store = LabelStore.open(label_location([str(source)]).path)
        store.append_now([row()])
        store.close()
        places.add(store.path)
    assert len(places) == 2


def test_mounts_with_odd_names_are_recognised() -> None:
    line = "36 35 0:1 / /mnt/grö\\040e rw - nfs4 s:/x rw\n37 35 0:1 / /mnt/\udcff rw - cifs s:/x rw\n"
    assert network_type(line, Path("/mnt/grö e/x")) == "nfs4"
    assert network_type(line, Path("/mnt/\udcff/x")) == "cifs"


def test_nothing_is_as_late_as_the_end_of_time(tmp_path: Path) -> None:
    store = LabelStore.open(tmp_path / "a.db")
    with pytest.raises(BadInput, match="out of range"):
        store.append_now([row(created_at="9999-12-31T23:59:59.999999Z")])
    store.append_now([row(created_at="9998-12-31T23:59:59.999999Z")])
    store.append_now([row(value=False)])
    assert [kept.value for kept in store.current()] == [False]
    with pytest.raises(BadInput, match="too large"):
        store.append_now([row(value=10**400)])
    store.close()


def test_a_value_that_is_no_json_is_named_with_its_row(tmp_path: Path) -> None:
    store = LabelStore.open(tmp_path / "a.db")
    (kept,) = store.append_now([row()])
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("DROP TRIGGER labels_never_change")
    connection.execute("UPDATE labels SET value = '{torn'")
    connection.commit()
    connection.close()
    with pytest.raises(BadInput, match=kept.id):
        store.current()
    assert len(check.problems(store)) == 1
    store.close()


def as_someone_else(path: Path) -> str:
    """What a user who may only read finds: rows seen, then why a label is not saved."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            for readonly in (True, False):
                store = LabelStore.open(path, readonly=readonly)
                os.write(send, f"{len(store.current())} ".encode())
            store.append_now([row("new")])
        except BadInput as error:
            os.write(send, error.message.encode())
        finally:
            os._exit(0)
    os.close(send)
    os.waitpid(child, 0)
    with os.fdopen(receive) as stream:
        return stream.read()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become someone else")
@pytest.mark.parametrize("log", [False, True])
def test_someone_else_reads_where_only_the_owner_may_write(log: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "theirs")
        place.mkdir()
        store = LabelStore.open(Path(folder, "a.labels.db"))
        store.append_now([row("t1"), row("t2")])
        if log:
            shutil.copy(Path(folder, "a.labels.db-wal"), place)
        else:
            store.close()
        shutil.copy(store.path, place)
        store.close()
        for path in (Path(folder), place, *place.iterdir()):
            path.chmod(0o755)
        before = {path.name: path.read_bytes() for path in place.iterdir()}
        said = as_someone_else(place / "a.labels.db")
        assert said.startswith("2 2 not saved"), said
        assert {path.name: path.read_bytes() for path in place.iterdir()} == before


def test_flipped_bytes_never_end_in_a_traceback(tmp_path: Path) -> None:
    store = LabelStore.open(tmp_path / "sound.db")
    store.append_now([row(f"t{number}") for number in range(100)])
    store.close()
    sound = (tmp_path / "sound.db").read_bytes()
    chance = random.Random(11)
    outcomes = set()
    for number in range(80):
        torn = bytearray(sound)
        for _ in range(chance.choice((1, 5, 40))):
            torn[chance.randrange(chance.choice((100, 4096, len(sound))))] = chance.randrange(256)
        if number == 0:
            # SQLite quotes the torn schema in its message, which Python then cannot read.
            torn = bytearray(sound.replace(b"name TEXT NOT NULL", b"n\x98me TEXT NOT NULL"))
        path = tmp_path / f"{number}.db"
        path.write_bytes(torn)
        try:
            damaged = LabelStore.open(path)
            try:
                damaged.current()
                check.problems(damaged)
                damaged.append_now([row("new")])
            finally:
                damaged.close()
            outcomes.add("read")
        except BadInput:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_a_write_that_waits_says_for_whom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FileLock.hold.__wrapped__, "__defaults__", (None, 0.05))  # type: ignore[attr-defined]
    said: queue.SimpleQueue[int] = queue.SimpleQueue()
    store = LabelStore.open(tmp_path / "a.db", on_wait=said.put)
    with FileLock(tmp_path / "a.db.lock").hold():
        waiting = store.append([row()])
        assert said.get(timeout=10) == os.getpid()
    assert waiting.result(10)
    store.close()
