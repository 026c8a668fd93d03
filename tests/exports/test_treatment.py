"""Splits and redaction of rows: the same rules as exports for training, for JSON lines, CSV and Parquet."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from traceview.cli.main import main
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, Target
from traceview.store.labels.store import LabelStore

SECRET = "ada.lovelace@example.com"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    said = [
        {
            "id": f"t{number}",
            "thread_id": f"c{number // 2}",
            "user_id": SECRET,
            "messages": [
                {"role": "user", "content": f"Question {number} of {SECRET}"},
                {"role": "assistant", "content": f'{{"to": "{SECRET}", "n": {number}}}'},
            ],
        }
        for number in range(40)
    ]
    (tmp_path / "chats.jsonl").write_text("".join(json.dumps(one) + "\n" for one in said))
    store = LabelStore.open(tmp_path / "chats.labels.db")
    rows = [label(number, "ok", number % 2 == 0, reason=f"asked {SECRET}") for number in range(40)]
    store.append_now([*rows, label(0, "note", f"write to {SECRET}"), label(1, "note", "=cmd()")])
    store.close()
    return tmp_path


def label(number: int, name: str, value: Any, reason: str | None = None) -> LabelRow:
    target = Target("trace", f"t{number}", f"t{number}")
    return LabelRow("", target, name, value, "human", "ben@example.com", "", reason=reason)


def run(folder: Path, *words: str) -> str:
    given = ["export", str(folder / "chats.jsonl"), *words]
    done = CliRunner().invoke(main, given, standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.stderr


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_conversation_is_in_the_split_that_training_gives_it(folder: Path, suffix: str) -> None:
    said = run(folder, "--split", "train=0.5,test=0.5", "--seed", "3", "-o", str(folder / f"rows.{suffix}"))
    parts = {name: rows_of(folder / f"rows.{name}.{suffix}") for name in ("train", "test")}
    assert "rows.train" in said and not (folder / f"rows.{suffix}").exists()
    threads = {name: {one["thread_id"] for one in found} for name, found in parts.items()}
    assert len(parts["train"]) + len(parts["test"]) == 40 and not threads["train"] & threads["test"]
    assert all(threads.values())
    run(
        *(folder, "--format", "hf", "--split", "train=0.5,test=0.5", "--seed", "3"),
        *("-o", str(folder / "hf")),
    )
    for name in parts:
        trained = rows_of(folder / "hf" / "data" / f"{name}-00000-of-00001.parquet")
        assert {one["thread_id"] for one in trained} <= threads[name]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("profile", ["standard", "strict"])
def test_nothing_of_a_person_leaves_where_it_is_redacted(folder: Path, suffix: str, profile: str) -> None:
    path = folder / f"rows.{suffix}"
    said = run(folder, "--redact", profile, "-o", str(path))
    assert "replaced: " in said and "EMAIL" in said
    written = json.dumps(rows_of(path), default=str)
    assert SECRET not in written and "ben@example.com" not in written and "<EMAIL_1>" in written
    beside = path.with_name(f"{path.name}.meta.json")
    metadata = (
        beside.read_text()
        if beside.exists()
        else pq.read_metadata(path).metadata[b"traceview_export"].decode()
    )
    assert "ben@example.com" not in metadata and f'"redact": "{profile}"' in metadata.replace("\\n", "")
    rows = rows_of(path)
    assert ("t0" in {one["target_id"] for one in rows}) == (profile == "standard")
    if suffix == "jsonl":
        assert all(json.loads(one["output"])["to"] == "<EMAIL_1>" for one in rows), "JSON stays JSON"
        assert any("note" in one["scores"] for one in rows) == (profile == "standard")


def test_without_being_asked_rows_are_as_they_are(folder: Path) -> None:
    run(folder, "-o", str(folder / "rows.jsonl"))
    assert SECRET in (folder / "rows.jsonl").read_text()
    assert "redact" not in (folder / "rows.jsonl.meta.json").read_text()


def test_splits_cannot_go_to_a_stream_and_no_part_is_replaced_unasked(folder: Path) -> None:
    with pytest.raises(BadInput, match="splits are several files"):
        run(folder, "--split", "a=0.5,b=0.5", "-o", "-")
    (folder / "rows.b.jsonl").write_text("mine")
    with pytest.raises(BadInput, match="exists"):
        run(folder, "--split", "a=0.5,b=0.5", "-o", str(folder / "rows.jsonl"))
    assert (folder / "rows.b.jsonl").read_text() == "mine" and not (folder / "rows.a.jsonl").exists()
    with pytest.raises(BadInput, match="sum to"):
        run(folder, "--split", "a=0.5", "-o", str(folder / "rows.jsonl"))
