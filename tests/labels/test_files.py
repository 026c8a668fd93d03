"""Files that are no label file, are newer, older, damaged, or cannot be written."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from traceview.files.lock import FileLock
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, Target
from traceview.store.labels import check, connect, schema
from traceview.store.labels.errors import Unsaved
from traceview.store.labels.store import LabelStore

NEWEST = schema.MIGRATIONS[-1].version
NEXT = NEWEST + 1


def row(target: str = "t1") -> LabelRow:
    return LabelRow("", Target("trace", target), "verdict", True, "human", "ann", "")


def filled(path: Path, rows: int = 3) -> Path:
    store = LabelStore.open(path)
    store.append_now([row(f"t{number}") for number in range(rows)])
    store.close()
    return path


def test_a_newer_file_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = filled(tmp_path / "a.db")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    before = path.read_bytes()
    for readonly in (False, True):
        with pytest.raises(BadInput, match="newer traceview"):
            LabelStore.open(path, readonly=readonly)
    with pytest.raises(BadInput, match="newer traceview"):
        LabelStore.open(tmp_path / "b.db", base=path)
    assert path.read_bytes() == before


def test_an_older_file_is_brought_up_to_date_with_a_backup_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filled(tmp_path / "a.db")
    more = schema.Migration(NEXT, ("ALTER TABLE labels ADD COLUMN extra TEXT",))
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, more))
    store = LabelStore.open(path)
    assert len(store.current()) == 3
    store.append_now([row("new")])
    store.close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == NEXT
    assert connection.execute("SELECT count(extra) FROM labels").fetchone()[0] == 0
    connection.close()
    (copy,) = tmp_path.glob(f"a.db.v{NEWEST}-*.bak")
    connection = sqlite3.connect(copy)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == NEWEST
    assert connection.execute("SELECT count(*) FROM labels").fetchone()[0] == 3
    connection.close()


def test_an_older_file_is_only_read_where_nothing_may_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filled(tmp_path / "a.db")
    before = path.read_bytes()
    more = schema.Migration(NEXT, ("ALTER TABLE labels ADD COLUMN extra TEXT",))
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, more))
    store = LabelStore.open(path, readonly=True)
    assert len(store.current()) == 3
    store.close()
    assert path.read_bytes() == before


def test_a_failing_migration_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filled(tmp_path / "a.db")
    more = schema.Migration(NEXT, ("CREATE TABLE half (x)", "SELECT no_such_function()"))
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, more))
    with pytest.raises(BadInput):
        LabelStore.open(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone()[0] == 0
    assert connection.execute("PRAGMA user_version").fetchone()[0] == NEWEST
    connection.close()


def test_other_files_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("not a database, and longer than a header of a hundred bytes " * 5)
    foreign = tmp_path / "foreign.db"
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE t (x)")
    connection.commit()
    connection.close()
    for path, word in ((text, "not a label file"), (foreign, "another program"), (tmp_path, "directory")):
        for readonly in (False, True):
            with pytest.raises(BadInput, match=word):
                LabelStore.open(path, readonly=readonly)


def test_damage_is_named_and_found_by_the_check(tmp_path: Path) -> None:
    path = filled(tmp_path / "a.db", rows=4000)
    content = bytearray(path.read_bytes())
    for page in range(20, 60):
        content[page * 4096 : page * 4096 + 600] = os.urandom(600)
    path.write_bytes(bytes(content))
    store = LabelStore.open(path, readonly=True)
    assert check.problems(store)
    with pytest.raises(BadInput, match="damaged"):
        store.history()
    store.close()


def test_the_check_finds_what_the_rows_say_wrongly(tmp_path: Path) -> None:
    path = filled(tmp_path / "a.db", rows=2)
    connection = sqlite3.connect(path)
    columns = "id, target_kind, target_id, trace_id, name, value, source, annotator, created_at, op, ref"
    insert = f"INSERT INTO labels ({columns}) VALUES ({', '.join('?' * 11)})"
    good = ("trace", "t0", "t0", "verdict")
    time = "2026-11-20T00:00:00.000000Z"
    connection.execute(insert, ("a", *good, "{not json", "human", "ann", time, "set", None))
    connection.execute(insert, ("b", *good, "true", "human", "ann", "yesterday", "set", None))
    connection.execute(insert, ("c", *good, None, "human", "ann", time, "undo", "nowhere"))
    connection.execute(insert, ("d", *good, None, "human", "bob", time, "undo", "b"))
    connection.execute(insert, ("e", *good, None, "human", "ann", time, "undo", "c"))
    connection.commit()
    connection.close()
    store = LabelStore.open(path, readonly=True)
    found = check.problems(store)
    store.close()
    assert [sentence.split(":")[0] for sentence in found] == ["row a", "row b", "row c", "row d", "row e"]


def limited(path: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process that may write files of 200 KB only: a full disk without a disk."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    return subprocess.run(
        [sys.executable, "-c", script, str(path)],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_full_disk_says_unsaved_and_what_was_saved_stays(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from traceview.model.labels import LabelRow, Target
from traceview.store.labels.errors import Unsaved
from traceview.store.labels.store import LabelStore
store = LabelStore.open(Path(sys.argv[1]))
saved = 0
try:
    for number in range(1000):
        store.append_now([LabelRow("", Target("trace", f"t{number}"), "note", "x" * 2000, "human", "ann", "")])
        saved += 1
except Unsaved as error:
    print(saved, error.message)
"""
    done = limited(tmp_path / "a.db", script)
    assert done.returncode == 0, done.stderr
    saved, words = done.stdout.split(" ", 1)
    assert "not saved" in words and ("disk" in words or "full" in words)
    store = LabelStore.open(tmp_path / "a.db")
    assert len(store.current()) == int(saved) > 0
    assert check.problems(store) == []
    store.append_now([row("after")])
    store.close()


def test_a_database_that_another_program_keeps_locked_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filled(tmp_path / "a.db")
    monkeypatch.setattr(connect, "BUSY_SECONDS", 0.1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store = LabelStore.open(path)
    with pytest.raises(Unsaved, match="another program keeps the file locked"):
        store.append_now([row("t9")])
    other.execute("ROLLBACK")
    other.close()
    store.append_now([row("t9")])
    assert len(store.current()) == 4
    store.close()


def test_a_folder_that_is_gone_says_unsaved(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    store = LabelStore.open(folder / "a.db")
    folder.rmdir()
    with pytest.raises(Unsaved, match="not saved"):
        store.append_now([row()])
    store.close()


def test_a_file_that_may_only_be_read_says_unsaved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path / "a.db")
    real = connect.connect
    monkeypatch.setattr(
        connect, "connect", lambda path, *, mode="rw", writing=False: real(path, mode="ro", writing=writing)
    )
    store = LabelStore.open(path)
    with pytest.raises(Unsaved, match="read-only"):
        store.append_now([row("t9")])
    assert len(store.current()) == 3
    store.close()
    with pytest.raises(BadInput, match="reading only"):
        LabelStore.open(path, readonly=True).append([row()])


def test_who_holds_the_lock_is_said_while_a_write_waits(tmp_path: Path) -> None:
    store = LabelStore.open(tmp_path / "a.db")
    store.append_now([row()])
    code = """
import sys
from pathlib import Path
from traceview.files.lock import FileLock
with FileLock(Path(sys.argv[1])).hold():
    print("held", flush=True)
    sys.stdin.readline()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "a.db.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None and holder.stdout is not None
    holder.stdout.readline()
    assert store.waiting_for(0.0) is None
    waiting = store.append([row("t2")])
    with pytest.raises(TimeoutError):
        waiting.result(0.2)
    assert store.waiting_for(0.1) == holder.pid
    assert store.waiting_for(60) is None
    holder.stdin.write(b"\n")
    holder.stdin.close()
    assert len(waiting.result(10)) == 1
    assert store.waiting_for(0.0) is None
    holder.wait()
    holder.stdout.close()
    store.close()


def test_a_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from traceview.files.lock import FileLock
with FileLock(Path(sys.argv[1])).hold():
    print("held", flush=True)
    time.sleep(60)
"""
    path = tmp_path / "x.lock"
    holder = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    told: list[int] = []
    said = threading.Event()

    def on_wait(pid: int) -> None:
        told.append(pid)
        said.set()
        holder.kill()

    with FileLock(path).hold(on_wait, after=0.05):
        assert FileLock(path).holder() == os.getpid()
    assert said.is_set() and told == [holder.pid]
    assert FileLock(path).holder() is None
    holder.wait()
    holder.stdout.close()


def test_the_lock_excludes_threads_of_one_process(tmp_path: Path) -> None:
    inside, most = 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with FileLock(tmp_path / "x.lock").hold():
                with guard:
                    inside += 1
                    most = max(most, inside)
                with guard:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
