"""Importing again: what is there is not written again, what is new or has changed is, and the newest counts."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.ingest.stores import ask, info, otlp, span

from traceview.ingest import writing
from traceview.ingest.checking import check_store
from traceview.ingest.compaction import compact
from traceview.ingest.directory import leftovers
from traceview.ingest.importer import Progress, import_sources
from traceview.ingest.memory import MANIFEST
from traceview.model.errors import BadInput
from traceview.sources.parts import check_part, parts_in


def test_a_longer_file_adds_what_is_new_and_what_has_changed(tmp_path: Path) -> None:
    store, path = tmp_path / "store", tmp_path / "a.jsonl"
    running = span(9) | {"endTimeUnixNano": "0"}
    otlp(path, [*(span(number) for number in range(9)), running])
    first = import_sources([str(path)], store)
    assert (first.spans, first.parts) == (10, 1)
    # it goes on: the running span got its end, two more came
    otlp(path, [span(number) for number in range(12)])
    second = import_sources([str(path)], store)
    assert (second.spans, second.changed, second.already) == (3, 1, 9)
    third = import_sources([str(path)], store)
    assert (third.spans, third.unchanged) == (0, [str(path)])
    found = info(store)
    assert (found.spans, found.traces) == (12, 3)
    ended = ask(store, "SELECT count(*) FROM spans WHERE end_time IS NOT NULL")
    assert ended == [(12,)]


def test_the_same_content_elsewhere_adds_nothing_unless_another_one_counts(tmp_path: Path) -> None:
    store = tmp_path / "store"
    old = otlp(tmp_path / "old.jsonl", [span(0, name="before")])
    new = otlp(tmp_path / "new.jsonl", [span(0, name="after")])
    for path in (old, new):
        import_sources([str(path)], store)
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(new.read_bytes())
    report = import_sources([str(copy)], store)
    assert (report.spans, report.already) == (0, 1)
    assert ask(store, "SELECT name FROM spans") == [("after",)]
    # what was there earlier comes back: it is the newest now
    copy.write_bytes(old.read_bytes())
    report = import_sources([str(copy)], store)
    assert (report.spans, report.changed, report.already) == (1, 1, 0)
    assert ask(store, "SELECT name FROM spans") == [("before",)]


def test_a_file_that_is_again_what_it_was_is_read_again(tmp_path: Path) -> None:
    store, path = tmp_path / "store", tmp_path / "a.jsonl"
    for name in ("before", "after", "before"):
        otlp(path, [span(0, name=f"{name:6}")])
        os.utime(path, (len(name), len(name)))
        assert import_sources([str(path)], store).spans == 1
    assert ask(store, "SELECT trim(name) FROM spans") == [("before",)]


def test_files_are_read_again_when_parts_of_the_store_are_gone(tmp_path: Path) -> None:
    store, paths = tmp_path / "store", [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for number, path in enumerate(paths):
        import_sources([str(otlp(path, [span(number)]))], store)
    names = [str(path) for path in paths]
    assert import_sources(names, store).unchanged == names
    # merged ones stand for them
    compact(store)
    assert import_sources(names, store).unchanged == names
    import_sources([str(otlp(tmp_path / "c.jsonl", [span(2)]))], store)
    [merged, last] = parts_in(store)
    last.unlink()
    report = import_sources(names, store)
    assert (report.unchanged, report.gone, report.spans, report.already) == ([], [last.name], 0, 2)
    merged.unlink()
    report = import_sources(names, store)
    assert (report.unchanged, report.spans) == ([], 2)
    assert any("not in the store any more" in sentence for sentence in report.sentences())
    assert import_sources(names, store).unchanged == names
    assert info(store).spans == 2


@pytest.mark.parametrize(
    "text", ['{"imports": {}, "schema": "x"}', "[" * 100_000, "[]", '{"imports": {"a": 1}, "schema": 1}']
)
def test_a_manifest_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    store, path = tmp_path / "store", otlp(tmp_path / "a.jsonl", [span(0)])
    import_sources([str(path)], store)
    (store / MANIFEST).write_text(text)
    with pytest.raises(BadInput, match=r"is damaged|is no manifest"):
        import_sources([str(path)], store)
    [finding] = check_store(store).findings
    assert finding.file == MANIFEST


def test_the_end_of_a_span_arrives_however_much_was_written_in_between(tmp_path: Path) -> None:
    store, path = tmp_path / "store", tmp_path / "a.jsonl"
    running = span(0) | {"startTimeUnixNano": "0", "endTimeUnixNano": "0"}
    spans = [running, *(span(number) for number in range(1, 4_200))]
    otlp(path, spans)
    import_sources([str(path)], store)
    otlp(path, [*spans, span(0)])
    report = import_sources([str(path)], store)
    assert (report.spans, report.changed) == (1, 1)
    # where the file itself is opened, too
    for source in (store, path):
        assert ask(source, "SELECT count(*), count(start_time), count(end_time) FROM spans") == [(4_200,) * 3]
    path.touch()
    assert import_sources([str(path)], store).spans == 0


def test_two_sources_with_the_same_span(tmp_path: Path) -> None:
    """The later one counts: within an import, between two, and where both are only opened."""
    one = otlp(tmp_path / "1.jsonl", [span(0, name="one"), span(1)])
    two = otlp(tmp_path / "2.jsonl", [span(0, name="two"), span(2)])
    report = import_sources([str(one), str(two)], tmp_path / "together")
    assert (report.spans, report.repeated) == (3, 1)
    import_sources([str(one)], tmp_path / "apart")
    report = import_sources([str(two)], tmp_path / "apart")
    assert (report.spans, report.changed) == (2, 1)
    for sources in (("together",), ("apart",), ("1.jsonl", "2.jsonl")):
        first, *more = (tmp_path / source for source in sources)
        names = ask(first, "SELECT name FROM spans ORDER BY span_id", *more)
        assert names == [("two",), ("span 1",), ("span 2",)]


def test_many_small_files_are_one_part_and_each_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(20):
        otlp(folder / f"{number:02}.jsonl", [span(number)])
    store = tmp_path / "store"
    report = import_sources([str(folder)], store)
    assert (report.spans, report.parts, len(report.files)) == (20, 1, 20)
    otlp(folder / "99.jsonl", [span(99)])
    report = import_sources([str(folder)], store)
    assert (report.spans, report.already, len(report.unchanged)) == (1, 0, 20)


def test_parts_appear_while_it_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "ROW_GROUP_ROWS", 100)
    path = otlp(tmp_path / "a.jsonl", [span(number) for number in range(4_500)])
    told: list[Progress] = []
    report = import_sources([str(path)], tmp_path / "store", on_progress=told.append)
    assert (report.spans, report.parts) == (4_500, 45)
    assert told[-1] == Progress(path.stat().st_size, path.stat().st_size, 4_500)
    assert [one.bytes for one in told] == sorted(one.bytes for one in told)
    assert info(tmp_path / "store").spans == 4_500


def test_a_companion_that_arrives_later_completes_what_was_imported(tmp_path: Path) -> None:
    """Messages in log records: the spans that they belong to are read anew."""
    spans = otlp(tmp_path / "spans.jsonl", [span(0, name="chat gpt")])
    store = tmp_path / "store"
    import_sources([str(tmp_path)], store)
    record = {
        "traceId": span(0)["traceId"],
        "spanId": span(0)["spanId"],
        "eventName": "gen_ai.user.message",
        "timeUnixNano": span(0)["startTimeUnixNano"],
        "body": {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": "where is it?"}}]}},
    }
    logs = tmp_path / "logs.jsonl"
    logs.write_text(json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}) + "\n")
    report = import_sources([str(spans), str(logs)], store)
    assert (report.spans, report.changed) == (1, 1)
    newest = pq.read_table(parts_in(store)[-1], columns=["events"])["events"].to_pylist()
    assert "where is it?" in newest[0]


def test_lines_that_are_torn_are_told_with_their_place_and_cost_only_themselves(tmp_path: Path) -> None:
    path = otlp(tmp_path / "a.jsonl", [span(number) for number in range(3)])
    lines = path.read_text().splitlines()
    lines[1] = lines[1][:40]
    path.write_text("\n".join(lines))
    report = import_sources([str(path)], tmp_path / "store")
    assert report.spans == 2
    assert report.exit_code == 0
    [skipped] = report.skipped
    assert (skipped.count, skipped.where) == (1, "a.jsonl:2")
    assert report.files[0].read == 2
    assert sum(report.files[0].skipped.values()) == 1


def test_a_named_file_that_cannot_be_read_costs_the_exit_code_not_the_others(tmp_path: Path) -> None:
    good = otlp(tmp_path / "a.jsonl", [span(0)])
    bad = tmp_path / "b.json"
    bad.write_text('{"colour": "blue"}')
    report = import_sources([str(good), str(bad)], tmp_path / "store")
    assert (report.spans, report.failed, report.exit_code) == (1, [str(bad)], 2)
    # in a directory it is only passed over
    assert import_sources([str(tmp_path)], tmp_path.parent / "other").exit_code == 0


KILLED = """
import sys
from pathlib import Path
from traceview.ingest import writing
from traceview.ingest.importer import import_sources
writing.ROW_GROUP_ROWS = 500
import_sources([sys.argv[1]], Path(sys.argv[2]), on_progress=lambda told: print(told.spans, flush=True))
"""


def test_killed_at_any_time_whole_parts_are_left_and_another_run_completes(tmp_path: Path) -> None:
    path = otlp(tmp_path / "a.jsonl", [span(number) for number in range(9_000)])
    store = tmp_path / "store"
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path), str(store)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.stdout.readline() and len(parts_in(store)) < 3:
            pass
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert [check_part(part) for part in parts_in(store)] == [None] * len(parts_in(store))
    before = len(parts_in(store))
    report = import_sources([str(path)], store)
    assert report.spans + report.already == 9_000
    assert report.already >= 500 * min(before, 3)
    assert info(store).spans == 9_000
    assert import_sources([str(path)], store).unchanged == [str(path)]
    assert len(leftovers(store)) <= 2


def test_a_store_into_another_one(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for names in (("one", "two"), ("newer one",)):
        spans = (span(number, name=name) for number, name in enumerate(names))
        import_sources([str(otlp(tmp_path / "in.jsonl", spans))], old)
    report = import_sources([str(old)], new)
    assert (report.spans, report.repeated, report.parts) == (2, 1, 1)
    assert ask(new, "SELECT name FROM spans ORDER BY span_id") == [("newer one",), ("two",)]


def test_a_full_disk_is_said_and_what_was_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = otlp(tmp_path / "a.jsonl", [span(number) for number in range(3_000)])
    real = writing.write_table
    written: list[Path] = []

    def write(table: pa.Table, path: Path) -> None:
        if len(written) == 2:
            path.write_bytes(b"PAR1 half")
            raise OSError(28, "No space left on device")
        written.append(path)
        real(table, path)

    monkeypatch.setattr(writing, "ROW_GROUP_ROWS", 1_000)
    with monkeypatch.context() as patched:
        patched.setattr(writing, "write_table", write)
        with pytest.raises(BadInput, match="the disk is full") as caught:
            import_sources([str(path)], tmp_path / "store")
    assert "run it again" in str(caught.value.hint)
    assert info(tmp_path / "store").spans == 2_000
    assert leftovers(tmp_path / "store") == []
    report = import_sources([str(path)], tmp_path / "store")
    assert (report.spans, report.already) == (1_000, 2_000)


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = otlp(tmp_path / "a.jsonl", [span(0)])
    with path.open("rb") as stream:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))
        report = import_sources(["-"], tmp_path / "store")
    assert (report.spans, report.files[0].file) == (1, "-")
