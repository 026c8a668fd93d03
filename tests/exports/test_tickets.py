"""Tickets: a Markdown file per failure mode that says how often, shows redacted examples, and how to see them all."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from traceview.cli.main import main
from traceview.model.errors import BadInput

SAMPLE = Path(__file__).parents[2] / "sample_data" / "traces.parquet"


def run(*arguments: str) -> str:
    found = CliRunner().invoke(main, arguments)
    assert found.exit_code == 0, found.output
    return found.stdout


@pytest.fixture
def labelled(tmp_path: Path) -> tuple[str, list[str]]:
    """The label file of the sample data, and five of its traces that have a mode each."""
    labels = str(tmp_path / "a.labels.db")
    rows = [json.loads(line) for line in run("traces", str(SAMPLE), "-n", "5", "--json").splitlines()]
    ids = [row["trace_id"] for row in rows]
    for number, trace_id in enumerate(ids):
        mode = "made-up `link`" if number < 4 else "Made up link!"
        note = f"note={'```' if number == 3 else ''}ask bob@example.com"
        run("score", str(SAMPLE), trace_id, f"mode={mode}", note, "--labels", labels, "--annotator", "ann")
    return labels, ids


def test_a_ticket_tells_what_a_colleague_needs(labelled: tuple[str, list[str]], tmp_path: Path) -> None:
    labels, ids = labelled
    run("labels", "modes", str(SAMPLE), "--labels", labels, "--tickets", str(tmp_path / "tickets"))
    second, first = sorted((tmp_path / "tickets").iterdir())
    assert first.name == "made-up-link.md" and second.name.startswith("made-up-link-")
    text = first.read_text()
    assert text.startswith("# made-up \\`link\\`\n")
    assert "4 of 5 items that were looked at: 80.0% (95 % interval" in text
    assert text.count("## Example") == 3 and "1 more items have it." in text
    assert "bob@example.com" not in text and "ask <EMAIL_1>" in text and "3 redacted: 3 EMAIL" in text
    # The newest item comes first: its note has a fence of its own, which closes nothing.
    assert "````text\n```ask <EMAIL_1>\n````" in text
    command = next(line for line in text.splitlines() if line.startswith("traceview traces"))
    words = shlex.split(command)[1:]
    found = [json.loads(line) for line in run(*words, "--labels", labels, "--json").splitlines()]
    assert {row["trace_id"] for row in found} == set(ids[:4])


def test_tickets_of_modes_that_were_renamed_are_said_and_left(
    labelled: tuple[str, list[str]], tmp_path: Path
) -> None:
    labels, _ = labelled
    given = ["labels", "modes", str(SAMPLE), "--labels", labels, "--annotator", "ann"]
    given += ["--tickets", str(tmp_path)]
    first = CliRunner().invoke(main, given)
    assert "2 tickets" in first.stderr and "from before" not in first.stderr
    (tmp_path / "mine.md").write_text("# my own notes\n")
    again = CliRunner().invoke(main, [*given, "--rename", "made-up `link`=invented"])
    assert "1 from before are about modes that no item has any more" in again.stderr
    assert again.stderr.rstrip().endswith(".md") and "mine.md" not in again.stderr
    assert (tmp_path / "invented.md").exists() and len(list(tmp_path.glob("made-up*"))) == 2


def test_counts_are_rows_and_a_rename_says_how_many(labelled: tuple[str, list[str]]) -> None:
    labels, _ = labelled
    given = ("labels", "modes", str(SAMPLE), "--labels", labels, "--annotator", "ann")
    rows = [json.loads(line) for line in run(*given, "--json").splitlines()]
    assert [(row["mode"], row["count"], row["reviewed"]) for row in rows] == [
        ("made-up `link`", 4, 5),
        ("Made up link!", 1, 5),
    ]
    merged = CliRunner().invoke(main, [*given, "--rename", "made-up `link`=Made up link!"])
    assert "on 4 items" in merged.stderr
    assert "Made up link!  5" in merged.stdout
    wrong = CliRunner().invoke(main, [*given, "--rename", "gone=x"])
    assert isinstance(wrong.exception, BadInput) and wrong.exception.hint == "given: Made up link!"
