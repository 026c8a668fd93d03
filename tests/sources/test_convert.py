"""Conversion into the cache: once, live, restartable, and by two processes at the same time."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from traceview.files.dirs import cache_dir
from traceview.model.errors import BadInput, Cancelled
from traceview.sources import convert
from traceview.sources.base import Probe, ReadReport
from traceview.sources.convert import Conversion, plan_conversion
from traceview.sources.open import open_sources
from traceview.sources.parts import check_part
from traceview.sources.probe import probe


class Lines:
    """A format of the tests: one span a line; `bad` lines are skipped, `die` breaks off."""

    name = "lines"

    def __init__(self) -> None:
        self.reads = 0

    def recognise(self, probe: Probe) -> bool:
        return True

    def read(self, probe: Probe, report: ReadReport) -> Iterator[list[dict[str, Any]]]:
        self.reads += 1
        for number, line in enumerate(probe.path.read_text().splitlines(), 1):
            report.bytes_read += len(line) + 1
            if line == "bad":
                report.skip("bad line", f"{probe.path.name}:{number}")
            elif line == "die":
                raise EOFError("torn")
            else:
                yield [{"trace_id": line, "span_id": line, "start_ns": number}]


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def plan(reader: Lines, *paths: Path) -> Conversion:
    return plan_conversion([(reader, [probe(path) for path in paths])])


def spans(conversion: Conversion) -> list[str]:
    return sorted(
        text
        for part in conversion.parts()
        for text in pq.read_table(part, columns=["span_id"])["span_id"].to_pylist()
    )


def test_converted_once_and_reopened_with_its_report(tmp_path: Path) -> None:
    path = write(tmp_path / "a", "one", "bad", "two", "bad")
    reader = Lines()
    progress: list[float] = []
    seen: list[Path] = []
    first = plan(reader, path)
    assert not first.complete
    report = first.run(on_part=seen.append, on_progress=progress.append)
    assert spans(first) == ["one", "two"]
    assert (report.spans, dict(report.skipped), report.places) == (
        2,
        {"bad line": 2},
        {"bad line": ["a:2", "a:4"]},
    )
    assert seen == list(first.parts())
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    again = plan(reader, path)
    assert again.complete
    assert again.run() == report
    assert spans(again) == ["one", "two"]
    assert reader.reads == 1


@pytest.mark.parametrize("change", ["content", "time", "version", "part", "manifest"])
def test_converted_anew_when_anything_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    path = write(tmp_path / "a", "one")
    reader = Lines()
    first = plan(reader, path)
    first.run()
    if change == "content":
        write(path, "one", "two")
    elif change == "time":
        os.utime(path, ns=(1, 1))
    elif change == "version":
        monkeypatch.setattr(convert, "CONVERTER_VERSION", 99)
    elif change == "part":
        first.parts()[0].unlink()
    else:
        (first.directory.parent / "manifest.json").write_text("{torn")
    again = plan(reader, path)
    assert not again.complete
    again.run()
    assert spans(again) == (["one", "two"] if change == "content" else ["one"])
    assert plan(reader, path).complete


def test_parts_show_while_it_runs_and_keep_their_place(tmp_path: Path) -> None:
    path = write(tmp_path / "a", *(f"s{number}" for number in range(5_000)))
    conversion = plan(Lines(), path)
    early: list[int] = []
    conversion.run(on_part=lambda part: early.append(len(conversion.parts())))
    assert early == [1, 2]
    assert len(spans(conversion)) == 5_000


def test_a_file_that_breaks_off_costs_its_rest_only(tmp_path: Path) -> None:
    conversion = plan(Lines(), write(tmp_path / "a", "one", "die", "lost"), write(tmp_path / "b", "two"))
    report = conversion.run()
    assert spans(conversion) == ["one", "two"]
    assert dict(report.skipped) == {"the compressed stream breaks off (torn)": 1}


def test_no_span_at_all_is_an_error_that_says_why(tmp_path: Path) -> None:
    conversion = plan(Lines(), write(tmp_path / "a", "bad", "bad"))
    with pytest.raises(BadInput, match="no span could be read from") as caught:
        conversion.run()
    assert "2 x bad line (a:1, a:2)" in caught.value.message
    assert not plan(Lines(), tmp_path / "a").complete


def test_cancelled_and_started_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a", *(f"s{number}" for number in range(5_000)))
    conversion = plan(Lines(), path)
    asked = iter([False] * 3_000)
    with pytest.raises(Cancelled):
        conversion.run(cancel=lambda: next(asked, True))
    assert not conversion.complete
    conversion.close()
    assert not conversion.directory.exists()
    again = plan(Lines(), path)
    again.run()
    assert len(spans(again)) == 5_000


def test_a_file_that_changes_meanwhile_is_not_kept_as_complete(tmp_path: Path) -> None:
    path = write(tmp_path / "a", "one", "two")
    conversion = plan(Lines(), path)
    conversion.run(on_part=lambda part: write(path, "three"))
    assert spans(conversion) == ["one", "two"]
    assert not plan(Lines(), path).complete


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conversion = plan(Lines(), write(tmp_path / "a", "one"))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(BadInput, match="the disk is full") as caught:
        conversion.run()
    assert "cache clear" in (caught.value.hint or "")


def test_two_conversions_at_once_do_not_harm_one_another(tmp_path: Path) -> None:
    path = write(tmp_path / "a", *(f"s{number}" for number in range(3_000)))
    first, second = plan(Lines(), path), plan(Lines(), path)
    nested: list[int] = []

    def other(part: Path) -> None:
        if not nested:
            nested.append(1)
            second.run()

    first.run(on_part=other)
    assert spans(first) == spans(second)
    assert len(spans(first)) == 3_000
    # both stay readable as long as they are open, whichever the manifest names
    third = plan(Lines(), path)
    assert third.complete
    assert len(spans(first)) == len(spans(second)) == len(spans(third)) == 3_000


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_convert import Lines, plan
plan(Lines(), Path(sys.argv[1])).run(on_part=lambda part: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_killed_in_the_middle_is_restarted_and_tidied(tmp_path: Path) -> None:
    path = write(tmp_path / "a", *(f"s{number}" for number in range(5_000)))
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), str(Path(__file__).parent)], check=False)
    assert done.returncode == -9
    [home] = cache_dir().glob("converted-*")
    [left] = home.glob("run-*")
    assert all(check_part(part) is None for part in left.glob("part-*.parquet"))
    conversion = plan(Lines(), path)
    assert not conversion.complete
    assert not left.exists()
    conversion.run()
    assert len(spans(conversion)) == 5_000


def test_spans_of_overlapping_files_are_all_kept_in_order(tmp_path: Path) -> None:
    """Which of them counts is for the index to say: the last, as wherever a span was written more than once."""
    conversion = plan(Lines(), write(tmp_path / "a", "one", "two"), write(tmp_path / "b", "two", "three"))
    report = conversion.run()
    assert spans(conversion) == ["one", "three", "two", "two"]
    assert dict(report.skipped) == {}


@pytest.mark.parametrize("compressed", [False, True])
def test_progress_grows_while_otlp_is_read(tmp_path: Path, compressed: bool) -> None:
    source = Path(__file__).parents[1] / "fixtures/openinference/anthropic.otlp.jsonl"
    path = tmp_path / "many.otlp.jsonl"
    copies = [
        re.sub(rb'("traceId": ?")..', rb"\g<1>%02x" % number, source.read_bytes()) for number in range(120)
    ]
    text = b"".join(copies)
    path.write_bytes(gzip.compress(text) if compressed else text)
    conversion = open_sources([str(path)]).conversion
    assert conversion is not None
    told: list[float] = []
    conversion.run(on_progress=told.append)
    assert told == sorted(told)
    assert len({round(share, 1) for share in told}) > 2
    assert told[-1] == 1.0
