"""Several processes, and processes that are killed: nothing acknowledged is lost."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from traceview.model.labels import LabelRow, Target
from traceview.store.labels import check, schema
from traceview.store.labels.store import LabelStore

SCRIPT = Path(__file__).with_name("labelling.py")
KILLS = 24


def start(path: Path, name: str, rows: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), str(path), name, str(rows)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stored_ids(path: Path) -> set[str]:
    store = LabelStore.open(path, readonly=True)
    try:
        return {row.id for row in store.history()}
    finally:
        store.close()


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "a.labels.db"
    chance = random.Random(7)
    acknowledged: set[str] = set()
    kills = 0
    for number in range(KILLS // 2):
        # Two at once, so that kills also hit a process that waits for or holds the lock.
        pair = [start(path, f"p{number}-{side}", 100_000) for side in range(2)]
        for process in pair:
            assert process.stdout is not None
            for _ in range(chance.randrange(1, 40)):
                acknowledged.add(process.stdout.readline().strip())
        for process in pair:
            process.send_signal(signal.SIGKILL)
            assert process.stdout is not None
            # A torn last line is no acknowledgement.
            rest = process.stdout.read().split("\n")[:-1]
            acknowledged.update(rest)
            process.wait()
            process.stdout.close()
            assert process.stderr is not None
            process.stderr.close()
            kills += 1
        assert acknowledged <= stored_ids(path)
    acknowledged.discard("")
    assert kills == KILLS and len(acknowledged) > KILLS
    store = LabelStore.open(path)
    assert check.problems(store) == []
    store.append_now([LabelRow("", Target("trace", "after"), "verdict", True, "human", "ann", "")])
    store.close()


def test_two_processes_write_at_once_and_both_keep_everything(tmp_path: Path) -> None:
    path = tmp_path / "a.labels.db"
    processes = [start(path, name, 150) for name in ("ann", "bob")]
    printed = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], printed
    ids = {line for out, _ in printed for line in out.split()}
    assert ids <= stored_ids(path)
    store = LabelStore.open(path, readonly=True)
    # Of 150, every fifth was undone.
    assert {name: len(store.current(annotator=name)) for name in ("ann", "bob")} == {"ann": 120, "bob": 120}
    assert check.problems(store) == []
    store.close()


MIGRATING = """
import sys
from pathlib import Path
from traceview.store.labels import connect, schema
more = schema.Migration(schema.MIGRATIONS[-1].version + 1, tuple(
    statement for number in range(40)
    for statement in (f"CREATE TABLE t{number} AS SELECT * FROM labels", f"CREATE INDEX i{number} ON t{number} (id)")
))
schema.MIGRATIONS = (*schema.MIGRATIONS, more)
sys.stdout.write("go\\n")
sys.stdout.flush()
connect.open_writer(Path(sys.argv[1]))
"""


def test_kill_9_in_a_migration_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    chance = random.Random(3)
    newest = schema.MIGRATIONS[-1].version
    versions = set()
    for number in range(8):
        path = tmp_path / f"{number}.db"
        store = LabelStore.open(path)
        store.append_now(
            [LabelRow("", Target("trace", f"t{n}"), "v", True, "human", "a", "") for n in range(300)]
        )
        store.close()
        process = subprocess.Popen([sys.executable, "-c", MIGRATING, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(chance.random() * 0.08)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        process.stdout.close()
        connection = sqlite3.connect(path)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE name LIKE 't%' AND type = 'table'"
        )
        assert (version, tables.fetchone()[0]) in ((newest, 0), (newest + 1, 40))
        assert connection.execute("SELECT count(*) FROM labels").fetchone()[0] == 300
        connection.close()
        versions.add(version)
    assert newest in versions
