"""From arguments to files, and what is refused in which words."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from traceview.model.errors import BadInput
from traceview.sources.locate import locate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two trace files and much else."""
    root = tmp_path / "traces"
    (root / "deep").mkdir(parents=True)
    for name in ("b.jsonl", "deep/a.parquet", ".hidden", "x.tmp", "README.md", "run.labels.db", "~$lock"):
        (root / name).write_text("content")
    (root / "empty.jsonl").touch()
    (root / ".git").mkdir()
    (root / ".git" / "c.jsonl").write_text("content")
    return root


def test_a_directory_sorted_with_what_was_ignored(folder: Path) -> None:
    located = locate([str(folder)])
    assert located.files == [folder / "b.jsonl", folder / "deep" / "a.parquet"]
    assert located.ignored == {
        "hidden directory": 1,
        "hidden file": 1,
        "temporary file": 2,
        "not a trace file": 1,
        "empty file": 1,
    }


def test_what_traceview_itself_keeps_beside_traces_was_not_passed_over(folder: Path) -> None:
    before = locate([str(folder)]).ignored
    labels = "traces.labels.db"
    backup = f"{labels}.v1-20261101T100000Z.bak"
    for name in (labels, f"{labels}.lock", f"{labels}-wal", f"{labels}-shm", backup, "traceview.toml"):
        (folder / name).write_text("content")
    (folder / "other.lock").write_text("content")
    assert locate([str(folder)]).ignored - before == {"temporary file": 1}


def test_a_named_file_is_taken_whatever_its_name(folder: Path) -> None:
    located = locate([str(folder / "x.tmp"), str(folder / ".hidden")])
    assert located.files == [folder / "x.tmp", folder / ".hidden"]
    assert not located.ignored


def test_each_file_once_through_links_globs_and_repetition(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "link.jsonl").symlink_to(folder / "b.jsonl")
    (folder / "loop").symlink_to(folder)
    monkeypatch.chdir(folder)
    located = locate(["b.jsonl", "*.jsonl", str(folder), "**/*.parquet"])
    assert located.files == [folder / "b.jsonl", folder / "deep" / "a.parquet"]
    assert located.ignored["named twice"] >= 3


@pytest.mark.parametrize(
    ("argument", "hint"),
    [
        ("s3://bucket/key", "aws s3 cp --recursive 's3://bucket/key' traces/"),
        ("gs://bucket/key", "gcloud storage cp -r 'gs://bucket/key' traces/"),
        ("az://container/x", "az storage blob download-batch -d traces/ -s 'az://container/x'"),
        ("https://host/x.parquet", "curl -LO 'https://host/x.parquet'"),
        ("http://host/x.parquet", "curl -LO 'http://host/x.parquet'"),
        ("hf://datasets/me/data/x.parquet", "hf download me/data --repo-type dataset --local-dir traces/"),
    ],
)
def test_remote_sources_are_downloaded_first(argument: str, hint: str) -> None:
    with pytest.raises(BadInput, match="download it first") as caught:
        locate([argument])
    assert caught.value.hint == hint


def test_a_missing_path_names_the_nearest(folder: Path) -> None:
    with pytest.raises(BadInput, match="does not exist") as caught:
        locate([str(folder / "b.json")])
    assert caught.value.hint == f"did you mean {folder / 'b.jsonl'}?"
    with pytest.raises(BadInput) as caught:
        locate([str(folder / "dep" / "a.parquet")])
    assert caught.value.hint == f"did you mean {folder / 'deep'}?"


def test_what_holds_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"has no trace files in it$"):
        locate([str(tmp_path)])
    (tmp_path / "empty.parquet").touch()
    with pytest.raises(BadInput, match=r"empty\.parquet is empty$"):
        locate([str(tmp_path / "empty.parquet")])
    with pytest.raises(BadInput, match=r"has no trace files in it \(ignored: 1 empty file\)"):
        locate([str(tmp_path)])
    with pytest.raises(BadInput, match=r"nothing matches .*\*\.csv"):
        locate([str(tmp_path / "*.csv")])
    with pytest.raises(BadInput, match="no source given"):
        locate([])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_said(folder: Path) -> None:
    (folder / "b.jsonl").chmod(0)
    with pytest.raises(BadInput, match="may not be read"):
        locate([str(folder / "b.jsonl")])


def test_a_name_with_glob_characters_is_a_name_first(tmp_path: Path) -> None:
    path = tmp_path / "run[1].jsonl"
    path.write_text("content")
    assert locate([str(path)]).files == [path]


def test_standard_input_is_kept_by_its_content() -> None:
    first = locate(["-"], stdin=io.BytesIO(b"some lines")).files[0]
    before = first.stat()
    again = locate(["-"], stdin=io.BytesIO(b"some lines")).files[0]
    other = locate(["-"], stdin=io.BytesIO(b"other lines")).files[0]
    assert first.read_bytes() == b"some lines"
    assert again == first
    assert (again.stat().st_ino, again.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert other != first
    assert first.stat().st_mode & 0o077 == 0 or first.parent.stat().st_mode & 0o077 == 0
    with pytest.raises(BadInput, match="standard input is empty"):
        locate(["-"], stdin=io.BytesIO(b""))
    assert len(list(first.parent.iterdir())) == 2


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    import threading

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"piped"))
    writer.start()
    located = locate([str(pipe)])
    writer.join()
    assert located.files[0].read_bytes() == b"piped"


@pytest.mark.parametrize(
    ("missing", "nearest"),
    [
        ("nonexistent.jsonl", None),
        ("labels.jsonl", None),
        ("tracse.jsonl", "traces.otlp.jsonl"),
        ("traces.parquet", "traces.otlp.jsonl"),
        ("Container_inf.json", "container_info.json"),
    ],
)
def test_only_a_name_that_is_like_the_missing_one_is_suggested(
    tmp_path: Path, missing: str, nearest: str | None
) -> None:
    for name in ("container_info.json", "traces.otlp.jsonl"):
        (tmp_path / name).write_text("content")
    with pytest.raises(BadInput, match="does not exist") as caught:
        locate([str(tmp_path / missing)])
    assert caught.value.hint == (f"did you mean {tmp_path / nearest}?" if nearest else None)


def test_arguments_that_are_missing_are_told_where_the_others_may_go_on(folder: Path) -> None:
    gone, none = str(folder / "gone.jsonl"), str(folder / "*.csv")
    located = locate([gone, str(folder / "b.jsonl"), none], some_missing=True)
    assert located.files == [folder / "b.jsonl"]
    assert [(argument, error.message) for argument, error in located.missing] == [
        (gone, f"{gone} does not exist"),
        (none, f"nothing matches {none}"),
    ]
