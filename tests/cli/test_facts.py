"""`show --facts` and the figure `unsourced` on the command line, on the sample data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sample_files import sample_copy
from traceview.cli.main import _run

LINK = "https://help.polaris.example/guides/reminders"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return str(sample_copy(tmp_path))


def test_facts_of_an_answer_and_where_they_first_appeared(
    source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["show", source, "c4b22fdf", "--facts"]) == 0
    assert f"{LINK}  ← nowhere" in capsys.readouterr().out
    assert _run(["show", source, "08a45760", "--facts", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    roles = {one["text"]: one["origin"] and one["origin"]["role"] for one in found}
    assert roles["DATA-664"] == "input" and roles["51"] == "tool result" and roles["137"] is None


def test_show_says_what_comes_from_nowhere(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["show", source, "c4b22fdf"]) == 0
    assert f"unsourced {LINK}" in capsys.readouterr().out
    assert _run(["show", source, "c4b22fdf", "--json"]) == 0
    assert [one["text"] for one in json.loads(capsys.readouterr().out)["unsourced"]] == [LINK]


def test_a_list_carries_the_figure_when_it_is_asked_for(
    source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for asked in (
        ["--filter", "unsourced>2"],
        ["--sort", "-unsourced", "-n", "4"],
        ["--columns", "unsourced"],
    ):
        assert _run(["traces", source, *asked, "--json"]) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert rows and all(isinstance(row["unsourced"], int) for row in rows)
    assert _run(["traces", source, "-n", "1", "--json"]) == 0
    assert "unsourced" not in json.loads(capsys.readouterr().out)
