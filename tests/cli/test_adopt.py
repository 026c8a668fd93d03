"""Scores that a source brings: told by `info`, apart by who gave them, and adopted on request."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from traceview.cli.main import _run

Run = Callable[..., tuple[list[dict[str, Any]], str]]

SCORES = [
    {
        "name": "correct",
        "label": "correct",
        "source": "human",
        "author": "ann",
        "time": "2026-11-01T10:00:00Z",
    },
    {"name": "correct", "value": 0, "source": "llm", "author": "gpt-5.1"},
    {"name": "thumbs", "value": 1, "source": "user"},
]
WRONG = [
    {"name": "correct", "label": "incorrect", "source": "human", "author": "bo", "comment": "an old price"},
    {"name": "edit", "label": "edited", "source": "user", "correction": "It costs 12 euros."},
]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two traces with scores in the file, and a definition of one of them."""
    for name in ("CACHE", "DATA", "STATE", "CONFIG"):
        monkeypatch.setenv(f"TRACEVIEW_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.setenv("TRACEVIEW_ANNOTATOR", "me")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "traceview.toml").write_text('[feedback.correct]\ntype = "boolean"\nscope = "trace"\n')
    path = tmp_path / "traces.parquet"
    scores = [json.dumps([one | {"target": "trace"} for one in listed]) for listed in (SCORES, WRONG)]
    table = {
        "trace_id": ["t1", "t2"],
        "span_id": ["s1", "s2"],
        "input": ["a", "b"],
        "output": ["c", "d"],
        "scores": scores,
    }
    pq.write_table(pa.table(table), path)
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process: its JSON lines, and what it said."""

    def one(*arguments: str, code: int = 0) -> tuple[list[dict[str, Any]], str]:
        capsys.readouterr()
        given = _run(list(arguments))
        out, said = capsys.readouterr()
        assert given == code, said
        return [json.loads(line) for line in out.splitlines() if line.startswith("{")], said

    return one


def test_info_tells_what_scores_the_source_brings_and_by_whom(source: Path, run: Run) -> None:
    ((info,), _) = run("info", str(source), "--json")
    told = {(one["name"], one["source"], one["by"]): one["count"] for one in info["scores"]}
    assert told == {
        ("correct", "import", "human"): 2,
        ("correct", "import", "llm"): 1,
        ("thumbs", "user", "user"): 1,
        ("edit", "user", "user"): 1,
        ("correction", "user", "user"): 1,
    }


def test_a_filter_tells_an_end_users_edit_from_a_colleagues_correction(source: Path, run: Run) -> None:
    assert [row["trace_id"] for row in run("traces", str(source), "-f", "correction:any", "--json")[0]] == [
        "t2"
    ]
    assert [
        row["trace_id"] for row in run("traces", str(source), "-f", "score.thumbs.user:1", "--json")[0]
    ] == ["t1"]
    assert run("traces", str(source), "-f", "score.correct.human:any", "--json")[0] == []


def test_adopting_makes_labels_of_what_people_gave_once(source: Path, run: Run) -> None:
    words = ("--value", "correct=pass", "--value", "incorrect=fail")
    _, said = run("labels", "adopt", str(source), "correct", *words)
    assert "2 added, 0 already there, 0 refused" in said
    _, said = run("labels", "adopt", str(source), "correct", *words)
    assert "0 added, 2 already there" in said
    rows, _ = run("labels", "list", str(source), "--json")
    assert {
        (row["target_id"], row["value"], row["annotator"], row["source"], row["reason"]) for row in rows
    } == {
        ("t1", True, "ann", "human", None),
        ("t2", False, "bo", "human", "an old price"),
    }
    assert next(row for row in rows if row["annotator"] == "ann")["created_at"].startswith(
        "2026-11-01T10:00:00"
    )
    # what the source brings is still there, beside them
    ((first, _), _) = run("traces", str(source), "-f", "score.correct:any", "--sort", "trace_id", "--json")
    assert set(first["scores"]["correct"]) == {"human", "import"}


def test_a_value_that_does_not_fit_is_refused_and_nothing_else(source: Path, run: Run) -> None:
    _, said = run("labels", "adopt", str(source), "correct", "--value", "correct=pass", code=2)
    assert "1 added" in said and "1 refused" in said and "incorrect" in said


def test_what_no_person_gave_is_not_adopted(source: Path, run: Run) -> None:
    _, said = run("labels", "adopt", str(source), "thumbs", code=2)
    assert "none of the 1 scores thumbs was given by a person" in said
    _, said = run("labels", "adopt", str(source), "corect", code=2)
    assert "no score corect" in said and "people gave: correct" in said
