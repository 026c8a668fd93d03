"""`--map`: given, shown, remembered, corrected, and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from traceview.cli.main import _run

ROW = {
    "trace_id": "t",
    "ts": "2026-01-01T00:00:00Z",
    "body": {"prompt": "hi"},
    "said": "yes, a=b",
    "odd,x=1": 1,
}


@pytest.fixture(autouse=True)
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "calls.jsonl"
    path.write_text(json.dumps(ROW))
    return path


def info(capsys: pytest.CaptureFixture[str], *options: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert _run(["info", "calls.jsonl", *options]) == code
    told = capsys.readouterr()
    return told.out, told.err


def test_a_mapping_is_given_shown_remembered_and_corrected(capsys: pytest.CaptureFixture[str]) -> None:
    first, err = info(capsys, "--json", "--map", "input=body.prompt, output=said", "--remember")
    told = json.loads(first)
    assert (told["mapping"]["input"], told["mapping"]["output"]) == ("body.prompt", "said")
    assert "odd,x=1" in told["not_read"]
    assert "traceview.toml: input = body.prompt, output = said" in err
    assert json.loads(info(capsys, "--json")[0])["mapping"]["input"] == "body.prompt"
    shown, _ = info(capsys)
    assert "other columns, kept as attributes (attr.NAME): " in shown
    assert "remembered in " in shown and "output = said" in shown
    corrected = json.loads(info(capsys, "--json", "--map", "output=odd,x=1")[0])
    assert (corrected["mapping"]["input"], corrected["mapping"]["output"]) == ("body.prompt", "odd,x=1")


def test_a_wrong_column_names_the_nearest_and_is_not_remembered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, err = info(capsys, "--map", "output=sayd", "--remember", code=2)
    assert "no column 'sayd'" in err and "did you mean said?" in err
    assert not (tmp_path / "traceview.toml").exists()
    _, err = info(capsys, "--map", "outptu=said", code=2)
    assert "did you mean output?" in err


def test_what_is_remembered_wrongly_names_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "traceview.toml").write_text('[sources."calls.jsonl".map]\noutput = 3\n')
    _, err = info(capsys, code=2)
    assert "traceview.toml:2" in err and "the name of a column" in err
