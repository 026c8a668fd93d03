"""`--map`: given, shown, remembered, corrected, and what is wrong with it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import duckdb
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


@pytest.mark.parametrize(
    ("mapping", "told", "hint"),
    [
        (
            "start_time=prompt",
            "no value in the rows of {path} is a time; the first is 'what is 0?'",
            "answer, price",
        ),
        ("latency=prompt", "no value in the rows of {path} is a duration", "answer, price"),
        (
            "cost_usd=answer",
            "no value in the rows of {path} is a number; the first is 'sure'",
            "answer, price",
        ),
        ("start_time=price", "the numbers in {path} are no times, '0.5' would be in 1970", "answer, price"),
        ("input=prompt.nokey", "prompt has no keys in {path}; its first value is", "--map input=prompt\n"),
        ("start_time=pirce", "{path} has no column 'pirce'", "did you mean price?"),
    ],
)
@pytest.mark.parametrize("container", ["csv", "parquet"])
def test_a_column_that_cannot_be_the_field_is_refused_by_the_name_of_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], container: str, mapping: str, told: str, hint: str
) -> None:
    path = calls(tmp_path, container)
    assert _run(["traces", str(path), "--map", mapping]) == 2
    err = capsys.readouterr().err
    assert f"--map {mapping}: {told.format(path=path)}" in err
    assert hint in err


@pytest.mark.parametrize("column", ["ok", "body.ok"])
@pytest.mark.parametrize("field", ["input_tokens", "cost_usd", "latency"])
def test_true_and_false_are_no_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], field: str, column: str
) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text(
        '{"trace_id": "a", "model": "m", "prompt": "hi", "ok": true, "body": {"ok": false}}\n' * 2
    )
    assert _run(["traces", str(path), "--map", f"{field}={column}"]) == 2
    assert "are true and false, which is not a " in capsys.readouterr().err


def test_a_key_that_no_row_has_is_told_and_may_come_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = calls(tmp_path, "csv")
    assert _run(["traces", str(path), "--map", "error=body.nokey"]) == 0
    told = "--map error=body.nokey: none of the rows has a value there; the keys in body are a, bee"
    assert f"{path}: {told}" in capsys.readouterr().err
    assert _run(["info", str(path), "--map", "error=body.nokey", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["skipped"][0]["reason"] == told
    other = tmp_path / "later.csv"
    other.write_text(path.read_text().replace('""a""', '""nokey""'))
    assert _run(["traces", str(path), str(other), "--map", "error=body.nokey"]) == 0
    assert "--map" not in capsys.readouterr().err


def test_one_column_feeds_two_fields_that_ask_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = calls(tmp_path, "csv")
    assert _run(["info", str(path), "--json", "--map", "trace_id=session,name=session"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["mapping"]["trace_id"], told["mapping"]["name"], told["traces"]) == ("session", "session", 3)


def test_a_file_of_a_known_format_is_named_where_a_mapping_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = Path(__file__).resolve().parents[1] / "fixtures" / "phoenix" / "spans.parquet"
    assert _run(["info", str(path), "--map", "input=x"]) == 2
    assert f"{path} is read as phoenix, whose fields it knows" in capsys.readouterr().err


def calls(folder: Path, container: str) -> Path:
    """Five calls in a table that records no time."""
    path = folder / "calls.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["session", "prompt", "answer", "price", "body"])
        for number in range(5):
            body = json.dumps({"a": number, "bee": "x"})
            writer.writerow([f"s{number // 2}", f"what is {number}?", "sure", 0.5 + number, body])
    if container == "parquet":
        with duckdb.connect() as connection:
            connection.execute(f"COPY (FROM '{path}') TO '{path.with_suffix('.parquet')}'")
        path = path.with_suffix(".parquet")
    return path


def test_what_is_remembered_wrongly_names_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "traceview.toml").write_text('[sources."calls.jsonl".map]\noutput = 3\n')
    _, err = info(capsys, code=2)
    assert "traceview.toml:2" in err and "the name of a column" in err
