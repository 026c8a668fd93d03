"""Small parts merged into large ones: nothing lost, nothing twice, whoever reads or writes or is killed meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.ingest.stores import ask, info, otlp, span

from traceview.files import atomic
from traceview.ingest import compaction, directory
from traceview.ingest.checking import check_store
from traceview.ingest.compaction import Size, compact, runs_of
from traceview.ingest.directory import StoreDirectory
from traceview.ingest.importer import import_sources
from traceview.sources.lease import lease
from traceview.sources.part_names import name_of
from traceview.sources.parts import parts_in, write_rows
from traceview.sources.superseding import MERGES
from traceview.store.open import open_engine


def store_of(tmp_path: Path, parts: int, spans: int = 8) -> Path:
    """A store of so many parts with so many spans each; the first span of each part comes again in the next one."""
    store = tmp_path / "store"
    for number in range(parts):
        first = number * spans
        again = [span(first - spans, name="newer")] if number else []
        path = otlp(tmp_path / "in.jsonl", [*(span(one) for one in range(first, first + spans)), *again])
        import_sources([str(path)], store)
    return store


def ids(paths: tuple[Path, ...]) -> list[str]:
    return sorted(
        one for path in paths for one in pq.read_table(path, columns=["span_id"])["span_id"].to_pylist()
    )


def test_many_parts_become_one_sorted_part_with_the_newest_versions(tmp_path: Path) -> None:
    store = store_of(tmp_path, 5)
    before = ask(store, "SELECT trace_id, span_id, name, start_time FROM spans ORDER BY ALL")
    report = compact(store)
    assert (report.files_before, report.files_after, report.dropped, report.removed) == (5, 1, 4, 5)
    [part] = parts_in(store)
    assert part.name == name_of("part", 1, 5)
    assert [path for path in store.iterdir() if path.suffix == ".parquet"] == [part]
    times = pq.read_table(part, columns=["start_time"])["start_time"].to_pylist()
    assert times == sorted(times)
    assert len(ids((part,))) == len(set(ids((part,)))) == 40
    assert ask(store, "SELECT trace_id, span_id, name, start_time FROM spans ORDER BY ALL") == before
    assert [name for (name,) in ask(store, "SELECT name FROM spans WHERE name = 'newer'")] == ["newer"] * 4
    again = compact(store)
    assert (again.files_before, again.files_after, again.dropped) == (1, 1, 0)


def test_what_is_imported_after_a_compaction_still_counts_as_newer(tmp_path: Path) -> None:
    store = store_of(tmp_path, 2)
    compact(store)
    import_sources([str(otlp(tmp_path / "new.jsonl", [span(0, name="newest")]))], store)
    assert ask(store, f"SELECT name FROM spans WHERE span_id = '{span(0)['spanId']}'") == [("newest",)]
    compact(store)
    assert ask(store, f"SELECT name FROM spans WHERE span_id = '{span(0)['spanId']}'") == [("newest",)]


def test_more_parts_than_are_merged_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "MERGED_PARTS", 2)
    store = store_of(tmp_path, 5)
    report = compact(store)
    assert (report.files_before, report.files_after, report.dropped) == (5, 1, 4)
    assert len(ids(parts_in(store))) == 40


def test_row_groups_are_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from traceview.sources import merging

    store = store_of(tmp_path, 3, spans=40)
    monkeypatch.setattr(merging, "ROW_GROUP_ROWS", 50)
    compact(store)
    metadata = pq.read_metadata(parts_in(store)[0])
    assert [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)] == [50, 50, 20]


HALF = compaction.MERGED_ROWS // 2


@pytest.mark.parametrize(
    ("rows", "runs"),
    [
        ([], []),
        ([10], []),
        ([10, 20, 30], [[0, 1, 2]]),
        ([10, HALF + 1, 20, 30], [[2, 3]]),
        ([HALF, HALF, HALF], [[0, 1]]),
        ([10, None, 20, 30], [[2, 3]]),
        ([None, 10, 20, None], [[1, 2]]),
        ([1] * 10, [list(range(8)), [8, 9]]),
    ],
)
def test_only_neighbours_are_merged_up_to_a_size(rows: list[int | None], runs: list[list[int]]) -> None:
    sizes = [
        None if count is None else Size(Path(str(number)), count, 1) for number, count in enumerate(rows)
    ]
    assert runs_of(sizes) == [[Path(str(number)) for number in run] for run in runs]


@pytest.mark.parametrize("moment", ["written", "renamed", "removing"])
def test_killed_at_any_point_every_span_is_there_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """What a process leaves that ends without another word: the exception stands for the kill."""
    store = store_of(tmp_path, 4)
    before = ask(store, "SELECT span_id, name FROM spans ORDER BY ALL")

    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        if moment == "written":
            patched.setattr(
                StoreDirectory, "supersede", lambda self, write, *_: kill(write(self.path / ".x"))
            )
        elif moment == "renamed":
            patched.setattr(directory, "fsync_directory", kill)
        else:
            patched.setattr(
                directory, "remove_superseded", lambda path: None if len(parts_in(path)) > 1 else kill()
            )
            patched.setattr(
                StoreDirectory, "tidy", lambda self: directory.remove_superseded(self.path) or ([], [])
            )
        with pytest.raises(Killed):
            compact(store)
    assert ask(store, "SELECT span_id, name FROM spans ORDER BY ALL") == before
    assert len(set(ids(parts_in(store)))) == 32
    compact(store)
    assert ask(store, "SELECT span_id, name FROM spans ORDER BY ALL") == before
    assert len(parts_in(store)) == 1


KILLED = """
import sys
from pathlib import Path
from traceview.ingest.compaction import compact
print("begun", flush=True)
compact(Path(sys.argv[1]))
"""


def test_kill_minus_nine_in_the_middle(tmp_path: Path) -> None:
    store = store_of(tmp_path, 6)
    before = ask(store, "SELECT span_id, name FROM spans ORDER BY ALL")
    for seconds in (0.0, 0.15):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(store)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        threading.Event().wait(seconds)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert ask(store, "SELECT span_id, name FROM spans ORDER BY ALL") == before
    compact(store)
    assert ask(store, "SELECT span_id, name FROM spans ORDER BY ALL") == before


def test_readers_and_writers_at_the_same_time(tmp_path: Path) -> None:
    """Whoever lists the store under a lease reads every span; whoever publishes meanwhile is not merged away."""
    store = store_of(tmp_path, 6)
    expected = set(ids(parts_in(store)))
    ended = threading.Event()
    seen: list[set[str]] = []
    added: list[str] = []

    def read() -> None:
        while not ended.is_set():
            held = lease(store)
            seen.append(set(ids(parts_in(store))))
            del held

    def write() -> None:
        for number in range(5):
            row = {
                "source": "x",
                "trace_id": "new",
                "span_id": f"new{number}",
                "kind": "llm",
                "start_ns": 1,
                "status": "ok",
            }
            StoreDirectory(store).publish(lambda path, row=row: write_rows([row], path))
            added.append(f"new{number}")

    threads = [threading.Thread(target=work) for work in (read, write)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        compact(store)
    threads[1].join()
    ended.set()
    threads[0].join()
    assert seen
    assert all(one >= expected for one in seen)
    compact(store)
    assert set(ids(parts_in(store))) == expected | set(added)
    assert len(parts_in(store)) == 1


def test_an_app_that_has_the_store_open_goes_on_and_takes_up_the_merged_part(tmp_path: Path) -> None:
    store = store_of(tmp_path, 3)
    engine = open_engine([str(store)])
    try:
        engine.wait_ready()
        trace = engine.trace(span(0)["traceId"])
        assert compact(store).kept == 3
        # the old parts are still there for it
        assert len(engine.payloads(trace.spans)) == 4
        assert engine.refresh_source()
        engine.wait_ready()
        assert engine.info().spans == 24
        assert engine.info().skipped == info(store).skipped
    finally:
        engine.close()


def test_files_of_scores_are_merged_and_each_score_is_there_once(tmp_path: Path) -> None:
    store = StoreDirectory(store_of(tmp_path, 1))
    for text in (b'{"a": 1}\n{"a": 2}\n', b'{"a": 2}\n{"a": 3}\n', b'{"a": 1}\n'):
        store.publish(lambda path, text=text: path.write_bytes(text), "scores")
    compact(store.path)
    [merged] = store.score_files()
    assert merged.name == name_of("scores", 1, 3)
    assert merged.read_bytes().splitlines() == [b'{"a": 2}', b'{"a": 3}', b'{"a": 1}']


def test_a_file_of_scores_of_another_store_hides_nothing(tmp_path: Path) -> None:
    store = StoreDirectory(store_of(tmp_path, 1))
    own = store.publish(lambda path: path.write_bytes(b'{"a": 1}\n'), "scores")
    foreign = store.path / name_of("scores", 1, 2)
    foreign.write_bytes(b'{"a": 2}\n')
    assert store.score_files() == (own, foreign)
    assert store.tidy() == ([], [])
    compact(store.path)
    [merged] = store.score_files()
    assert merged.read_bytes().splitlines() == [b'{"a": 1}', b'{"a": 2}']


def test_a_torn_part_is_left_alone_and_said(tmp_path: Path) -> None:
    store = store_of(tmp_path, 4)
    parts_in(store)[1].write_bytes(b"PAR1 torn")
    report = compact(store)
    assert (report.broken, report.files_after) == (1, 3)
    assert (store / name_of("part", 3, 4)).exists()


def test_a_torn_file_with_a_wide_name_costs_nothing(tmp_path: Path) -> None:
    store = store_of(tmp_path, 2)
    before = ask(store, "SELECT span_id, name FROM spans ORDER BY ALL")
    torn = store / name_of("part", 1, 9)
    torn.write_bytes(parts_in(store)[0].read_bytes()[:500])
    report = compact(store)
    assert (report.broken, report.removed, report.files_after) == (1, 2, 2)
    assert torn.exists()
    torn.unlink()
    assert ask(store, "SELECT span_id, name FROM spans ORDER BY ALL") == before


def test_a_merged_part_of_another_store_hides_nothing_and_is_merged_like_any_other(tmp_path: Path) -> None:
    store = store_of(tmp_path, 2)
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "store"
    for number in (100, 200):
        import_sources([str(otlp(tmp_path / "in.jsonl", [span(number)]))], other)
    compact(other)
    [foreign] = parts_in(other)
    assert foreign.name == name_of("part", 1, 2)
    (store / foreign.name).write_bytes(foreign.read_bytes())
    expected = {span(number)["spanId"] for number in (*range(16), 100, 200)}
    assert {one for (one,) in ask(store, "SELECT span_id FROM spans")} == expected
    # it is told, and an import removes nothing
    assert foreign.name in [finding.file for finding in check_store(store).findings]
    import_sources([str(otlp(tmp_path / "in.jsonl", [span(300)]))], store)
    compact(store)
    [one] = parts_in(store)
    assert set(ids((one,))) == expected | {span(300)["spanId"]}


def test_a_store_that_was_merged_without_a_record_opens_as_before(tmp_path: Path) -> None:
    store = store_of(tmp_path, 3)
    before = ask(store, "SELECT span_id, name FROM spans ORDER BY ALL")
    held = lease(store)
    compact(store)
    del held
    (store / MERGES).unlink()
    assert len([path for path in store.iterdir() if path.suffix == ".parquet"]) == 4
    assert ask(store, "SELECT span_id, name FROM spans ORDER BY ALL") == before
    import_sources([str(otlp(tmp_path / "in.jsonl", [span(300)]))], store)
    compact(store)
    assert [path for path in store.iterdir() if path.suffix == ".parquet"] == [*parts_in(store)]
    assert len(ids(parts_in(store))) == 25


def test_a_part_that_has_a_span_twice_gives_the_ended_one(tmp_path: Path) -> None:
    """Older versions wrote an open version without a start after the ended one."""
    rows = [
        {"source": "x", "trace_id": "t", "span_id": "a", "kind": "llm", "status": "ok", **times}
        for times in ({}, {"start_ns": 5, "end_ns": 6})
    ]
    store = StoreDirectory(tmp_path / "store")
    store.publish(lambda path: write_rows(rows, path))
    store.publish(lambda path: write_rows([rows[1] | {"span_id": "b"}], path))
    compact(store.path)
    ended = pq.read_table(parts_in(store.path)[0], columns=["end_time"])["end_time"]
    assert (len(ended), ended.null_count) == (2, 0)


def test_a_full_disk_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from traceview.model.errors import BadInput

    store = store_of(tmp_path, 3)
    before = sorted(store.iterdir())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compaction, "merge_parts", full)
    with pytest.raises(BadInput, match="the disk is full"):
        compact(store)
    assert sorted(store.iterdir()) == before
    assert atomic.TEMPORARY_PREFIX not in "".join(path.name for path in parts_in(store))
