"""Places that the system refuses, and file names in odd encodings: words and exit code 2, never a traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from traceview.cli import crash
from traceview.cli.main import _run
from traceview.model.errors import BadInput
from traceview.store.open import open_engine

SAMPLE = Path(__file__).resolve().parents[2] / "sample_data"
LONG = "n" * 300
"""A name that the system refuses to look at, also for root: what `exists` answers with is an error."""
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_a_place_that_may_not_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def refuse(path: str, *rest: object, **named: object) -> int:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("traceview.files.atomic.os.open", refuse)
    assert _run(["init"]) == 2
    told = capsys.readouterr().err
    assert "Permission denied" in told
    assert str(tmp_path) in told
    assert "Traceback" not in told


@pytest.mark.parametrize("command", ["info", "open"])
def test_a_source_that_cannot_be_looked_at_is_said(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run([command, str(tmp_path / LONG / "traces.parquet")]) == 2
    told = capsys.readouterr().err
    assert "File name too long" in told
    assert "Traceback" not in told


def test_user_directories_that_cannot_be_looked_at_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("CACHE", "CONFIG", "STATE", "DATA"):
        monkeypatch.setenv(f"TRACEVIEW_{name}_DIR", str(tmp_path / LONG / name))
    assert _run(["info", str(SAMPLE / "traces.parquet")]) == 2
    told = capsys.readouterr().err
    assert "cannot use the directory" in told
    assert "Traceback" not in told


def test_a_crash_is_reported_elsewhere_where_the_state_directory_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEVIEW_STATE_DIR", str(tmp_path / LONG))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sentence = crash.report_crash(ValueError("the cause"))
    (report,) = tmp_path.glob("traceview-*/crash-*.txt")
    assert str(report) in sentence
    assert "the cause" in report.read_text()


def test_without_any_place_the_crash_itself_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEVIEW_STATE_DIR", str(tmp_path / LONG))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    assert "ValueError: the cause" in crash.report_crash(ValueError("the cause"))


def _info(name: bytes, tmp_path: Path, **environ: str) -> subprocess.CompletedProcess[bytes]:
    path = os.path.join(os.fsencode(tmp_path), name)  # noqa: PTH118 (bytes)
    shutil.copyfile(SAMPLE / "traces.parquet", path)
    return subprocess.run(
        [sys.executable, "-m", "traceview", "info", path],
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, **environ},
    )


def test_a_name_beyond_ascii_is_read_where_python_knows_only_ascii(tmp_path: Path) -> None:
    done = _info("für.parquet".encode(), tmp_path, **ASCII)
    assert done.returncode == 0, done.stderr
    assert "für.parquet".encode() in done.stdout


def test_a_name_that_is_not_utf_8_is_refused_in_words(tmp_path: Path) -> None:
    done = _info(b"f\xfcr.parquet", tmp_path)
    assert done.returncode == 2
    assert b"argument 2 is not UTF-8: " in done.stderr and b"renamed" in done.stderr
    assert b"Traceback" not in done.stderr
    with pytest.raises(BadInput, match="not UTF-8; rename it"):
        open_engine((os.fsdecode(os.fsencode(tmp_path) + b"/f\xfcr.parquet"),))


def test_a_filter_that_is_not_utf_8_is_refused_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["traces", str(SAMPLE / "traces.parquet"), "-f", os.fsdecode(b"bad\xff")]) == 2
    assert "argument 4 is not UTF-8: bad" in capsys.readouterr().err
