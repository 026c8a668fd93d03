"""`labels agreement` on a source that two and three people have labelled."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from traceview.cli.main import _run

SAID = {"kim": "ppfp", "lee": "pffp", "ana": "p"}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """Four traces, labelled by two people whole and by a third in part."""
    for name in ("CACHE", "DATA", "STATE", "CONFIG"):
        monkeypatch.setenv(f"TRACEVIEW_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.setenv("TRACEVIEW_ANNOTATOR", "kim")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "traceview.toml").write_text('[feedback.good]\ntype = "boolean"\nscope = "trace"\n')
    path = tmp_path / "traces.parquet"
    names = [f"t{number}" for number in range(4)]
    pq.write_table(pa.table({"trace_id": names, "span_id": names, "input": names}), path)
    rows = [
        {"target_kind": "trace", "target_id": f"t{at}", "trace_id": f"t{at}", "name": "good", "value": letter == "p",
         "source": "human", "annotator": who}
        for who, letters in SAID.items() for at, letter in enumerate(letters)
    ]  # fmt: skip
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    assert _run(["labels", "import", str(path), str(file)]) == 0
    capsys.readouterr()
    return path


def test_as_json(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["labels", "agreement", str(source), "good", "--between", "kim, lee", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["annotators"] == ["kim", "lee"]
    assert (told["items"], told["observed_agreement"], told["kappa"]) == (4, 0.75, 0.5)
    assert told["alpha_level"] == "nominal"
    assert len(told["kappa_ci95"]) == 2


def test_for_people(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["labels", "agreement", str(source), "good"]) == 0
    out, said = capsys.readouterr()
    assert out.splitlines()[0] == "good: ana, kim, lee; 4 items labelled by two or more, 3 of them alike"
    assert "kappa is of two people, here are 3: name two with --between" in out
    assert "Krippendorff's alpha (nominal)" in out
    assert "1 item differs" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["goodd"], "did you mean good?"),
        (["good", "--between", "kim,lea"], "did you mean lee?"),
        (["good", "--between", "kim"], "does not name two people"),
    ],
)
def test_refused(
    source: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["labels", "agreement", str(source), *arguments, "--json"]) == 2
    assert message in capsys.readouterr().err
